"""PSNR, SNR and SSIM against their definitions."""

import math

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch

from inr.signals import psnr, snr, ssim

pytestmark = pytest.mark.quick


def test_psnr_by_hand():
    reference = np.array([[10, 20], [30, 40]], np.uint8)
    estimate = np.array([[12, 20], [30, 36]], np.uint8)
    assert psnr(reference, estimate, 255) == pytest.approx(10 * math.log10(255**2 / 5))


@hypothesis.given(st.floats(1e-3, 1e3), st.floats(-100, 100), st.floats(0.01, 100))
def test_psnr_does_not_change_with_the_units(scale, shift, data_range):
    rng = np.random.default_rng(0)
    reference, estimate = rng.normal(size=(2, 50))
    expected = psnr(reference, estimate, data_range)
    assert psnr(reference * scale + shift, estimate * scale + shift, data_range * scale) == pytest.approx(expected)


def test_small_integers_do_not_wrap_around():
    assert psnr(np.array([0], np.uint8), np.array([255], np.uint8), 255) == 0
    assert psnr(np.array([-32768], np.int16), np.array([32767], np.int16), 65535) == 0


def test_large_arrays_are_summed_like_small_ones():
    reference = np.random.default_rng(0).normal(size=(3, 1_100_000)).astype(np.float32)
    estimate = reference + np.float32(0.25)
    assert psnr(reference, estimate, 1) == pytest.approx(20 * math.log10(4), abs=1e-4)


def test_snr_of_silence_is_zero_and_of_a_tenth_of_the_error_twenty():
    reference = np.sin(np.arange(1000))
    assert snr(reference, np.zeros(1000)) == pytest.approx(0)
    assert snr(reference, 0.9 * reference) == pytest.approx(20)


def test_equal_signals_score_infinity_and_an_empty_reference_minus_infinity():
    ones = np.ones((20, 20))
    assert psnr(ones, ones, 1) == math.inf
    assert snr(ones, ones) == math.inf
    assert snr(0 * ones, ones) == -math.inf
    assert ssim(ones, ones, 1) == pytest.approx(1)


def test_tensors_are_measured_like_arrays():
    reference, estimate = np.random.default_rng(0).random((2, 16, 16, 3)).astype(np.float32)
    tensors = torch.from_numpy(reference), torch.from_numpy(estimate).requires_grad_()
    assert psnr(*tensors, 1) == psnr(reference, estimate, 1)
    assert snr(*tensors) == snr(reference, estimate)
    assert ssim(*tensors, 1) == ssim(reference, estimate, 1)


def ssim_by_definition(x: np.ndarray, y: np.ndarray, data_range: float) -> float:
    """Wang et al. 2004, one window at a time, over the windows that lie wholly inside."""
    kernel = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(kernel, kernel) / kernel.sum() ** 2
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    scores = []
    for i in range(x.shape[0] - 10):
        for j in range(x.shape[1] - 10):
            a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            ma, mb = (window * a).sum(), (window * b).sum()
            va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
            cov = (window * (a - ma) * (b - mb)).sum()
            scores.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return float(np.mean(scores))


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_against_its_definition(channels):
    rng = np.random.default_rng(5)
    reference = rng.random((15, 13, channels)) * 200
    estimate = reference + rng.normal(0, 20, reference.shape)
    expected = np.mean([ssim_by_definition(reference[..., c], estimate[..., c], 255) for c in range(channels)])
    assert ssim(reference, estimate, 255) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_what_its_window_does_not_fit_in_is_none():
    assert ssim(np.zeros((10, 40)), np.zeros((10, 40)), 1) is None
    assert ssim(np.zeros((11, 11)), np.zeros((11, 11)), 1) == pytest.approx(1)


def test_what_cannot_be_compared_is_refused(refused):
    refused(lambda: psnr(np.zeros(3), np.zeros(4), 1), "(3,)", "(4,)")
    refused(lambda: snr(np.zeros(0), np.zeros(0)), "without samples")
    refused(lambda: psnr(np.zeros(3), np.zeros(3), 0), "data_range")
    refused(lambda: ssim(np.zeros(30), np.zeros(30), 1), "(H, W)")
