"""The surface where a function vanishes, as triangles: marching cubes where a bound does not rule the surface out."""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, Int

from inr.geometry._bricks import BLOCK, SIDE, Brickwork
from inr.geometry._clearance import Clearance
from inr.geometry._cubes import centres, cut_off, may_be_cut, places, split

Values = Callable[[np.ndarray], np.ndarray]
"""Coordinates, float32 (n, d) in [-1, 1], to values, float32 (n,), negative inside."""

_SCAN = 128  # cells along an axis of the scan that finds surfaces without a bound
_COARSE = 16  # of the largest parts that are tested, at most so many along an axis
_BRICKS = 4096  # of a slab: some 60 MB
_OUTSIDE = 0.25  # of a cell: the least distance that the outermost samples are given
_AT_ONCE = 1 << 20  # points


def marching_cubes(
    values: Values,
    cells: int,
    *,
    bound: float | Clearance | None = None,
    exhaustive: bool = False,
    bricks: int = _BRICKS,
) -> tuple[Float[np.ndarray, "n 3"], Int[np.ndarray, "m 3"]]:
    """Triangles of the surface where a function on [-1, 1]³ vanishes.

    Vertices lie on the edges of a lattice, where the linear interpolation of its two ends vanishes. Corners of a face
    that are inside and lie opposite each other stay apart. The outermost samples count as outside, so that the
    surface is closed.

    With a bound L of the slope, a cube of side s is left out where |f(centre)| > L √3/2 s, for then f has one sign in
    it. Without one, a scan of 128³ cells finds where the sign changes, and one more cell on each side is searched.

    Args:
        values: the function.
        cells: of the lattice along each axis.
        bound: of the function's slope, per unit of [-1, 1], or what it says of distances where it differs with the
            value; None where there is none.
        exhaustive: leave nothing out, and evaluate all samples.
        bricks: parts of 8³ samples that are held at once, at least a layer of them.

    Returns:
        Vertices, float32 in [-1, 1], and faces, int32, counterclockwise as seen from outside. Neither depends on
        `bricks`, but for the order.
    """
    search = _Search(values, cells, bound)
    found = _all_bricks(cells) if exhaustive else search.bricks()
    work = Brickwork(cells)
    for part, low, high in _slabs(found, bricks):
        work.lay(part, low, high)
        blocks, side = part * np.int32(SIDE), SIDE
        while side > BLOCK:
            blocks, side = split(blocks, side, side // 2, cells), side // 2
            if bound is not None and not exhaustive:
                blocks, samples, known = search.sift(blocks, side)
                work.keep(samples, known)
        work.want(blocks)
        wanted = work.wanted()
        work.keep(wanted, search.at(wanted))
        work.mesh(blocks)
    return work.triangles()


def candidate_bricks(values: Values, count: int, *, bound: float | Clearance | None = None) -> Int[np.ndarray, "k 3"]:
    """The parts of [-1, 1]³ that may hold a part of the surface, as `marching_cubes` searches it.

    Args:
        values: the function.
        count: of parts along each axis.
        bound: as of `marching_cubes`.

    Returns:
        int32 x, y, z, from 0 to `count` - 1.
    """
    return _Search(values, count * SIDE, bound).bricks()


class _Search:
    """Which cubes of a lattice may hold a part of the surface."""

    def __init__(self, values: Values, cells: int, bound: float | Clearance | None) -> None:
        self._values, self._cells = values, cells
        self._clearance = Clearance.of_slope(bound) if isinstance(bound, (int, float)) else bound
        self._least = _OUTSIDE * 2 / cells * (1.0 if self._clearance is None else self._clearance.slope)

    def at(self, samples: Int[np.ndarray, "k 3"]) -> Float[np.ndarray, " k"]:
        """Values at samples of the lattice, the outermost ones made positive."""
        found = np.empty(len(samples), np.float32)
        for start in range(0, len(samples), _AT_ONCE):
            found[start : start + _AT_ONCE] = self._values(places(samples[start : start + _AT_ONCE], self._cells))
        cut_off(samples, found, self._cells, self._least)
        return found

    def sift(
        self, lows: Int[np.ndarray, "k 3"], side: int
    ) -> tuple[Int[np.ndarray, "m 3"], Int[np.ndarray, "k 3"], Float[np.ndarray, " k"]]:
        """Of cubes those that may be cut, and the samples in the middle of all of them with their values.

        Args:
            lows: the lowest samples of the cubes. side: in cells, even.
        """
        assert self._clearance is not None
        samples = centres(lows, side, self._cells)
        values = self.at(samples)
        return may_be_cut(lows, side, self._cells, values, self._clearance(values)), samples, values

    def bricks(self) -> Int[np.ndarray, "k 3"]:
        """Bricks that the bound does not rule out, or, without one, the scan."""
        if self._clearance is None:
            return self._scanned()
        side = SIDE
        while -(-self._cells // side) > _COARSE:
            side *= 2
        counts = -(-self._cells // side)
        lows = _ordered(np.stack(np.meshgrid(*[np.arange(counts)] * 3, indexing="ij"), -1).reshape(-1, 3)) * side
        while True:
            lows = self.sift(lows, side)[0]
            if side == SIDE:
                return _ordered(lows // SIDE)
            lows, side = split(lows, side, side // 2, self._cells), side // 2

    def _scanned(self) -> Int[np.ndarray, "k 3"]:
        """Bricks in cells of a coarse lattice at which the sign changes, or beside them."""
        count = min(self._cells, _SCAN)
        inside = np.zeros((count + 1,) * 3, bool)
        steps = np.arange(count + 1) * (2 / count) - 1
        for layer in range(1, count):
            points = np.stack(np.meshgrid(steps[layer], steps, steps, indexing="ij")[::-1], -1).reshape(-1, 3)
            inside[layer] = self._values(points.astype(np.float32)).reshape(count + 1, -1) < 0
        for axis in range(3):
            inside[(slice(None),) * axis + ([0, -1],)] = False
        corners = [inside[z : z + count, y : y + count, x : x + count] for z, y, x in np.ndindex(2, 2, 2)]
        cut = np.logical_or.reduce(corners) & ~np.logical_and.reduce(corners)
        if count < self._cells:
            cut = _widened(cut)
        cubes = np.stack(np.nonzero(cut)[::-1], -1)
        first = cubes * self._cells // count // SIDE
        last = np.minimum(-(-(cubes + 1) * self._cells // count), self._cells) - 1
        last //= SIDE
        found = [
            np.minimum(first + offset, last) for offset in np.ndindex(*[int((last - first).max(initial=0)) + 1] * 3)
        ]
        return _ordered(np.unique(np.concatenate(found), axis=0))


def _widened(cut: np.ndarray) -> np.ndarray:
    """What is marked, and what touches it."""
    for axis in range(3):
        before, after = np.roll(cut, 1, axis), np.roll(cut, -1, axis)
        before[(slice(None),) * axis + (0,)] = False
        after[(slice(None),) * axis + (-1,)] = False
        cut = cut | before | after
    return cut


def _all_bricks(cells: int) -> Int[np.ndarray, "k 3"]:
    count = -(-cells // SIDE)
    return np.stack(np.meshgrid(*[np.arange(count)] * 3, indexing="ij")[::-1], -1).reshape(-1, 3).astype(np.int32)


def _ordered(bricks: Int[np.ndarray, "k 3"]) -> Int[np.ndarray, "k 3"]:
    """By z, then y, then x, as int32."""
    return bricks[np.lexsort(bricks.T)].astype(np.int32)


def _slabs(bricks: Int[np.ndarray, "k 3"], at_most: int) -> Iterator[tuple[Int[np.ndarray, "m 3"], int, int]]:
    """Bricks in layers of equal z, as many layers at a time as are no more than so many bricks, and at least one."""
    if not len(bricks):
        return
    layers = np.bincount(bricks[:, 2])
    ends = np.cumsum(layers)
    low = 0
    while low < len(layers):
        start = ends[low] - layers[low]
        high = max(low + 1, int(np.searchsorted(ends, start + at_most, side="right")))
        if ends[high - 1] > start:
            yield bricks[start : ends[high - 1]], low, high
        low = high
