"""SSIM at several scales at once."""

from typing import Any

import numpy as np
from jaxtyping import Float

from inr._errors import InrError
from inr._tensor import as_numpy

# What each scale counts, the finest first; the weights of the paper.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_REACH, _SIGMA = 5, 1.5  # of the Gaussian window, which is 11 pixels wide
_LUMINANCE, _CONTRAST = 0.01, 0.03  # shares of the range that keep quotients of small numbers steady


def ms_ssim(reference: Any, estimate: Any, data_range: float) -> float | None:
    """Structural similarity at five scales (Wang, Simoncelli and Bovik, 2003), averaged over channels.

    Contrast and structure are compared at every scale, brightness at the coarsest; each scale has half the resolution
    of the one before, by means of 2 x 2 pixels. Means are taken over the windows that lie inside the picture.

    Args:
        reference, estimate: images (H, W) or (H, W, C) in the same units.
        data_range: peak-to-peak range in those units, 255 for 8-bit images.

    Returns:
        From 0 to 1, which means equal; None for images of 160 pixels or fewer in height or width, which cannot be
        halved four times and still hold the window.

    Raises:
        InrError: shapes that differ, or that are not of images, or a range that is not positive.

    >>> grey = np.full((176, 176), 100, np.uint8)
    >>> round(inr.signals.ms_ssim(grey, grey + 50, data_range=255), 4)
    0.9894
    """
    first, second = as_numpy(reference), as_numpy(estimate)
    if first.shape != second.shape:
        raise InrError(f"only arrays of one shape can be compared, got {first.shape} and {second.shape}")
    if first.ndim not in (2, 3):
        raise InrError(f"ms_ssim compares images (H, W) or (H, W, C), got shape {first.shape}")
    if not data_range > 0:
        raise InrError(f"data_range must be positive, got {data_range}")
    if min(first.shape[:2]) <= 2 ** (len(SCALE_WEIGHTS) - 1) * 2 * _REACH:
        return None
    channels = range(1 if first.ndim == 2 else first.shape[2])
    return float(np.mean([_of_channel(_plane(first, each), _plane(second, each), data_range) for each in channels]))


def _plane(values: np.ndarray, channel: int) -> Float[np.ndarray, "h w"]:
    return np.asarray(values if values.ndim == 2 else values[..., channel], dtype=np.float64)


def _of_channel(first: Float[np.ndarray, "h w"], second: Float[np.ndarray, "h w"], data_range: float) -> float:
    product = 1.0
    for scale, weight in enumerate(SCALE_WEIGHTS):
        if scale:
            first, second = _halved(first), _halved(second)
        whole, contrast = _similarities(first, second, data_range)
        last = scale == len(SCALE_WEIGHTS) - 1
        product *= max(whole if last else contrast, 0.0) ** weight
    return product


def _similarities(
    first: Float[np.ndarray, "h w"], second: Float[np.ndarray, "h w"], data_range: float
) -> tuple[float, float]:
    """SSIM, and the same without its factor of brightness: means over the windows that lie inside the picture."""
    means = _windowed(first), _windowed(second)
    own = [_windowed(each * each) - mean * mean for each, mean in zip((first, second), means, strict=True)]
    shared = _windowed(first * second) - means[0] * means[1]
    luminance, contrast = ((share * data_range) ** 2 for share in (_LUMINANCE, _CONTRAST))
    structure = (2 * shared + contrast) / (own[0] + own[1] + contrast)
    brightness = (2 * means[0] * means[1] + luminance) / (means[0] ** 2 + means[1] ** 2 + luminance)
    return float((brightness * structure).mean()), float(structure.mean())


def _windowed(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h2 w2"]:
    """Means under a Gaussian window around all pixels that it fits around."""
    from scipy.ndimage import correlate1d

    window = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / _SIGMA) ** 2)
    window /= window.sum()
    for axis in (0, 1):
        values = correlate1d(values, window, axis)
    return values[_REACH:-_REACH, _REACH:-_REACH]


def _halved(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h2 w2"]:
    rows, columns = values.shape[0] // 2, values.shape[1] // 2
    return values[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean((1, 3))
