"""How close decoded samples and pictures come to a signal, measured by other code than that which is judged."""

import math

import numpy as np
from scipy.ndimage import correlate1d
from skimage.metrics import structural_similarity

# of MS-SSIM (Wang, Simoncelli and Bovik, 2003): what each scale counts, the finest first
_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_REACH, _SIGMA = 5, 1.5  # of its window, 11 pixels wide


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
    """Of five scales, as the mean over colours; None for pictures too small to be halved four times."""
    if min(reference.shape[:2]) <= 2 ** (len(_SCALES) - 1) * 2 * _REACH:
        return None
    # colours first, rows and columns last
    first, second = (np.moveaxis(each, -1, 0).astype(np.float64) for each in (reference, decoded))
    product = np.ones(len(first))
    for scale, weight in enumerate(_SCALES):
        if scale:
            first, second = _halved(first), _halved(second)
        whole, contrast = _similarities(first, second)
        last = scale == len(_SCALES) - 1
        product *= np.maximum(whole if last else contrast, 0) ** weight
    return float(product.mean())


def _similarities(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SSIM, and without its factor of brightness, by colour: the means of windows that lie inside the picture."""
    means = _windowed(first), _windowed(second)
    own = [_windowed(each * each) - mean * mean for each, mean in zip((first, second), means, strict=True)]
    shared = _windowed(first * second) - means[0] * means[1]
    small = [(share * 255) ** 2 for share in (0.01, 0.03)]
    contrast = (2 * shared + small[1]) / (own[0] + own[1] + small[1])
    brightness = (2 * means[0] * means[1] + small[0]) / (means[0] ** 2 + means[1] ** 2 + small[0])
    return (brightness * contrast).mean((1, 2)), contrast.mean((1, 2))


def _windowed(values: np.ndarray) -> np.ndarray:
    """Means under a Gaussian window around all pixels that it fits around."""
    window = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / _SIGMA) ** 2)
    window /= window.sum()
    for axis in (1, 2):
        values = correlate1d(values, window, axis)
    return values[:, _REACH:-_REACH, _REACH:-_REACH]


def _halved(values: np.ndarray) -> np.ndarray:
    rows, columns = values.shape[1] // 2, values.shape[2] // 2
    return values[:, : 2 * rows, : 2 * columns].reshape(-1, rows, 2, columns, 2).mean((2, 4))
