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
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from inr.encodings._interpolation import upper_weight
from inr.encodings._table import blend_rows

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
    """The levels of a multiresolution grid.

    A level whose R_l^d vertices fit is dense, and has that many rows rounded up to a multiple of 8. A single
    level is the finest.

    Args:
        in_dim: number of axes d.
        count: number of levels L.
        coarsest: vertices an axis of the first level, about.
        finest: of the last one.
        table_size: the most rows that a level may have; math.inf is no bound.

    Returns:
        The levels, coarse to fine.

    >>> [level.resolution for level in inr.encodings.make_levels(2, 3, 4, 16, np.inf)]
    [4, 8, 16]
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


class Lattice(nn.Module):
    """Interpolation in all levels of a grid, in plain PyTorch: what every engine's kernels are measured by.

    Attributes:
        shape: what it is made from: count, coarsest, finest, size and smoothness.
        levels: coarse to fine.
        entries: rows of all levels.
    """

    _scales: Float[Tensor, "levels 1"]
    _last: Int[Tensor, "levels 1 1"]
    _strides: Int[Tensor, "d dense 1 1"]
    _primes: Int[Tensor, "d 1 1 1"]
    _offsets: Int[Tensor, "levels 1 1"]

    def __init__(self, in_dim: int, count: int, coarsest: int, finest: int, size: float, *, smoothness: int) -> None:
        """As `make_levels`; `smoothness` is 0 for linear weights, 1 for smoothstep, 2 for quintic."""
        super().__init__()
        self.shape = (count, coarsest, finest, size, smoothness)
        self.in_dim = in_dim
        self.levels = make_levels(in_dim, count, coarsest, finest, size)
        self.entries = self.levels[-1].offset + self.levels[-1].entries
        self._smoothness = smoothness
        self._dense = sum(not level.hashed for level in self.levels)  # the first so many, as resolutions grow
        self._set_constants()

    def _set_constants(self) -> None:
        """The levels' geometry as tensors, shaped to meet arrays (d, levels, ends of a cell, n)."""

        def constant(name: str, values: list, shape: tuple[int, ...], dtype: torch.dtype) -> None:
            self.register_buffer(name, torch.tensor(values, dtype=dtype).view(shape), persistent=False)

        axes, dense = range(self.in_dim), self.levels[: self._dense]
        constant("_scales", [level.scale for level in self.levels], (-1, 1), torch.float32)
        constant("_last", [level.resolution - 1 for level in self.levels], (-1, 1, 1), torch.int32)
        constant("_offsets", [level.offset for level in self.levels], (-1, 1, 1), torch.int32)
        strides = [level.resolution**axis for axis in axes for level in dense]
        constant("_strides", strides, (self.in_dim, len(dense), 1, 1), torch.int32)
        constant("_primes", [PRIMES[axis] for axis in axes], (-1, 1, 1, 1), torch.int64)

    def forward(self, coords: Float[Tensor, "n d"], table: Float[Tensor, "entries features"]) -> Float[Tensor, "n out"]:
        """Interpolated rows of the table, level after level."""
        return blend_rows(table, *self.corners(coords))

    def corners(
        self, coords: Float[Tensor, "n d"]
    ) -> tuple[Int[Tensor, "levels corners n"], Float[Tensor, "levels corners n"]]:
        """The table's rows around points at every level, and what each of them counts."""
        unit = coords.T.contiguous().clamp(-1, 1) * 0.5 + 0.5
        position = (self._scales * unit[:, None]).add_(0.5)
        cell = position.detach().floor()
        part = upper_weight(position - cell, self._smoothness)
        weights = combine(torch.stack((1 - part, part), dim=2), torch.mul)
        return self._rows(cell.to(torch.int32)), weights

    def _rows(self, cell: Int[Tensor, "d levels n"]) -> Int[Tensor, "levels corners n"]:
        """Table rows of the corners of each cell."""
        cell = cell.clamp(min=0)  # where a coordinate is not a number
        ends = torch.stack((cell, cell + 1), dim=2).minimum(self._last)
        dense = combine(ends[:, : self._dense] * self._strides, torch.add)
        if self._dense == len(self.levels):
            return dense + self._offsets
        size = self.levels[-1].entries  # a power of two: the modulo is a mask, and 64 bits cannot overflow
        hashed = combine((ends[:, self._dense :] * self._primes & (size - 1)).to(torch.int32), torch.bitwise_xor)
        return torch.cat((dense, hashed)) + self._offsets
