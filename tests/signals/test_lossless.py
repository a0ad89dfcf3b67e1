"""What signals take without loss: by our own measure, and by the libraries that write such files."""

import io

import numpy as np
import pytest
from PIL import Image

import inr
from inr.signals import lossless_bytes, lossless_size, source_size
from inr.signals._png import filtered_rows

pytestmark = pytest.mark.quick


def smooth(height: int = 40, width: int = 56) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([3 * x + y, 2 * y, x + y], axis=-1).astype(np.uint8)


def written_as_png(pixels: np.ndarray) -> int:
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG", optimize=True)
    return len(packed.getvalue())


def test_filters_can_be_undone_from_what_stood_before():
    picture = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    rows = filtered_rows(picture, 2, 4)
    flat = picture.reshape(6, -1)
    assert rows[:, :, 0].tolist() == [[kind, kind] for kind in range(5)]
    assert np.array_equal(rows[0, :, 1:], flat[2:4])
    assert np.array_equal(rows[2, :, 1:], flat[2:4] - flat[1:3])
    assert np.array_equal(rows[1, :, 4:], flat[2:4, 3:] - flat[2:4, :-3])


@pytest.mark.parametrize("name", ["smooth", "noise", "flat", "screen", "grey", "tiny"])
def test_a_picture_takes_about_what_a_png_takes(name):
    noise = np.random.default_rng(1).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    screen = np.where(noise[..., :1] > 200, 255, 0).astype(np.uint8).repeat(3, axis=2)
    pictures = {
        "smooth": smooth(), "noise": noise, "flat": np.full_like(noise, 7), "screen": screen,
        "grey": noise[..., 0], "tiny": noise[:1, :2],
    }  # fmt: skip
    ours, theirs = lossless_size(inr.from_array(pictures[name])), written_as_png(pictures[name])
    assert ours.format == "PNG"
    assert ours.bytes <= 1.02 * theirs + 4
    if name in ("noise", "grey"):
        assert ours.bytes > 0.98 * theirs


def test_pictures_of_16_bits_are_filtered_too():
    ramp = (smooth().astype(np.uint16) * 257)[..., 0]
    assert lossless_bytes(inr.from_array(ramp)) < ramp.nbytes / 4


def test_a_smaller_lossless_source_counts_and_a_lossy_one_does_not(tmp_path):
    pixels = smooth()
    Image.fromarray(pixels).save(tmp_path / "a.webp", lossless=True)
    Image.fromarray(pixels).save(tmp_path / "b.jpg", quality=5)
    signal = inr.from_array(pixels)
    own = lossless_bytes(signal)
    webp, jpeg = source_size(tmp_path / "a.webp"), source_size(tmp_path / "b.jpg")
    assert (webp.lossy, jpeg.lossy) == (False, True)
    assert lossless_bytes(signal, tmp_path / "a.webp") == min(own, webp.bytes)
    assert lossless_size(signal, tmp_path / "b.jpg") == lossless_size(signal)


def test_a_folder_of_frames_counts_as_all_its_files(tmp_path):
    for index in range(3):
        Image.fromarray(smooth()).save(tmp_path / f"{index}.png")
    assert source_size(tmp_path).bytes == 3 * (tmp_path / "0.png").stat().st_size
    assert not source_size(tmp_path).lossy


def test_sounds_of_integers_are_flac_even_as_floats():
    pytest.importorskip("soundfile")
    wave = np.rint(8000 * np.sin(np.arange(4000) / 9)).astype(np.int16)
    as_integers = inr.from_array(wave, kind="audio", sample_rate=8000)
    as_floats = inr.from_array((wave / 32768).astype(np.float32), kind="audio", sample_rate=8000)
    assert lossless_size(as_integers) == lossless_size(as_floats)
    assert lossless_size(as_integers).format == "FLAC"
    assert lossless_bytes(as_integers) < 0.9 * wave.nbytes
    between = inr.from_array(np.sin(np.arange(4000, dtype=np.float32)), kind="audio", sample_rate=8000)
    assert lossless_size(between).format == ".npz"


def test_videos_are_ffv1():
    pytest.importorskip("av")
    frames = np.stack([np.roll(smooth(), shift, axis=1) for shift in range(4)])
    found = lossless_size(inr.from_array(frames, kind="video"))
    assert found.format == "FFV1"
    assert found.bytes < frames.nbytes / 2


def test_without_the_library_a_compressed_array_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    wave = inr.from_array(np.zeros(400, np.int16), kind="audio", sample_rate=8000, value_range=(-1, 1))
    assert lossless_size(wave).format == ".npz"


def test_volumes_and_scattered_samples_are_compressed_arrays():
    volume = inr.from_array(np.zeros((8, 8, 8), np.float32), kind="volume", value_range=(0, 1))
    assert lossless_size(volume).format == ".npz"
    assert lossless_bytes(volume) < 1000
    places = np.random.default_rng(2).random((500, 2))
    scattered = inr.signals.from_samples(places, places.sum(axis=1))
    assert lossless_bytes(scattered) > 0.8 * (places.nbytes + places.nbytes / 2)


def test_which_sounds_and_further_pictures_are_lossy(tmp_path):
    soundfile, codecs = pytest.importorskip("soundfile"), pytest.importorskip("imagecodecs")
    tone, picture = np.sin(np.arange(3000) / 7) / 2, np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    for lossy, form, subtype in (
        (True, "MP3", "MPEG_LAYER_III"), (True, "OGG", "VORBIS"), (True, "WAV", "MS_ADPCM"), (True, "WAV", "GSM610"),
        (False, "WAV", "PCM_16"), (False, "WAV", "FLOAT"), (False, "WAVEX", "PCM_24"), (False, "FLAC", "PCM_16"),
        (False, "AIFF", "PCM_16"),
    ):  # fmt: skip
        soundfile.write(tmp_path / "sound", tone, 8000, format=form, subtype=subtype)
        assert source_size(tmp_path / "sound").lossy == lossy, (form, subtype)
    for lossy, data in (
        (True, codecs.avif_encode(picture)),
        (True, codecs.jpegxl_encode(picture)),
        (False, codecs.jpegls_encode(picture)),
        (False, codecs.qoi_encode(picture)),
    ):
        (tmp_path / "picture").write_bytes(data)
        assert source_size(tmp_path / "picture").lossy == lossy, data[:12]


def test_a_video_is_lossy_whatever_it_is_called(tmp_path):
    pytest.importorskip("av")
    frames = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    inr.from_array(frames, kind="video").save(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").rename(tmp_path / "clip")
    assert source_size(tmp_path / "clip").lossy
