"""How much of a signal lies in which octave of frequencies, and how much of each a fit has yet to learn."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from inr._errors import InrError


def band_count(shape: Sequence[int]) -> int:
    """Octaves from the longest side's first frequency to the Nyquist frequency of samples."""
    return max(math.ceil(math.log2(max(max(shape), 2) / 2)) + 1, 1)


def band_limits(shape: Sequence[int]) -> list[float]:
    """Where the bands of `band_powers` end, as shares of the Nyquist frequency, the lowest first.

    Args:
        shape: samples of each axis.

    Returns:
        The upper ends; the last is 1, and its band holds the corners beyond as well.

    >>> inr.diagnostics.band_limits((16, 16))
    [0.125, 0.25, 0.5, 1.0]
    """
    return [2.0**-octave for octave in reversed(range(band_count(shape)))]


def band_powers(values: Float[np.ndarray, "*shape c"], *, window: bool = True) -> Float[np.ndarray, " b"]:
    """The power of samples by radial octaves of frequency: the top band lies between half the Nyquist frequency and it.

    A network learns low bands first, the sooner the lower (Rahaman et al., On the spectral bias of neural networks,
    ICML 2019): the powers of residuals over the steps of a fit show it.

    Args:
        values: samples on a grid, with a last axis of channels, over which powers are averaged.
        window: multiply with a Hann window first, scaled to keep the mean power: what does not repeat at the borders
            would leak into all bands.

    Returns:
        Mean squares by band, low to high, whose sum is the mean square of all (exactly, without a window).

    Raises:
        InrError: no samples.

    >>> powers = inr.diagnostics.band_powers(np.random.rand(16, 16, 1), window=False)
    >>> len(powers)
    4
    """
    power, radius = _spectrum(values, window)
    limits = band_limits(values.shape[:-1])
    which = np.searchsorted(np.array(limits) * (1 + 1e-9), radius).clip(max=len(limits) - 1)
    return np.bincount(which.ravel(), power.ravel(), minlength=len(limits))


def band_residuals(
    residuals: Float[np.ndarray, "*shape c"], target: Float[np.ndarray, "*shape c"]
) -> Float[np.ndarray, " b"]:
    """What a fit misses of each band: the residual's power over the target's, windowed both (Rahaman et al., 2019).

    Args:
        residuals: prediction minus target.
        target: of the same shape. Its mean counts to the lowest band.

    Returns:
        Shares by band, low to high; 1 where nothing is learned yet, and above where the fit has invented detail. NaN
        in a band without power.
    """
    wanted = band_powers(target)
    empty = wanted <= 1e-12 * wanted.sum()
    return np.where(empty, np.nan, band_powers(residuals) / np.where(empty, 1.0, wanted))


def spectral_bias_index(residuals: Float[np.ndarray, "*shape c"], *, split: float = 0.25) -> float:
    """Which half of the spectrum a residual is in: (high - low) / (high + low) of its powers.

    Kiessling and Thor, A computable definition of the spectral bias, AAAI 2022.

    Args:
        residuals: prediction minus target, on a grid, with a last axis of channels.
        split: the frequency between low and high, as a share of the Nyquist frequency.

    Returns:
        1 for a residual of high frequencies alone, -1 for one of low ones; 0 where there is none.
    """
    power, radius = _spectrum(residuals, window=True)
    high, whole = float(power[radius > split].sum()), float(power.sum())
    return (2 * high - whole) / whole if whole > 0 else 0.0


def hann(shape: Sequence[int]) -> Float[np.ndarray, "*shape"]:
    """A product of Hann windows, one an axis, of mean square 1; axes of fewer than 4 samples have none."""
    whole = np.ones(tuple(shape))
    for axis, size in enumerate(shape):
        if size >= 4:
            along = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
            along /= math.sqrt(float(np.square(along).mean()))
            whole = whole * along.reshape([-1 if other == axis else 1 for other in range(len(shape))])
    return whole


def _spectrum(values: np.ndarray, window: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean squares by frequency, averaged over channels, and the frequencies' radii in units of the Nyquist one."""
    shape = values.shape[:-1]
    if values.size == 0 or not shape:
        raise InrError(f"bands need samples on a grid with a last axis of channels, got shape {values.shape}")
    weighted = np.asarray(values, np.float64) * (hann(shape)[..., None] if window else 1.0)
    axes = tuple(range(len(shape)))
    power = np.square(np.abs(np.fft.fftn(weighted, axes=axes))).mean(-1) / math.prod(shape) ** 2
    squares = [np.square(2 * np.fft.fftfreq(size)) for size in shape]
    radius = np.sqrt(sum(np.meshgrid(*squares, indexing="ij")))
    return power, radius
