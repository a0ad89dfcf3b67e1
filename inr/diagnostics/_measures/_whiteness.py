"""Whether a residual is noise or still holds something of the signal."""

import numpy as np
from jaxtyping import Float


def autocorrelation(residuals: Float[np.ndarray, "*shape c"], *, lag: int = 1) -> float:
    """How alike neighbouring residuals are: the mean over axes of their correlation about 0.

    White noise has 0 ± 2 / √n (Box and Pierce, Distribution of residual autocorrelations, 1970); detail that a
    network could not hold leaves residuals that go on from one sample to the next.

    Args:
        residuals: prediction minus target on a grid, with a last axis of channels.
        lag: samples from one to its neighbour.

    Returns:
        Between -1 and 1; 0 for no residual, or axes that are too short.
    """
    values = np.asarray(residuals, np.float64)
    found = []
    for axis in range(values.ndim - 1):
        if values.shape[axis] <= lag:
            continue
        first = np.take(values, range(values.shape[axis] - lag), axis)
        second = np.take(values, range(lag, values.shape[axis]), axis)
        scale = np.sqrt(np.square(first).sum() * np.square(second).sum())
        found.append(float((first * second).sum() / scale) if scale > 0 else 0.0)
    return float(np.mean(found)) if found else 0.0


def autocorrelation_map(residuals: Float[np.ndarray, "h w c"], *, reach: int = 8) -> Float[np.ndarray, "k k"]:
    """The autocorrelation of a picture's residuals at all lags up to `reach`, 1 in the middle.

    Args:
        residuals: (h, w, c).
        reach: the largest lag, in samples.

    Returns:
        (2 reach + 1, 2 reach + 1), by Wiener and Khinchin's theorem on residuals padded with zeros.
    """
    height, width = residuals.shape[:2]
    reach = min(reach, height - 1, width - 1)
    spectrum = np.fft.rfft2(residuals.astype(np.float64), s=(2 * height, 2 * width), axes=(0, 1))
    whole = np.fft.irfft2(np.square(np.abs(spectrum)), s=(2 * height, 2 * width), axes=(0, 1)).sum(-1)
    lags = np.arange(-reach, reach + 1)
    found = whole[np.ix_(lags, lags)]
    return found / max(float(whole[0, 0]), 1e-300)
