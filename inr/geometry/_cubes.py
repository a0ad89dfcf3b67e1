"""Cubes of a lattice: where their samples lie, how they are cut into smaller ones, and which may hold a surface."""

import numpy as np
from jaxtyping import Float, Int

from inr.jit import kernel


def places(samples: Int[np.ndarray, "k 3"], cells: int) -> Float[np.ndarray, "k 3"]:
    """Where samples of a lattice lie, float32 in [-1, 1].

    Args:
        samples: int32, from 0 to `cells`.
        cells: along each axis.
    """
    found = np.empty(samples.shape, np.float32)
    _places(samples, cells, found)
    return found


def cut_off(samples: Int[np.ndarray, "k 3"], values: Float[np.ndarray, " k"], cells: int, least: float) -> None:
    """Make the outermost samples positive, so that surfaces close.

    Args:
        samples: int32. values: float32, which are changed.
        cells: along each axis. least: what the outermost ones are at least.
    """
    _cut_off(samples, values, cells, np.float32(least))


def split(lows: Int[np.ndarray, "k 3"], side: int, part: int, cells: int) -> Int[np.ndarray, "m 3"]:
    """Cubes as smaller ones, without those beyond the lattice, int32.

    Args:
        lows: the lowest samples of the cubes, int32. side: of the cubes, in cells. part: of the smaller ones.
        cells: along each axis.
    """
    found = np.empty((len(lows) * (side // part) ** 3, 3), np.int32)
    return found[: _split(lows, side, part, cells, found)]


def centres(lows: Int[np.ndarray, "k 3"], side: int, cells: int) -> Int[np.ndarray, "k 3"]:
    """The samples in the middle of cubes, or as near to it as the lattice has some, int32."""
    return np.minimum(lows + np.int32(side // 2), np.int32(cells))


def may_be_cut(
    lows: Int[np.ndarray, "k 3"], side: int, cells: int, values: Float[np.ndarray, " k"], free: Float[np.ndarray, " k"]
) -> Int[np.ndarray, "m 3"]:
    """The cubes in which a function may have both signs.

    Args:
        lows: the lowest samples of the cubes, int32. side: in cells, even. cells: along each axis.
        values: at `centres`, float32.
        free: around the centres, in units of [-1, 1]: how far away another sign is at least, float64.
    """
    kept = np.empty(lows.shape, np.int32)
    return kept[: _may_be_cut(lows, side, cells, values, free, np.sqrt(3) * side / cells, kept)]


@kernel
def _places(samples: np.ndarray, cells: int, found: np.ndarray) -> None:
    for row in range(len(samples)):
        for axis in range(3):
            found[row, axis] = (2 * samples[row, axis] - cells) / np.float64(cells)


@kernel
def _cut_off(samples: np.ndarray, values: np.ndarray, cells: int, least: np.float32) -> None:
    for row in range(len(samples)):
        outermost = False
        for axis in range(3):
            outermost |= samples[row, axis] == 0 or samples[row, axis] == cells
        if outermost and not values[row] >= least:
            values[row] = least


@kernel
def _split(lows: np.ndarray, side: int, part: int, cells: int, found: np.ndarray) -> int:
    count = 0
    for row in range(len(lows)):
        for z in range(lows[row, 2], min(lows[row, 2] + side, cells), part):
            for y in range(lows[row, 1], min(lows[row, 1] + side, cells), part):
                for x in range(lows[row, 0], min(lows[row, 0] + side, cells), part):
                    found[count, 0], found[count, 1], found[count, 2] = x, y, z
                    count += 1
    return count


@kernel
def _may_be_cut(
    lows: np.ndarray, side: int, cells: int, values: np.ndarray, free: np.ndarray, reach: float, kept: np.ndarray
) -> int:
    count = 0
    for row in range(len(lows)):
        at_rim, moved = False, False
        for axis in range(3):
            at_rim |= lows[row, axis] == 0 or lows[row, axis] + side >= cells
            moved |= lows[row, axis] + side // 2 > cells  # then a corner is twice as far away at most
        within = free[row] <= (2 * reach if moved else reach)
        if within or (at_rim and values[row] < 0):  # where what is inside is cut off
            for axis in range(3):
                kept[count, axis] = lows[row, axis]
            count += 1
    return count
