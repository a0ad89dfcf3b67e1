"""Periodic signals of one axis: regression on the harmonics of a period, solved at once."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.optimize import minimize_scalar

from inr._errors import InrError

_COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)  # of harmonics, to be compared
_RIDGES = (1e-8, 1e-6, 1e-4, 1e-2)  # in units of the number of samples
_SEARCHED = 4  # harmonics by which a period is looked for
_FINENESS = 8  # frequencies that are looked at for one that the extent tells apart
_LEAST_CYCLES = 1.5  # that a signal must show of a period that is looked for
_PEAKS = 4
_MULTIPLES = (1.0, 1 / 2, 1 / 3, 2.0, 3.0)
_ALIKE = 1.05  # of two periods whose errors differ by less, the shorter one is meant


@dataclass(frozen=True)
class Harmonics:
    """A line and the harmonics of a period.

    Attributes:
        period: in samples.
        count: of harmonics.
        ridge: in units of the number of samples.
        weights: (2 count + 2, c): of 1, of the line, of cosines and of sines.
        missed: (n, c), what every sample misses its value by where the others alone are known.
        extent: samples of the axis.
    """

    period: float
    count: int
    ridge: float
    weights: Float64[np.ndarray, "m c"]
    missed: Float64[np.ndarray, "n c"]
    extent: int

    @property
    def error(self) -> float:
        """The mean square of what samples are missed by when they are left out."""
        return float(np.square(self.missed).mean())

    def __call__(self, places: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, "n c"]:
        """Values at places, in samples from the first."""
        return _features(places, self.period, self.count, self.extent) @ self.weights


def harmonics(
    places: Float64[np.ndarray, " n"], values: Float64[np.ndarray, "n c"], period: float, extent: int
) -> Harmonics:
    """The line and the harmonics of a period that predict samples best which they have not seen.

    Ridge regression in closed form; what a sample is missed by without itself is its residual over 1 - h, h being
    its leverage (Allen, The relationship between variable selection and data augmentation, Technometrics 1974), which
    chooses the number of harmonics, none of them beyond half a cycle a sample, and the ridge.

    Args:
        places: of the seen samples, in samples from the first.
        values: that they have.
        period: in samples.
        extent: samples of the axis.

    Raises:
        InrError: a period below two samples, or beyond the extent.
    """
    if not 2 <= period <= extent:
        raise InrError(f"a period lies between 2 samples and the whole extent of {extent}, not at {period:g} samples")
    most = max(min(math.ceil(period / 2) - 1, (len(places) - 3) // 2, _COUNTS[-1]), 1)
    counts = [*(each for each in _COUNTS if each < most), most]
    return min((_solved(places, values, period, extent, each) for each in counts), key=lambda found: found.error)


def estimated_period(places: Float64[np.ndarray, " n"], values: Float64[np.ndarray, "n c"], extent: int) -> float:
    """The period of a signal in samples, from those that are seen.

    The least-squares periodogram of four harmonics at once (as Palmer, A fast chi-squared technique for period search
    of irregularly sampled data, Astrophysical Journal 2009), then that of its peaks, and of simple multiples of these,
    whose harmonics predict samples best that are left out; of two that do alike the shorter.

    Args:
        places, values, extent: as of `harmonics`.

    Raises:
        InrError: too few samples, or values that lie on a line.
    """
    if len(places) < 8:
        raise InrError(f"a period is told from 8 seen samples or more, not from {len(places)}; give it")
    varying = _about_a_line(places, values, extent)
    spread = float(np.square(varying).mean())
    if spread <= 1e-12 * float(np.square(values).mean()):
        raise InrError("the values that are seen lie on a line: there is no period in them")
    size = 2 ** math.ceil(math.log2(_FINENESS * extent))
    power = _periodogram(places, varying, extent, size)
    peaks: list[int] = []
    for place in np.argsort(-power):
        if len(peaks) == _PEAKS or power[place] <= 0:
            break
        if all(abs(place - each) >= size / extent for each in peaks):
            peaks.append(int(place))
    tried: list[Harmonics] = []
    for each in sorted({peak * multiple for peak in peaks for multiple in _MULTIPLES}):
        if _LEAST_CYCLES / extent <= each / size <= 0.5:
            tried.append(_refined(places, values, each / size, 1 / size, extent))
    least = min(found.error for found in tried)
    best = min((found for found in tried if found.error <= _ALIKE * least + 1e-12 * spread), key=lambda it: it.period)
    return best.period


def line_error(places: Float64[np.ndarray, " n"], values: Float64[np.ndarray, "n c"], extent: int) -> float:
    """The mean square of values about a line."""
    return float(np.square(_about_a_line(places, values, extent)).mean())


def _about_a_line(places: np.ndarray, values: np.ndarray, extent: int) -> np.ndarray:
    line = _features(places, 1.0, 0, extent)
    return values - line @ np.linalg.lstsq(line, values, rcond=None)[0]


def _features(places: np.ndarray, period: float, count: int, extent: int) -> np.ndarray:
    """(n, 2 count + 2)."""
    phases = 2 * np.pi / period * np.outer(places, np.arange(1, count + 1))
    line = (2 * places + 1) / extent - 1
    return np.concatenate([np.ones((len(places), 1)), line[:, None], np.cos(phases), np.sin(phases)], axis=1)


def _solved(places: np.ndarray, values: np.ndarray, period: float, extent: int, count: int) -> Harmonics:
    """With so many harmonics, and the best ridge."""
    left, sizes, right = np.linalg.svd(_features(places, period, count, extent), full_matrices=False)
    turned, best = left.T @ values, None
    for ridge in _RIDGES:
        kept = sizes**2 / (sizes**2 + ridge * len(places))
        leverage = (np.square(left) * kept).sum(1)
        missed = (values - left @ (kept[:, None] * turned)) / np.maximum(1 - leverage, 1e-9)[:, None]
        if best is None or np.square(missed).mean() < best.error:
            weights = right.T @ ((kept / np.maximum(sizes, 1e-300))[:, None] * turned)
            best = Harmonics(period, count, ridge, weights, missed, extent)
    assert best is not None
    return best


def _refined(places: np.ndarray, values: np.ndarray, frequency: float, width: float, extent: int) -> Harmonics:
    """Near a frequency: by few harmonics first, then by as many as are best, which tell it more finely."""
    few = max(min(math.ceil(0.5 / frequency) - 1, _SEARCHED), 1)
    best = harmonics(places, values, _nearest(places, values, frequency, width, extent, few), extent)
    finer = _nearest(places, values, 1 / best.period, width / 2, extent, best.count)
    return min(best, _solved(places, values, finer, extent, best.count), key=lambda found: found.error)


def _nearest(places: np.ndarray, values: np.ndarray, frequency: float, width: float, extent: int, count: int) -> float:
    """The period whose frequency lies within a width of a given one, and whose error is least."""
    ends = max(frequency - width, 1 / extent), min(frequency + width, 0.5)
    found = minimize_scalar(
        lambda each: math.log(_solved(places, values, 1 / each, extent, count).error + 1e-300), bounds=ends,
        method="bounded", options={"xatol": 1e-4 * width},
    )  # fmt: skip
    return 1 / float(found.x)


def _periodogram(places: np.ndarray, values: np.ndarray, extent: int, size: int) -> np.ndarray:
    """What harmonics of the frequencies j / size explain of the sum of squares, j from 0 to size / 2.

    All inner products of cosines and sines over the seen samples are values of the Fourier transform of where they are.
    """
    count = _SEARCHED
    seen, given = np.zeros(size), np.zeros((size, values.shape[1]))
    seen[places.astype(int)], given[places.astype(int)] = 1, values
    there, data = size * np.fft.ifft(seen), size * np.fft.ifft(given, axis=0)  # sums of exp(+2πi j t / size)
    first, last = math.ceil(_LEAST_CYCLES * size / extent), size // 2
    places_of = np.arange(first, last + 1)
    orders = np.arange(1, count + 1)
    less, more = np.subtract.outer(orders, orders), np.add.outer(orders, orders)
    minus, plus = (there[places_of[:, None, None] * each % size] for each in (less, more))
    cosines, sines, mixed = (minus + plus).real / 2, (minus - plus).real / 2, (plus - minus).imag / 2
    matrix = np.concatenate(
        [np.concatenate([cosines, mixed], axis=2), np.concatenate([mixed.swapaxes(1, 2), sines], axis=2)], axis=1
    )
    matrix += 1e-6 * len(places) * np.eye(2 * count)
    sums = data[places_of[:, None] * orders % size]
    right = np.concatenate([sums.real, sums.imag], axis=1)
    power = np.zeros(last + 1)
    power[first:] = (right * np.linalg.solve(matrix, right)).sum((1, 2))
    return power
