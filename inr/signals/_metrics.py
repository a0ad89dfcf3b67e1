"""How far an estimate is from its reference: PSNR, SNR and SSIM, always in the reference's own units."""

import math
from typing import Any

import numpy as np
from jaxtyping import Bool

from inr._errors import InrError
from inr._tensor import as_numpy

_BLOCK_SIZE = 1 << 20  # values that are compared at once, in float64
_STRIP_ROWS = 256  # rows at a time: skimage keeps a dozen float64 arrays of what it is given
_WINDOW = 11  # samples across the Gaussian window of SSIM at sigma 1.5, as skimage truncates it


def psnr(reference: Any, estimate: Any, data_range: float) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(data_range² / mean squared error).

    Args:
        reference, estimate: arrays or tensors of one shape, in the same units.
        data_range: peak-to-peak range in those units (255 for 8-bit images); for sounds the domain's
            `values.data_range`, which is twice the peak.

    Returns:
        dB; infinity when the two are equal.

    Raises:
        InrError: shapes that differ, arrays without samples, or a range that is not positive.

    >>> picture = np.full((4, 4), 100, np.uint8)
    >>> round(inr.signals.psnr(picture, picture + 1, data_range=255), 2)
    48.13
    """
    if not data_range > 0:
        raise InrError(f"data_range must be positive, got {data_range}")
    error, _ = _energies(reference, estimate)
    return math.inf if error == 0 else 10 * math.log10(data_range**2 / error)


def snr(reference: Any, estimate: Any) -> float:
    """Signal-to-noise ratio in dB: 10 log10(mean reference² / mean squared error); silence scores 0.

    Args:
        reference, estimate: arrays or tensors of one shape, in the same units.

    Returns:
        dB; infinity when the two are equal, minus infinity when only the reference is all zero.

    Raises:
        InrError: shapes that differ, or arrays without samples.

    >>> round(inr.signals.snr(np.ones(100), np.full(100, 0.9)), 2)
    20.0
    """
    error, power = _energies(reference, estimate)
    if error == 0:
        return math.inf
    return 10 * math.log10(power / error) if power > 0 else -math.inf


def ssim(
    reference: Any, estimate: Any, data_range: float, missing: Bool[np.ndarray, "h w"] | None = None
) -> float | None:
    """Structural similarity (Wang et al., 2004) with its Gaussian window, sigma 1.5, averaged over channels.

    Args:
        reference, estimate: images (H, W) or (H, W, C) in the same units.
        data_range: peak-to-peak range in those units.
        missing: pixels around which nothing is compared.

    Returns:
        At most 1, which means equal; None for images under 11 pixels in height or width, which the window
        does not fit in, and where no pixel remains.

    Raises:
        InrError: shapes that differ, or that are not of images.
    """
    from skimage.metrics import structural_similarity

    first, second = _pair(reference, estimate)
    if first.ndim not in (2, 3):
        raise InrError(f"ssim compares images (H, W) or (H, W, C), got shape {first.shape}")
    if min(first.shape[:2]) < _WINDOW:
        return None
    margin = _WINDOW // 2  # where the window reaches over the edge; left out of the mean, as skimage does
    height, width = first.shape[0] - 2 * margin, first.shape[1] - 2 * margin
    inner = slice(margin, margin + height), slice(margin, margin + width)
    counted = np.ones((height, width), bool) if missing is None else ~missing[inner]
    total = 0.0
    for start in range(0, height, _STRIP_ROWS):
        stop = min(start + _STRIP_ROWS, height)
        rows = slice(start, stop + 2 * margin)
        _, similarity = structural_similarity(
            first[rows].astype(np.float64),
            second[rows].astype(np.float64),
            data_range=data_range,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=-1 if first.ndim == 3 else None,
            full=True,
        )
        total += float(similarity[margin : margin + stop - start, inner[1]][counted[start:stop]].sum())
    count = first.size // (first.shape[0] * first.shape[1]) * int(counted.sum())
    return total / count if count else None


def _energies(reference: Any, estimate: Any) -> tuple[float, float]:
    """Mean squared error and mean squared reference, summed in float64 block by block."""
    first, second = (array.reshape(-1) for array in _pair(reference, estimate))
    error = power = 0.0
    for start in range(0, first.size, _BLOCK_SIZE):
        block = first[start : start + _BLOCK_SIZE].astype(np.float64)
        power += float(block @ block)
        block -= second[start : start + _BLOCK_SIZE]
        error += float(block @ block)
    return error / first.size, power / first.size


def _pair(reference: Any, estimate: Any) -> tuple[np.ndarray, np.ndarray]:
    first, second = as_numpy(reference), as_numpy(estimate)
    if first.shape != second.shape:
        raise InrError(f"only arrays of one shape can be compared, got {first.shape} and {second.shape}")
    if first.size == 0:
        raise InrError("arrays without samples cannot be compared")
    return first, second
