"""What samples of a continuous function measure: the sampling model of a grid, run forwards."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from inr.signals._domain import Domain
from inr.signals._grid import Box

# Up to so many times the signal's own samples an axis, samples of cells are told from their centres' values.
_MAX_AREA_DENSITY = {1: 2.0, 2: 2.0}
_ROUNDING = 1e-6


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
