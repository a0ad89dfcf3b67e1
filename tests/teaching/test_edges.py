"""Edge maps: where pictures, sounds and volumes change, and how much of them."""

import numpy as np
import pytest

from inr import Signal
from inr.teaching._edges import _canny, edge_samples, slopes


def picture(channels=1):
    """A bright square from 10 to 29 on a dark ground, 48 x 40."""
    samples = np.full((48, 40, channels), 30, np.uint8)
    samples[10:30, 10:30] = 220
    return Signal.from_array(samples, kind="image", channels_last=True)


def mask(signal, indices):
    found = np.zeros(signal.size, bool)
    found[indices] = True
    return found.reshape(signal.domain.shape)


def textured(seed=0):
    """Smooth noise, 96 x 80, with edges of all strengths."""
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal((96, 80)))
    y, x = np.fft.fftfreq(96)[:, None], np.fft.rfftfreq(80)[None]
    samples = np.fft.irfft2(spectrum / (0.01 + x**2 + y**2), (96, 80))
    return Signal.from_array((samples - samples.min()) / np.ptp(samples), kind="image")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_edges_of_a_square_are_its_border(channels):
    signal = picture(channels)
    found = mask(signal, edge_samples(signal, 400, 0))
    for side in (found[9:11, 11:29], found[29:31, 11:29], found[11:29, 9:11].T, found[11:29, 29:31].T):
        assert side.any(axis=0).all()
    assert not found[:8].any()
    assert not found[13:27, 13:27].any()


def test_of_colours_only_their_grey_counts():
    samples = np.zeros((20, 20, 4), np.uint8)
    samples[:, 10:, 3] = 255  # an edge of the transparency alone
    signal = Signal.from_array(samples, kind="image")
    assert len(edge_samples(signal, 50, 0)) == 0
    assert slopes(signal).max() == 0


@pytest.mark.parametrize("count", [200, 700, 1900])
def test_the_search_finds_the_area_wanted(count):
    signal = textured()
    grey = (signal.array[..., 0] - 0.0).astype(np.float32)
    assert abs(_canny(grey, count).sum() - count) <= 0.2 * count
    assert len(edge_samples(signal, count, 0)) == count


def test_stronger_edges_come_first():
    signal = textured()
    strengths = slopes(signal).ravel()
    few = edge_samples(signal, 150, 0)
    many = edge_samples(signal, 1500, 0)
    assert strengths[few].mean() > strengths[many].mean() > strengths.mean()


def test_thinning_is_random_and_under_the_seed():
    signal = textured()
    first = edge_samples(signal, 300, 1)
    assert np.array_equal(first, edge_samples(signal, 300, 1))
    assert not np.array_equal(first, edge_samples(signal, 300, 2))
    assert (np.diff(first) > 0).all()


@pytest.mark.parametrize("shape", [(1, 30), (2, 2), (30, 1), (16, 16)])
def test_pictures_without_edges_have_none(shape):
    assert len(edge_samples(Signal.from_array(np.full(shape, 7, np.uint8), kind="image"), 2, 0)) == 0


def test_sounds_volumes_and_videos_by_their_largest_slopes():
    square = np.repeat([0.0, 0.5, 0.0, -1.0], 50)
    sound = Signal.from_array(square, kind="audio", sample_rate=8000)
    assert edge_samples(sound, 2, 0).tolist() == [149, 150]
    assert edge_samples(sound, 100, 0).tolist() == [49, 50, 99, 100, 149, 150]
    opposite = Signal.from_array(np.stack([square, -square], axis=1), kind="audio", sample_rate=8000)
    assert edge_samples(opposite, 2, 0).tolist() == [149, 150]
    cube = np.zeros((12, 14, 16), np.float32)
    cube[4:8, 4:10, 4:12] = 1
    for kind in ("volume", "video"):
        signal = Signal.from_array(cube, kind=kind)
        found = mask(signal, edge_samples(signal, 400, 0))
        assert found.sum() == 400
        assert found[3:5, 6:8, 6:10].all()
        assert not found[:2].any()
        assert not found[:, :, 14:].any()


def test_slopes_have_the_grid_of_the_signal():
    for axes in range(1, 5):
        samples = np.random.default_rng(0).standard_normal((5, 4, 3, 6)[:axes]).astype(np.float32)
        found = slopes(Signal.from_array(samples, kind="volume"))
        assert found.shape == samples.shape
        assert found.dtype == np.float32
    ramp = slopes(Signal.from_array(np.arange(32, dtype=np.float32).reshape(4, 8), kind="volume"))
    np.testing.assert_allclose(ramp[1:-1, 1:-1], ramp[1, 1], rtol=1e-5)
