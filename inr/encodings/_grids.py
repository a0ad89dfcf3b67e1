"""Multiresolution grids of trained features, dense and hashed."""

import math
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Config, Range
from inr.encodings._base import Encoding, encodings
from inr.encodings._lattice import PRIMES, Level, combine, make_levels
from inr.encodings._table import blend

Interpolation = Literal["linear", "smoothstep"]

MAX_PARAMETERS = 2**28  # 1 GiB in float32; Adam keeps three more tables of that size
_DENSE_FINEST = {1: 512, 2: 256, 3: 128, 4: 32}

Levels = Annotated[int, Range(1, 32), "resolutions"]
Features = Annotated[int, Range(1, 16), "features a level"]
Coarsest = Annotated[int, Range(1, 2**20), "vertices an axis of the first level"]
Interpolated = Annotated[Interpolation, "smoothstep has continuous first derivatives"]


class _Grid(Encoding):
    """What the dense and the hashed grid share.

    Attributes:
        levels: geometry and place in `table` of every level, coarse to fine.
        table: all levels' features, (sum of entries, features).
    """

    learning_rate: ClassVar[float | None] = 1e-2
    network_rate_factor: ClassVar[float] = 10.0

    _scales: Float[Tensor, "levels 1"]
    _last: Int[Tensor, "levels 1 1"]
    _strides: Int[Tensor, "d dense 1 1"]
    _primes: Int[Tensor, "d 1 1 1"]
    _offsets: Int[Tensor, "levels 1 1"]

    def __init__(self, in_dim: int, levels: tuple[Level, ...], features: int, interpolation: Interpolation) -> None:
        super().__init__(in_dim, len(levels) * features)
        self.levels = levels
        self.interpolation = interpolation
        self.smoothness = 0.0 if interpolation == "linear" else 1.0
        entries = levels[-1].offset + levels[-1].entries
        self.table = nn.Parameter(torch.empty(entries, features).uniform_(-1e-4, 1e-4))
        self._dense = sum(not level.hashed for level in levels)  # the first so many, as resolutions grow
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

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Interpolated features, level after level."""
        unit = coords.T.contiguous().clamp(-1, 1) * 0.5 + 0.5
        position = (self._scales * unit[:, None]).add_(0.5)
        cell = position.detach().floor()
        part = position - cell
        if self.interpolation == "smoothstep":
            part = part.square() * (3 - 2 * part)
        weights = combine(torch.stack((1 - part, part), dim=2), torch.mul)
        return blend(self.table, self._rows(cell.to(torch.int32)), weights)

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


@encodings.register("hash", source="Müller et al., SIGGRAPH 2022")
class HashGrid(_Grid):
    """Multiresolution grid whose fine levels share the rows of a table by hash."""

    def __init__(
        self,
        in_dim: int,
        *,
        levels: Levels = 16,
        features: Features = 2,
        log2_size: Annotated[int, Range(0, 24), "log2 of the most rows a level may have"] = 16,
        coarsest: Coarsest = 16,
        finest: Annotated[int | None, Range(1, 2**20), "vertices an axis of the last level (none: 512)"] = None,
        interpolation: Interpolated = "linear",
    ) -> None:
        finest = 512 if finest is None else finest
        _check_order("hash", levels, coarsest, finest)
        table = make_levels(in_dim, levels, coarsest, finest, 2**log2_size)
        _check_size("hash", table, features, "a smaller log2_size")
        super().__init__(in_dim, table, features, interpolation)
        self._finest = finest

    def config(self) -> Config:
        """As of every part; `finest` is filled in."""
        return super().config() | {"finest": self._finest}


@encodings.register("dense", source="Müller et al., SIGGRAPH 2022")
class DenseGrid(_Grid):
    """Multiresolution grid with a row of its own for every vertex."""

    def __init__(
        self,
        in_dim: int,
        *,
        levels: Levels = 8,
        features: Features = 2,
        coarsest: Coarsest = 16,
        finest: Annotated[
            int | None, Range(1, 2**20), "vertices an axis of the last level (none: 512, 256, 128, 32 for 1 to 4 axes)"
        ] = None,
        interpolation: Interpolated = "linear",
    ) -> None:
        finest = _DENSE_FINEST.get(in_dim, 32) if finest is None else finest
        _check_order("dense", levels, coarsest, finest)
        table = make_levels(in_dim, levels, coarsest, finest, math.inf)
        _check_size("dense", table, features, f"a smaller finest, or hash:levels={levels},finest={finest}")
        super().__init__(in_dim, table, features, interpolation)
        self._finest = finest

    def config(self) -> Config:
        """As of every part; `finest` is filled in."""
        return super().config() | {"finest": self._finest}


def _check_order(name: str, levels: int, coarsest: int, finest: int) -> None:
    if levels > 1 and finest < coarsest:
        raise InrError(f"encoding '{name}': finest must be >= coarsest, got {finest} < {coarsest}")


def _check_size(name: str, levels: tuple[Level, ...], features: int, instead: str) -> None:
    parameters = (levels[-1].offset + levels[-1].entries) * features
    if parameters > MAX_PARAMETERS:
        raise InrError(f"encoding '{name}': {parameters:,} parameters exceed {MAX_PARAMETERS:,}; use {instead}")
