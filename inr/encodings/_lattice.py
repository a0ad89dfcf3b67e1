"""The geometry of multiresolution grids: levels, the cell a point lies in, and where its corners are stored.

Formulas of Müller et al. (SIGGRAPH 2022). Level l of L has the scale s_l = coarsest (finest/coarsest)^(l/(L-1)) - 1
and R_l = ceil(s_l) + 1 vertices an axis. A point x in [-1, 1] lies at u = s_l (x + 1)/2 + 1/2: the half staggers the
levels, so that their vertices do not coincide. Corners beyond vertex R_l - 1 take the value of vertex R_l - 1,
and points outside [-1, 1] that of the nearest point inside.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped
from torch import Tensor

# one an axis; a vertex's row is the exclusive or of the products, modulo the level's size
PRIMES = (1, 2654435761, 805459861, 3674653429)


@dataclass(frozen=True)
class Level:
    """One level of a multiresolution grid.

    Attributes:
        scale: s_l, a number of float32, so that every engine and dtype has the same one.
        resolution: R_l, vertices an axis.
        offset: the level's first row in the table of all levels.
        entries: its rows.
        hashed: whether vertices are stored by hash (several may share a row), or densely, the first axis fastest.
    """

    scale: float
    resolution: int
    offset: int
    entries: int
    hashed: bool


def make_levels(in_dim: int, count: int, coarsest: int, finest: int, table_size: float) -> tuple[Level, ...]:
    """The levels of a grid, coarse to fine; `table_size` is the most rows a level may have (math.inf: no bound).

    A level whose R_l^d vertices fit is dense, and has that many rows rounded up to a multiple of 8. A single
    level is the finest.
    """
    levels: list[Level] = []
    offset = 0
    for index in range(count):
        exponent = index / (count - 1) if count > 1 else 1.0
        scale = float(np.float32(coarsest * (finest / coarsest) ** exponent - 1))
        resolution = math.ceil(scale) + 1
        vertices = resolution**in_dim
        entries = int(min(table_size, -(-vertices // 8) * 8))
        levels.append(Level(scale, resolution, offset, entries, vertices > table_size))
        offset += entries
    return tuple(levels)


def combine(ends: Shaped[Tensor, "d *levels 2 n"], join: Callable[[Tensor, Tensor], Tensor]) -> Shaped[Tensor, "..."]:
    """Join what belongs to a cell's two ends on every axis into its corners, (*levels, 2^d, n).

    Bit i of a corner's number says which end of axis i it lies at.
    """
    corners = ends[0]
    for axis in ends[1:]:
        corners = join(axis[..., :, None, :], corners[..., None, :, :]).flatten(-3, -2)
    return corners
