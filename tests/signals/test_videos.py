"""Videos and folders of frames there and back."""

import importlib
import re

import numpy as np
import pytest
from PIL import Image

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
