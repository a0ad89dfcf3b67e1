"""Videos and folders of frames there and back."""

import importlib
import re
import warnings
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from inr._errors import InrWarning
from inr.signals import Signal, psnr, write
from inr.signals import open as open_signal

av = pytest.importorskip("av")


@pytest.mark.parametrize("size", [(24, 32), (23, 31), (1, 2)])
def test_mp4_comes_back_close(tmp_path, clip, size):
    signal = Signal.from_array(clip[:, : size[0], : size[1]].copy(), kind="video", fps=12.5)
    signal.save(tmp_path / "a.mp4")
    found = open_signal(tmp_path / "a.mp4")
    assert found.domain == signal.domain
    assert psnr(signal.array, found.array, 255) > 42  # 43.5 dB at worst when written


def test_grey_frames_come_back_from_mp4_in_three_equal_channels(tmp_path, clip):
    signal = Signal.from_array(clip[..., 0].copy(), kind="video")
    signal.save(tmp_path / "a.mp4")
    found = open_signal(tmp_path / "a.mp4").array
    assert (found == found[..., :1]).all()
    assert psnr(signal.array, found[..., :1], 255) > 42


def test_grey_pixels_are_read_as_one_channel(tmp_path, clip):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "gray"
        for frame in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame[..., 0].copy(), format="gray")))
        container.mux(stream.encode(None))
    np.testing.assert_array_equal(open_signal(tmp_path / "a.mkv").array, clip[..., :1])


@pytest.mark.parametrize("fps", [1, 25, 30000 / 1001, 60])
def test_rate_and_duration_are_kept(tmp_path, clip, fps):
    Signal.from_array(clip, kind="video", fps=fps).save(tmp_path / "a.mp4")
    domain = open_signal(tmp_path / "a.mp4").domain
    assert domain.meta["fps"] == pytest.approx(fps, rel=1e-4)
    assert [(axis.name, axis.unit) for axis in domain.axes] == [("x", "px"), ("y", "px"), ("t", "s")]
    assert domain.axes[2].high == pytest.approx(12 / fps, rel=1e-4)


def test_more_frames_over_the_same_duration_mean_a_higher_rate(tmp_path, clip):
    domain = Signal.from_array(clip, kind="video", fps=10).domain
    write(tmp_path / "a.mp4", np.repeat(clip, 2, axis=0), domain)
    found = open_signal(tmp_path / "a.mp4")
    assert (found.domain.shape[0], found.domain.meta["fps"]) == (24, 20)


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 1), (np.uint8, 3), (np.uint8, 4), (np.uint16, 3)])
def test_a_folder_of_frames_keeps_every_bit(tmp_path, dtype, channels):
    frames = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (11, 6, 5, channels), dtype, endpoint=True)
    signal = Signal.from_array(frames, kind="video")
    signal.save(tmp_path / "frames")
    assert sorted(path.name for path in (tmp_path / "frames").iterdir())[:2] == ["0001.png", "0002.png"]
    found = open_signal(tmp_path / "frames")
    np.testing.assert_array_equal(found.array, frames)
    assert found.domain == signal.domain


def test_frames_are_sorted_as_people_count(tmp_path):
    for index in range(1, 13):
        Image.new("L", (3, 2), index).save(tmp_path / f"frame{index}.png")
    (tmp_path / "notes.txt").write_text("not a frame")
    (tmp_path / ".hidden.png").write_text("not a frame either")
    found = open_signal(tmp_path)
    assert found.array[:, 0, 0, 0].tolist() == list(range(1, 13))


def test_a_name_that_ends_in_a_slash_is_a_folder(tmp_path, clip):
    Signal.from_array(clip, kind="video").save(f"{tmp_path}/take.2/")
    assert open_signal(tmp_path / "take.2").domain.shape == (12, 24, 32)


def test_a_folder_is_replaced_only_with_force_and_never_with_other_files_in_it(tmp_path, clip, refused):
    first, second = Signal.from_array(clip, kind="video"), Signal.from_array(clip[:5], kind="video")
    first.save(tmp_path / "frames")
    refused(lambda: second.save(tmp_path / "frames"), "exists", "--force")
    second.save(tmp_path / "frames", force=True)
    assert open_signal(tmp_path / "frames").domain.shape[0] == 5
    (tmp_path / "frames" / "diary.txt").write_text("dear")
    refused(lambda: first.save(tmp_path / "frames", force=True), "diary.txt")
    assert (tmp_path / "frames" / "diary.txt").read_text() == "dear"
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


def test_a_failed_write_leaves_what_was_there(tmp_path, clip, monkeypatch, refused):
    Signal.from_array(clip, kind="video").save(tmp_path / "frames")
    image = importlib.import_module("inr.signals._image")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(image, "encode", full)
    refused(lambda: Signal.from_array(clip[:5], kind="video").save(tmp_path / "frames", force=True), "disk is full")
    assert open_signal(tmp_path / "frames").domain.shape[0] == 12
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


def test_an_animated_gif_is_a_video(tmp_path, clip):
    frames = [Image.fromarray(frame).quantize(64) for frame in clip]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=40, loop=0)
    found = open_signal(tmp_path / "a.gif")
    assert (found.domain.kind, found.domain.shape, found.domain.meta["fps"]) == ("video", (12, 24, 32), 25)
    expected = np.stack([np.asarray(frame.convert("RGB")) for frame in frames])
    np.testing.assert_array_equal(found.array, expected)


def test_a_rotated_recording_is_turned_upright(tmp_path, clip):
    Signal.from_array(clip, kind="video").save(tmp_path / "a.mp4")
    stored = open_signal(tmp_path / "a.mp4").array
    data = (tmp_path / "a.mp4").read_bytes()
    one = 1 << 16
    # the track header's matrix: x' = -y, y' = x turns the stored picture a quarter clockwise
    plain, turned = ([one, 0, 0, 0, one, 0, 0, 0, 1 << 30], [0, one, 0, -one, 0, 0, 0, 0, 1 << 30])
    matrices = [b"".join(value.to_bytes(4, "big", signed=True) for value in matrix) for matrix in (plain, turned)]
    start = data.index(b"tkhd")
    (tmp_path / "b.mp4").write_bytes(data[:start] + data[start:].replace(*matrices, 1))
    np.testing.assert_array_equal(open_signal(tmp_path / "b.mp4").array, np.rot90(stored, -1, axes=(1, 2)))


def test_16_bit_and_float_videos_spread_over_8_bits_in_mp4(tmp_path, clip):
    for name, frames in (("wide", clip.astype(np.uint16) * 257), ("float", clip.astype(np.float32) / 255)):
        Signal.from_array(frames, kind="video").save(tmp_path / f"{name}.mp4")
        assert psnr(clip, open_signal(tmp_path / f"{name}.mp4").array, 255) > 42


def test_transparency_is_refused_in_mp4(tmp_path, refused):
    signal = Signal.from_array(np.zeros((3, 4, 5, 4), np.uint8), kind="video")
    refused(lambda: signal.save(tmp_path / "a.mp4"), "4", "folder")


def test_a_video_needs_two_frames(tmp_path, clip, refused):
    refused(lambda: Signal.from_array(clip[:1], kind="video"), "one frame", "image")
    Image.fromarray(clip[0]).save(tmp_path / "1.png")
    refused(lambda: open_signal(tmp_path), "one frame")
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(clip[0], format="rgb24")))
        container.mux(stream.encode(None))
    refused(lambda: open_signal(tmp_path / "a.mp4"), "one frame")


def test_frames_of_different_sizes_are_refused(tmp_path, refused):
    Image.new("RGB", (4, 5)).save(tmp_path / "1.png")
    Image.new("RGB", (4, 6)).save(tmp_path / "2.png")
    message = refused(lambda: open_signal(tmp_path), "4 x 5", "4 x 6", "1.png", "2.png")
    assert re.search("differ", message)


def test_a_film(shared_data):
    signal = open_signal(shared_data / "video" / "bikes.mp4")
    assert (signal.domain.shape, signal.domain.meta["fps"], signal.domain.axes[2].high) == ((250, 272, 640), 25, 10)
    assert 30 < signal.array.mean() < 220


def filmed(path, frames, form, *, codec="ffv1", pix_fmt=None, times=None, aspect=None):
    """A lossless video of the frames, which are of PyAV's format `form`; `times` are in milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pix_fmt or form
        if times is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format=form)
            if times is not None:
                picture.pts, picture.time_base = times[index], Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def without_nominal_rate(path):
    """Take the element DefaultDuration out of a Matroska file, as browsers' recorders leave it out."""
    data = path.read_bytes()
    at = data.index(b"\x23\xe3\x83\x84")
    path.write_bytes(data[:at] + b"\xec\x86" + bytes(6) + data[at + 8 :])


@pytest.mark.parametrize("nominal", [True, False])
@pytest.mark.parametrize("suffix", ["mkv", "webm"])
def test_the_rate_follows_from_the_times_of_the_frames(tmp_path, clip, suffix, nominal):
    path, times = tmp_path / f"a.{suffix}", [0, 40, 90, 700, 1300, 1340, 1370, 3000, 3050, 3100, 3140, 3200]
    codec = {"mkv": "ffv1", "webm": "libvpx-vp9"}[suffix]
    filmed(path, clip, "rgb24", codec=codec, pix_fmt="bgr0" if suffix == "mkv" else "yuv420p", times=times)
    if not nominal:
        without_nominal_rate(path)
    with pytest.warns(InrWarning, match=r"unevenly spaced.*at 3\.[67]\d* a second.*up to 1\.\d* s"):
        found = open_signal(path)
    assert found.domain.axes[2].high == pytest.approx(3.24, abs=0.011)  # the last is shown as long as one of the others
    assert found.domain.meta["fps"] == pytest.approx(12 / 3.24, rel=0.004)


def test_a_steady_rate_is_found_without_a_nominal_one_and_in_spite_of_rounded_times(tmp_path, clip):
    for rate in (24, 30_000 / 1001):
        filmed(tmp_path / "a.mkv", clip, "rgb24", pix_fmt="bgr0", times=[round(1000 * n / rate) for n in range(12)])
        without_nominal_rate(tmp_path / "a.mkv")
        assert open_signal(tmp_path / "a.mkv").domain.meta["fps"] == pytest.approx(rate, rel=0.005)


def test_pace():
    pace = importlib.import_module("inr.signals._frame_times").pace
    assert pace([0.0, 0.04, 0.08], 0.04, 0.001, 25.0) == (25.0, 0.0)
    assert pace([5.0, 5.033, 5.067], 0.033, 0.001, 30.0) == (30.0, 0.0)  # to milliseconds
    assert pace([0.0, 0.5, 1.0], 0.0, 0.001, 30.0) == (2.0, 0.0)  # not what the header says, but steady
    assert pace([0.0, 0.1, 2.0], 0.1, 0.001, 30.0) == (pytest.approx(3 / 2.1), pytest.approx(0.6))
    for times in ([0.0], [0.0, None], [0.0, 0.0], [1.0, 0.5]):
        assert pace(times, 0.04, 0.001, 25.0) is None


@pytest.mark.parametrize(
    ("form", "bits", "channels"),
    [("gray16le", 16, 1), ("gray10le", 10, 1), ("gray12le", 12, 1), ("gbrp16le", 16, 3), ("gbrp10le", 10, 3)],
)
def test_videos_of_more_than_8_bits_are_read_exactly(tmp_path, form, bits, channels):
    shape = (3, 24, 32) if channels == 1 else (3, 24, 32, 3)
    frames = np.random.default_rng(bits).integers(0, 2**bits, shape, np.uint16)
    filmed(tmp_path / "a.mkv", frames, form)
    found = open_signal(tmp_path / "a.mkv").array
    assert (found.shape, found.dtype) == ((3, 24, 32, channels), np.uint16)
    np.testing.assert_array_equal(found >> (16 - bits), frames.reshape(found.shape))
    if bits < 16:  # white is white: the upper bits are repeated below
        np.testing.assert_array_equal(found & (2 ** (16 - bits) - 1), found >> bits)


def test_10_bits_of_brightness_and_colour_are_not_cut_to_8(tmp_path):
    ramp = np.broadcast_to(np.arange(96, dtype=np.uint16)[None, None, :, None] * 100 + 20_000, (3, 8, 96, 3))
    filmed(tmp_path / "a.mkv", ramp.copy(), "rgb48le", pix_fmt="yuv444p10le")
    found = open_signal(tmp_path / "a.mkv").array.astype(int)
    assert np.abs(found - ramp).max() < 75  # a step of 10 bits is 64, of 8 bits 257


def test_the_aspect_of_pixels_is_kept(tmp_path, clip):
    filmed(tmp_path / "a.mp4", clip, "rgb24", codec="libx264", pix_fmt="yuv444p", aspect=Fraction(64, 45))
    found = open_signal(tmp_path / "a.mp4")
    assert found.domain.meta == {"fps": 25.0, "pixel_aspect": [64, 45]}
    found.save(tmp_path / "b.mp4")
    assert open_signal(tmp_path / "b.mp4").domain.meta == found.domain.meta
    write(tmp_path / "c.mp4", np.repeat(found.array, 2, axis=2), found.domain)  # pixels half as wide
    assert open_signal(tmp_path / "c.mp4").domain.meta["pixel_aspect"] == [32, 45]


def test_transparency_is_dropped_and_said(tmp_path, clip):
    opaque = np.concatenate([clip, np.full((*clip.shape[:3], 1), 255, np.uint8)], axis=3)
    filmed(tmp_path / "opaque.mkv", opaque, "bgra")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(open_signal(tmp_path / "opaque.mkv").array, clip[..., ::-1])
    opaque[5, 3, 4, 3] = 200
    filmed(tmp_path / "clear.mkv", opaque, "bgra")
    with pytest.warns(InrWarning, match=r"transparency is dropped"):
        np.testing.assert_array_equal(open_signal(tmp_path / "clear.mkv").array, clip[..., ::-1])


@pytest.mark.parametrize(
    ("names", "is_video"),
    [
        (["0.png", "1.png", "10.png"], True),
        (["frame_0001.png", "frame_0002.jpg"], True),
        (["take 2 shot 1 007.png", "take 2 shot 1 008.png"], True),
        (["cat.png", "dog.png"], False),
        (["a1.png", "b2.png"], False),
        (["IMG_20240101_120000.png", "IMG_20240102_093000.png"], False),
        (["a.png", "a1.png"], False),
    ],
)
def test_a_folder_is_a_video_where_its_files_are_numbered(tmp_path, refused, names, is_video):
    for level, name in enumerate(names):
        Image.new("L", (5, 4), level).save(tmp_path / name)
    if is_video:
        assert open_signal(tmp_path).domain.shape == (len(names), 4, 5)
    else:
        refused(lambda: open_signal(tmp_path), "set of pictures", f"fit them with: inr fit {tmp_path} -o")


def test_frames_may_be_pictures_of_any_format(tmp_path, clip):
    for index, frame in enumerate(clip):
        Image.fromarray(frame).save(tmp_path / f"{index}.bmp")
    np.testing.assert_array_equal(open_signal(tmp_path).array, clip)
