"""MS-SSIM against what can be worked out by hand."""

import numpy as np
import pytest

from inr import InrError
from inr.signals import ms_ssim, ssim

SIDE = 176


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE + 5, 3), dtype=np.uint8)


def test_equal_pictures_are_one(noise):
    assert ms_ssim(noise, noise, 255) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("dark", "light"), [(100.0, 150.0), (0.0, 255.0), (20.0, 30.0)])
def test_flat_pictures_differ_by_the_brightness_of_the_coarsest_scale(dark, light):
    """There is no contrast to compare; the coarsest scale counts 0.1333."""
    small = 2.55**2
    expected = ((2 * dark * light + small) / (dark**2 + light**2 + small)) ** 0.1333
    assert ms_ssim(np.full((SIDE, SIDE), dark), np.full((SIDE, SIDE), light), 255) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("gain", [0.25, 0.5, 1.5])
def test_an_alternation_of_pixels_counts_at_the_finest_scale_alone(gain):
    """It is flat from the second scale on; all of its windows have the same contrast."""
    rows, columns = np.indices((192, 192))
    board = np.where((rows + columns) % 2, 60.0, -60.0)
    small = (0.03 * 255) ** 2
    finest = (2 * gain * 60**2 + small) / ((1 + gain**2) * 60**2 + small)
    # the window lets 1.5e-5 of an alternation through
    assert ms_ssim(128 + board, 128 + gain * board, 255) == pytest.approx(finest**0.0448, abs=1e-6)


def test_of_one_scale_it_is_ssim(noise, monkeypatch):
    monkeypatch.setattr("inr.signals._ms_ssim.SCALE_WEIGHTS", (1.0,))
    coarse = noise // 16 * 16
    assert ms_ssim(noise, coarse, 255) == pytest.approx(ssim(noise, coarse, 255), abs=1e-9)


def test_channels_are_averaged(noise):
    coarse = noise // 64 * 64
    each = [ms_ssim(noise[..., index], coarse[..., index], 255) for index in range(3)]
    assert ms_ssim(noise, coarse, 255) == pytest.approx(np.mean(each), rel=1e-12)


def test_units_do_not_matter(noise):
    first, second = noise.astype(np.float64), (noise // 32 * 32).astype(np.float64)
    assert ms_ssim(first / 255, second / 255, 1) == pytest.approx(ms_ssim(first, second, 255), rel=1e-9)


def test_pictures_that_contradict_each_other_are_not_below_zero(noise):
    assert ms_ssim(noise, 255 - noise, 255) == 0


def test_small_pictures_have_none():
    flat = np.zeros((160, 400), np.uint8)
    assert ms_ssim(flat, flat, 255) is None


@pytest.mark.parametrize(
    ("shapes", "data_range"), [(((200, 200), (200, 201)), 255), (((200,), (200,)), 255), (((200, 200), (200, 200)), 0)]
)
def test_what_cannot_be_compared_is_refused(shapes, data_range):
    with pytest.raises(InrError):
        ms_ssim(*map(np.zeros, shapes), data_range)
