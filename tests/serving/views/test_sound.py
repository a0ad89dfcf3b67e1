"""Sounds of fields and signals, and what other formats take."""

import io

import numpy as np
import pytest
from PIL import Image

import inr
from inr.serving.views._codecs import codec_sizes
from inr.serving.views._sound import peaks, sample_count, write_wav

soundfile = pytest.importorskip("soundfile")


@pytest.fixture(scope="module")
def sound():
    time = np.arange(8000) / 8000
    return inr.from_array((0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), kind="audio", sample_rate=8000)


@pytest.mark.parametrize(("rate", "count"), [(None, 8000), (8000.0, 8000), (44100.0, 44100), (1000.5, 1000)])
def test_samples_at_a_rate(sound, rate, count):
    assert sample_count(sound.domain, rate) == count


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf"), 1e6])
def test_rates_that_are_none(sound, rate):
    with pytest.raises(inr.InrError, match="rate must be"):
        sample_count(sound.domain, rate)


def test_only_sounds_are_heard():
    with pytest.raises(inr.InrError, match="kind image"):
        sample_count(inr.from_array(np.zeros((4, 4), np.uint8)).domain, None)


def test_a_file_at_another_rate(sound, tmp_path):
    samples = np.linspace(-0.9, 0.9, 4000, dtype=np.float32)[:, None]
    write_wav(tmp_path / "sounds" / "a.wav", samples, sound.domain)
    found, rate = soundfile.read(tmp_path / "sounds" / "a.wav", dtype="float32")
    assert rate == 4000
    assert (found == np.clip(samples[:, 0], -0.5, 0.5)).all()  # what lies beyond the range is known to be wrong
    assert [path.name for path in (tmp_path / "sounds").iterdir()] == ["a.wav"]


def test_peaks_are_the_least_and_the_greatest_of_every_part():
    array = np.random.default_rng(0).integers(-30000, 30000, (1003, 2)).astype(np.int16)
    domain = inr.from_array(array, kind="audio", sample_rate=100).domain
    peak = domain.values.high[0]
    found = peaks(array, domain, 10)
    parts = np.array_split(array, [index * 1003 // 10 for index in range(1, 10)])
    expected = [[part.min() / peak, part.max() / peak] for part in parts]
    assert np.abs(np.array(found) - expected).max() <= 6e-5
    assert len(peaks(array, domain, 5000)) == 1003
    for count in (0, 30_000):
        with pytest.raises(inr.InrError, match="1 to 20000 parts"):
            peaks(array, domain, count)


@pytest.fixture(scope="module")
def photo():
    y, x = np.mgrid[:40, :60]
    waves = 128 + 60 * np.sin(x / 5)[..., None] * np.cos(y / np.array([3.0, 4, 7])[:, None, None]).transpose(1, 2, 0)
    return inr.from_array(np.clip(waves + np.random.default_rng(0).normal(0, 4, waves.shape), 0, 255).astype(np.uint8))


def jpeg(array: np.ndarray, quality: int, subsampling: int) -> tuple[int, float]:
    data = io.BytesIO()
    Image.fromarray(array).save(data, "JPEG", quality=quality, optimize=True, subsampling=subsampling)
    back = np.asarray(Image.open(data)).astype(float)
    return len(data.getvalue()), 10 * np.log10(255**2 / np.mean((back - array) ** 2))


def test_sizes_at_a_quality(photo):
    found = {each["format"]: each for each in codec_sizes(photo.array, photo.domain, psnr=34.0)}
    assert {"PNG", "JPEG", "WEBP"} <= set(found)
    assert found["PNG"]["quality"] is None
    assert found["PNG"]["bytes"] == inr.signals.lossless_bytes(photo)
    tried = [jpeg(photo.array, quality, subsampling) for quality in range(1, 101) for subsampling in (0, 2)]
    assert found["JPEG"]["bytes"] == min(size for size, psnr in tried if psnr >= 34)
    for each in found.values():
        assert each["psnr"] is None or each["psnr"] >= 34


def test_sizes_within_bytes(photo):
    found = {each["format"]: each for each in codec_sizes(photo.array, photo.domain, bytes=2000)}
    tried = [jpeg(photo.array, quality, subsampling) for quality in range(1, 101) for subsampling in (0, 2)]
    best = max(psnr for size, psnr in tried if size <= 2000)
    assert found["JPEG"]["bytes"] <= 2000
    assert found["JPEG"]["psnr"] == pytest.approx(best, abs=0.3)  # quality does not grow with every setting
    assert codec_sizes(photo.array, photo.domain, bytes=1)[1]["quality"] == 1  # the smallest there is


@pytest.mark.parametrize(
    "limits", [{}, {"psnr": 30.0, "bytes": 5}, {"psnr": 0.0}, {"bytes": -1}, {"psnr": float("nan")}]
)
def test_limits_that_are_none(photo, limits):
    with pytest.raises(inr.InrError):
        codec_sizes(photo.array, photo.domain, **limits)


def test_formats_of_pictures_only():
    volume = inr.from_array(np.zeros((3, 4, 5), np.float32) + np.arange(5), kind="volume")
    with pytest.raises(inr.InrError, match="kind volume"):
        codec_sizes(volume.array, volume.domain, psnr=30.0)


def test_pictures_that_would_take_minutes(photo, monkeypatch):
    height, width, _ = photo.array.shape
    monkeypatch.setattr("inr.serving.views._codecs._MAX_PIXELS", height * width - 1)
    with pytest.raises(
        inr.InrError, match=f"for pictures of up to {height * width - 1:,} pixels, not {height * width:,}"
    ):
        codec_sizes(photo.array, photo.domain, psnr=30.0)
