"""How close decoded samples and pictures come to a signal, measured by other code than that which is judged."""

import math

import numpy as np
from skimage.metrics import structural_similarity

from inr import signals

_SIGMA = 1.5  # of the window of SSIM


def psnr(reference: np.ndarray, decoded: np.ndarray, peak: float) -> float:
    """In dB, of all values together; infinite where they are equal."""
    if reference.shape != decoded.shape:
        raise ValueError(f"shapes {reference.shape} and {decoded.shape} differ")
    missed = np.square(reference.astype(np.float64) - decoded.astype(np.float64)).mean()
    return 10 * math.log10(peak**2 / missed) if missed else math.inf


def picture_psnr(reference: np.ndarray, decoded: np.ndarray) -> float:
    """In dB, of pictures as they are shown: 8-bit, so clamped and rounded already."""
    if not reference.dtype == decoded.dtype == np.uint8:
        raise ValueError(f"8-bit pictures are compared, not {reference.dtype} and {decoded.dtype}")
    return psnr(reference, decoded, 255.0)


def ssim(reference: np.ndarray, decoded: np.ndarray) -> float:
    """With the Gaussian window of its authors, as the mean over colours."""
    return float(
        structural_similarity(
            reference, decoded, data_range=255, gaussian_weights=True, sigma=_SIGMA, use_sample_covariance=False,
            channel_axis=-1,
        )
    )  # fmt: skip


def ms_ssim(reference: np.ndarray, decoded: np.ndarray) -> float | None:
    """Of 8-bit pictures, as the mean over colours; None for pictures too small for five scales."""
    return signals.ms_ssim(reference, decoded, data_range=255)
