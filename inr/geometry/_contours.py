"""The curve where a function of the plane vanishes: marching squares."""

import numpy as np
from jaxtyping import Float

from inr.geometry._marching_cubes import Values

_ROWS = 1 << 19  # samples at a time
_NEVER = 1e-4  # of a cell: how near a point of the curve comes to a sample
# the sides of a cell, each from a corner (x, y) along an axis; counterclockwise around the cell
_SIDES = ((0, 0, 0), (1, 0, 1), (0, 1, 0), (0, 0, 1))


def contours(values: Values, cells: int) -> list[Float[np.ndarray, "_ 2"]]:
    """The closed curves where a function on [-1, 1]² vanishes.

    Points lie on the edges of a lattice, where the linear interpolation of its two ends vanishes. Corners of a cell
    that are inside and lie opposite each other stay apart. The outermost samples count as outside.

    Args:
        values: float32 (n, 2) to float32 (n,), negative inside.
        cells: of the lattice along each axis.

    Returns:
        Each float64 (n, 2), the inside to its left where y points upwards; the first point is not repeated.

    >>> circle = inr.geometry.contours(lambda points: np.hypot(*points.T) - 0.5, 64)
    >>> len(circle), round(inr.geometry.enclosed_area(circle) / (np.pi / 4), 2)
    (1, 1.0)
    """
    lattice = _sampled(values, cells)
    inside = lattice < 0
    first, last = [], []
    ring = [inside[:-1, :-1], inside[:-1, 1:], inside[1:, 1:], inside[1:, :-1]]  # counterclockwise
    cases = np.sum([corner.astype(np.int8) << bit for bit, corner in enumerate(ring)], axis=0)
    rows, columns = np.nonzero((cases > 0) & (cases < 15))
    for enters, leaves, chosen in _segments(cases[rows, columns]):
        ends = []
        for side in (leaves, enters):  # with what is inside to the left
            dx, dy, axis = _SIDES[side]
            x, y = columns[chosen] + dx, rows[chosen] + dy
            ends.append((y * (cells + 1) + x) * 2 + axis)
        first.append(ends[0])
        last.append(ends[1])
    if not first:
        return []
    starts, stops = np.concatenate(first), np.concatenate(last)
    places = _places(lattice, starts)
    order = np.argsort(starts)
    following = order[np.searchsorted(starts[order], stops)]
    return [places[loop] for loop in _loops(following)]


def enclosed_area(curves: list[Float[np.ndarray, "_ 2"]]) -> float:
    """The area within closed curves, less that of curves the other way round.

    Args:
        curves: each (n, 2); counterclockwise where y points upwards counts as positive.
    """
    crosses = (curve[:, 0] * np.roll(curve[:, 1], -1) - curve[:, 1] * np.roll(curve[:, 0], -1) for curve in curves)
    return float(sum(cross.sum() for cross in crosses) / 2)


def _sampled(values: Values, cells: int) -> Float[np.ndarray, "h w"]:
    """Samples of the lattice (y, x), float64, the outermost ones made positive."""
    steps = np.arange(cells + 1) * (2 / cells) - 1
    lattice = np.empty((cells + 1, cells + 1))
    at_once = max(_ROWS // (cells + 1), 1)
    for start in range(0, cells + 1, at_once):
        y, x = np.meshgrid(steps[start : start + at_once], steps, indexing="ij")
        points = np.stack([x, y], -1).reshape(-1, 2).astype(np.float32)
        lattice[start : start + at_once] = values(points).reshape(x.shape)
    for rim in (lattice[0], lattice[-1], lattice[:, 0], lattice[:, -1]):
        np.maximum(rim, 0.5 / cells, out=rim)
    return lattice


def _segments(cases: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
    """Sides by which rings of corners enter and leave the inside, with the cells in which they do."""
    found = []
    for case in range(1, 15):
        corners = [case >> bit & 1 for bit in range(4)]
        crossed = [(side, corners[(side + 1) % 4]) for side in range(4) if corners[side] != corners[(side + 1) % 4]]
        if not crossed[0][1]:
            crossed = crossed[1:] + crossed[:1]
        chosen = np.nonzero(cases == case)[0]
        for (enters, _), (leaves, _) in zip(crossed[::2], crossed[1::2], strict=True):
            found.append((enters, leaves, chosen))
    return found


def _places(lattice: np.ndarray, keys: np.ndarray) -> Float[np.ndarray, "n 2"]:
    """Where the curve cuts edges of the lattice, in [-1, 1]."""
    width = lattice.shape[1]
    axis, sample = keys % 2, keys // 2
    y, x = sample // width, sample % width
    here, there = lattice[y, x], lattice[y + axis, x + 1 - axis]
    part = np.clip(here / (here - there), _NEVER, 1 - _NEVER)
    return np.stack([x + part * (axis == 0), y + part * (axis == 1)], 1) * (2 / (width - 1)) - 1


def _loops(following: np.ndarray) -> list[np.ndarray]:
    """Closed curves as places in the list of segments, from the segment that follows each."""
    nexts, left = following.tolist(), np.ones(len(following), bool)
    found = []
    for start in range(len(nexts)):
        if left[start]:
            loop = [start]
            while (place := nexts[loop[-1]]) != start:
                loop.append(place)
            left[loop] = False
            found.append(np.array(loop))
    return found
