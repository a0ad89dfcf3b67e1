"""What samples of a continuous function measure: the sampling model of a grid, run forwards."""

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float32

from inr.signals._domain import Domain
from inr.signals._grid import Box

# Up to so many times the signal's own samples an axis, samples of cells are told from their centres' values.
_MAX_AREA_DENSITY = {1: 2.0, 2: 2.0}
_ROUNDING = 1e-6
# The low-pass of sound: coarser samples that it reaches to either side, Kaiser's parameter, and the middle of its slope
# as a share of the Nyquist frequency.
_BAND_REACH, _BAND_WINDOW, _BAND_PASSED = 128, 8.0, 0.98


def gauss_points(parts: int) -> list[float]:
    """Places in a cell whose mean of values is the cell's mean, for a function that is a cubic in each of its parts.

    Args:
        parts: equal parts that the cell is cut into, with two places each (Gauss and Legendre's); 0 for its centre.

    Returns:
        Places in cells from the centre, ascending.

    >>> [round(place, 4) for place in inr.signals.gauss_points(1)]
    [-0.2887, 0.2887]
    """
    if parts == 0:
        return [0.0]
    return [(part + 0.5 + sign * math.sqrt(1 / 12)) / parts - 0.5 for part in range(parts) for sign in (-1, 1)]


def measured_places(domain: Domain, shape: Sequence[int], box: Box | None = None) -> Float32[np.ndarray, "places d"]:
    """Where around the centre of each cell of a grid a function is evaluated, for samples that are the mean of these.

    A cell larger than the signal's own is averaged over, so that nothing is aliased, and so is one down to half their
    size an axis where samples of the signal are means over cells. Smaller cells, and frames of a video, are told by
    their centre.

    Args:
        domain: of the signal.
        shape: samples per axis of the grid, in array order.
        box: (low, high) per axis in coordinate order, within which the grid's cells lie; [-1, 1] by default.

    Returns:
        Differences of coordinates from the centre, (places, d), columns x, y(, z)(, t).

    >>> domain = inr.open("photo.png").domain
    >>> [len(inr.signals.measured_places(domain, shape)) for shape in ((12, 16), (24, 32), (96, 128))]
    [16, 4, 1]
    """
    own = domain.shape
    ends = box if box is not None else [(-1.0, 1.0)] * domain.in_dim
    if own is None:
        return np.zeros((1, domain.in_dim), np.float32)
    averaged = [place for place in range(domain.in_dim) if not (domain.kind == "video" and place == 2)]
    densest = _MAX_AREA_DENSITY.get(len(averaged), 1.0) if domain.sampling == "area" else 0.0
    axes = []
    for place, (size, count, (low, high)) in enumerate(zip(reversed(own), reversed(shape), ends, strict=True)):
        cell = (high - low) / count
        coarseness = cell * size / 2  # of the signal's own cells
        parts = 0
        if place in averaged and (coarseness > 1 + _ROUNDING or coarseness * densest > 1 - _ROUNDING):
            parts = max(math.ceil(coarseness - _ROUNDING), 1)
        axes.append([place * cell for place in gauss_points(parts)])
    return np.array([*itertools.product(*axes)], np.float32)


def band_limited(
    evaluate: Callable[[Float32[np.ndarray, "m 1"]], Float32[np.ndarray, "m c"]],
    domain: Domain,
    count: int,
    box: Box | None = None,
) -> Float32[np.ndarray, "count c"]:
    """Sample a function of one axis at another rate than its signal's, with nothing above the lower Nyquist frequency.

    The function is evaluated at least at twice the signal's rate and low-passed by a windowed sinc whose stop band
    begins at the Nyquist frequency of the signal, or of the new samples where these are coarser; it passes 96 % of that
    band. Beyond the ends the function is mirrored.

    Args:
        evaluate: values (m, c) at coordinates (m, 1).
        domain: of the signal.
        count: samples.
        box: (low, high) of the only axis, within which the cells of the samples lie; [-1, 1] by default.

    Returns:
        float32 (count, c).
    """
    from scipy.signal import upfirdn  # takes a quarter of a second to load

    assert domain.shape is not None
    low, high = box[0] if box is not None else (-1.0, 1.0)
    spacing, own = (high - low) / count, 2 / domain.shape[0]
    finer = max(math.ceil(2 * spacing / own - _ROUNDING), 1)
    fine, coarse = spacing / finer, max(spacing, own)
    reach = math.ceil(_BAND_REACH * coarse / fine)
    offsets = np.arange(-reach, reach + 1) * (fine / coarse)
    taps = np.sinc(_BAND_PASSED * offsets) * np.kaiser(2 * reach + 1, _BAND_WINDOW)
    places = low + (np.arange(-reach, (count - 1) * finer + reach + 1) + finer / 2) * fine
    mirrored = 1 - np.abs((places + 1) % 4 - 2)  # the two ends at -1 and 1
    values = evaluate(mirrored.astype(np.float32)[:, None])
    passed = upfirdn(taps / taps.sum(), values.astype(np.float64), down=finer, axis=0)
    first = 2 * reach // finer
    return passed[first : first + count].astype(np.float32)
