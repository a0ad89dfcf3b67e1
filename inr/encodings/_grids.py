"""Multiresolution grids of trained features, dense and hashed."""

import math
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Config, Range
from inr.encodings._base import Encoding, encodings
from inr.encodings._lattice import PRIMES, Level, make_levels

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

    _scales: Float[Tensor, " levels"]
    _lasts: Int[Tensor, " levels"]
    _offsets: Int[Tensor, " levels"]

    def __init__(self, in_dim: int, levels: tuple[Level, ...], features: int, interpolation: Interpolation) -> None:
        super().__init__(in_dim, len(levels) * features)
        self.levels = levels
        self.interpolation = interpolation
        self.smoothness = 0.0 if interpolation == "linear" else 1.0
        entries = levels[-1].offset + levels[-1].entries
        self.table = nn.Parameter(torch.empty(entries, features).uniform_(-1e-4, 1e-4))
        self.register_buffer("_scales", torch.tensor([level.scale for level in levels]), persistent=False)
        self.register_buffer("_lasts", torch.tensor([level.resolution - 1 for level in levels]), persistent=False)
        self.register_buffer("_offsets", torch.tensor([level.offset for level in levels]), persistent=False)
        self._dense_levels = sum(not level.hashed for level in levels)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Interpolated features, level after level."""
        unit = coords.clamp(-1, 1).T.mul(0.5).add(0.5)
        position = self._scales[:, None] * unit[:, None, :] + 0.5
        cell = position.detach().floor()
        part = position - cell
        if self.interpolation == "smoothstep":
            part = part.square() * (3 - 2 * part)
        rows = self._rows(cell.to(torch.int64))
        corners = self.table[rows]
        blended = (corners * _corner_weights(part)[..., None]).sum(0)
        return blended.transpose(0, 1).flatten(1)

    def _rows(self, cell: Int[Tensor, "d levels n"]) -> Int[Tensor, "corners levels n"]:
        """Table rows of the corners of each cell; bit i of the corner's number steps along axis i."""
        last = self._lasts[:, None]
        ends = [(axis.clamp(min=0).minimum(last), (axis + 1).clamp(min=0).minimum(last)) for axis in cell]
        dense, hashed = slice(None, self._dense_levels), slice(self._dense_levels, None)
        low = self._dense_rows([(low[dense], high[dense]) for low, high in ends])
        high = self._hashed_rows([(low[hashed], high[hashed]) for low, high in ends])
        return torch.cat((low, high), dim=1) + self._offsets[:, None]

    def _dense_rows(self, ends: list[tuple[Tensor, Tensor]]) -> Int[Tensor, "corners dense n"]:
        stride = torch.ones_like(self._lasts[: self._dense_levels])[:, None]
        rows = torch.zeros_like(ends[0][0])[None]
        for low, high in ends:
            rows = torch.cat((rows + low * stride, rows + high * stride))
            stride = stride * (self._lasts[: self._dense_levels, None] + 1)
        return rows

    def _hashed_rows(self, ends: list[tuple[Tensor, Tensor]]) -> Int[Tensor, "corners hashed n"]:
        rows = torch.zeros_like(ends[0][0])[None]
        for prime, (low, high) in zip(PRIMES, ends, strict=False):
            rows = torch.cat((rows ^ (low * prime), rows ^ (high * prime)))
        return rows & (self.levels[-1].entries - 1)


def _corner_weights(part: Float[Tensor, "d levels n"]) -> Float[Tensor, "corners levels n"]:
    weights = torch.ones_like(part[:1])
    for axis in part:
        weights = torch.cat((weights * (1 - axis), weights * axis))
    return weights


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
        finest = _check_finest("hash", coarsest, 512 if finest is None else finest)
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
        finest = _check_finest("dense", coarsest, _DENSE_FINEST.get(in_dim, 32) if finest is None else finest)
        table = make_levels(in_dim, levels, coarsest, finest, math.inf)
        _check_size("dense", table, features, f"a smaller finest, or hash:levels={levels},finest={finest}")
        super().__init__(in_dim, table, features, interpolation)
        self._finest = finest

    def config(self) -> Config:
        """As of every part; `finest` is filled in."""
        return super().config() | {"finest": self._finest}


def _check_finest(name: str, coarsest: int, finest: int) -> int:
    if finest < coarsest:
        raise InrError(f"encoding '{name}': finest must be >= coarsest, got {finest} < {coarsest}")
    return finest


def _check_size(name: str, levels: tuple[Level, ...], features: int, instead: str) -> None:
    parameters = (levels[-1].offset + levels[-1].entries) * features
    if parameters > MAX_PARAMETERS:
        raise InrError(f"encoding '{name}': {parameters:,} parameters exceed {MAX_PARAMETERS:,}; use {instead}")
