"""Multiresolution grids of trained features, dense and hashed."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Config, Range, Sizes
from inr.encodings._base import Encoding, encodings
from inr.encodings._interpolation import SMOOTHNESS, Interpolated, Interpolation
from inr.encodings._lattice import Lattice, make_levels
from inr.signals import Signal

MAX_PARAMETERS = 2**28  # 1 GiB in float32; fitting keeps three more tables of that size
MAX_VERTICES = 2**20  # an axis: beyond, float32 coordinates no longer tell a point's place in its cell
# Vertices an axis of a dense grid by number of axes, where nothing is known of the signal, and the most that suit one.
_DENSE_FINEST = {1: 512, 2: 256, 3: 128, 4: 32}
_DENSE_MAX_FINEST = {1: 2**16, 2: 256, 3: 64, 4: 24}

# Vertices of time for each frame of a video, at the finest level of a hash grid.
_VERTICES_A_FRAME = 2

# Values of a signal for each row of the finest levels of a hash grid, by what a sample measures.
_VALUES_A_ROW = {"area": 4.5, "band": 3.0, "point": 1.0}

Levels = Annotated[int, Range(1, 32), "resolutions; a single one is the finest"]
Features = Annotated[int, Range(1, 16), "features a level"]
Coarsest = Annotated[int, Range(1, MAX_VERTICES), "vertices an axis of the first level"]


class _Grid(Encoding):
    """What the dense and the hashed grid share; the geometry is `_lattice`'s.

    Coordinates are clamped to [-1, 1]. Vertices an axis go up to 2^20: beyond, float32 coordinates no longer tell
    a point's place in its cell.

    Attributes:
        lattice: what interpolates in `table`; has no parameters.
        levels: geometry and place in `table` of every level, coarse to fine.
        table: all levels' features, (sum of entries, features).
        last_share: of the lattice's length, which the last axis takes.
    """

    learning_rate = 1e-2
    moments = (0.9, 0.99, 1e-15)
    tables = True
    default_partners: ClassVar[Mapping[str, Any]] = {"network": "mlp:depth=2,width=64"}
    last_share = 1.0

    def __init__(
        self,
        in_dim: int,
        count: int,
        features: int,
        coarsest: int,
        finest: int,
        interpolation: Interpolation,
        size: float,
    ) -> None:
        self.check_in_dim(in_dim)
        _check_order(count, coarsest, finest)
        last = make_levels(in_dim, count, coarsest, finest, size)[-1]
        entries = last.offset + last.entries
        _check_size(entries * features, size, finest)
        super().__init__(in_dim, count * features)
        self.lattice = Lattice(in_dim, count, coarsest, finest, size, smoothness=SMOOTHNESS[interpolation])
        self.levels = self.lattice.levels
        self.interpolation = interpolation
        self.smoothness = SMOOTHNESS[interpolation]
        self.table = nn.Parameter(torch.empty(entries, features).uniform_(-1e-4, 1e-4))
        self._resolved = {"finest": finest}

    def placed_in(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Where points lie in the lattice: the last axis may take a part of it only.

        Args:
            coords: (n, d).

        Returns:
            Coordinates of the lattice, (n, d); the same tensor where all axes are alike.
        """
        if self.last_share == 1:
            return coords
        last = coords[:, -1:].clamp(-1, 1) * self.last_share + (self.last_share - 1)
        return torch.cat((coords[:, :-1], last), dim=1)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Interpolated features, level after level."""
        return self.lattice(self.placed_in(coords), self.table)


_SOURCE = "Müller et al., Instant neural graphics primitives with a multiresolution hash encoding, SIGGRAPH 2022"


@encodings.register(
    "hash",
    source=_SOURCE,
    formula="for every level the d-linear blend of rows ⊕_i p_i π_i mod T of the corners p around x (π: PRIMES)",
    limits="linear has kinks and smoothstep jumping curvatures: quintic for Laplacians; too few rows show as noise",
)
class HashGrid(_Grid):
    """Multiresolution grid whose fine levels share the rows of a table by hash.

    Each of `levels` grids, from `coarsest` to `finest` vertices an axis in geometric steps, gives `features`
    trained features, interpolated between the vertices around the point; a level with more than 2^log2_size
    vertices keeps them in so many rows, chosen by hash, and leaves collisions to the training. A sample of its
    own for every pixel needs `finest` = samples an axis. The table starts at U(-1e-4, 1e-4).

    With `last_finest` the last axis has so many vertices at the finest level, and at the others as many fewer than the
    other axes have there: few frames of a video would else share nothing.

    >>> encoding = inr.encodings.HashGrid(3, levels=8, log2_size=14)
    >>> encoding(torch.rand(100, 3)).shape  # float32 coordinates (n, 3) to features (n, levels x features)
    torch.Size([100, 16])
    """

    sizes = Sizes(("log2_size", "finest", "features"), finer="levels", tied={"last_finest": "finest"})

    def __init__(
        self,
        in_dim: int,
        *,
        levels: Levels = 16,
        features: Features = 2,
        log2_size: Annotated[int, Range(0, 24), "log2 of the most rows a level may have"] = 16,
        coarsest: Coarsest = 16,
        finest: Annotated[int | None, Range(1, MAX_VERTICES), "vertices an axis of the last level (none: 512)"] = None,
        interpolation: Interpolated = "linear",
        last_finest: Annotated[
            int | None,
            Range(2, MAX_VERTICES),
            "vertices of the last axis, such as time, at the last level (none: finest)",
        ] = None,
    ) -> None:
        finest = 512 if finest is None else finest
        super().__init__(in_dim, levels, features, coarsest, finest, interpolation, 2**log2_size)
        if last_finest is not None and last_finest > finest:
            raise InrError(f"a grid's last_finest must be <= its finest, got {last_finest} > {finest}")
        if last_finest is not None:
            self.last_share = (last_finest - 1) / (finest - 1)

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """A vertex a sample and a row for 4.5 values on the finest levels; two, and more rows, for points.

        That is 2^18 rows for a picture of 768 x 512 pixels in colour. More rows are coded more coarsely, in as many
        bytes. Frames have two vertices each.
        """
        area = signal.domain.sampling == "area"
        finest = min(_finest(signal) * (1 if area else 2), MAX_VERTICES)
        rows = signal.size * signal.channels / _VALUES_A_ROW[signal.domain.sampling]
        log2_size = round(min(max(math.log2(rows), 12), 19))
        found = {"levels": 8 if area else 12, "log2_size": log2_size, "coarsest": _coarsest(finest), "finest": finest}
        frames = signal.domain.shape[0] if signal.domain.kind == "video" and signal.domain.shape else finest
        return found | ({"last_finest": _VERTICES_A_FRAME * frames} if _VERTICES_A_FRAME * frames < finest else {})


@encodings.register(
    "dense",
    source=_SOURCE,
    formula="for every level the d-linear blend of rows Σ_i p_i R^i of the corners p around x, R vertices an axis",
    limits="memory grows with finest^axes; linear has kinks and smoothstep jumping curvatures: quintic for Laplacians",
)
class DenseGrid(_Grid):
    """Multiresolution grid with a row of its own for every vertex.

    As `hash`, with no bound on the rows of a level: nothing collides, and memory grows with finest^axes. One level
    of as many vertices as samples, read linearly, can hold any signal as it is.
    """

    sizes = Sizes(("finest", "features"))

    def __init__(
        self,
        in_dim: int,
        *,
        levels: Levels = 8,
        features: Features = 2,
        coarsest: Coarsest = 16,
        finest: Annotated[
            int | None,
            Range(1, MAX_VERTICES),
            "vertices an axis of the last level (none: 512, 256, 128, 32 for 1 to 4 axes)",
        ] = None,
        interpolation: Interpolated = "linear",
    ) -> None:
        finest = _DENSE_FINEST.get(in_dim, 1) if finest is None else finest
        super().__init__(in_dim, levels, features, coarsest, finest, interpolation, math.inf)

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """A finest level that resolves every sample, as far as memory goes."""
        finest = min(_finest(signal), _DENSE_MAX_FINEST[signal.in_dim])
        return {"coarsest": _coarsest(finest), "finest": finest}


def _finest(signal: Signal) -> int:
    """Vertices an axis that resolve every sample, as far as grids go."""
    return min(max(16, *(signal.domain.shape or (512,))), MAX_VERTICES)


def _coarsest(finest: int) -> int:
    """The published 16, and less where the finest level leaves no room for levels above it."""
    return min(16, max(2, finest // 8))


def _check_order(levels: int, coarsest: int, finest: int) -> None:
    if levels > 1 and finest < coarsest:
        raise InrError(f"a grid's finest must be >= its coarsest, got {finest} < {coarsest}")


def _check_size(parameters: int, size: float, finest: int) -> None:
    if parameters > MAX_PARAMETERS:
        instead = f"a smaller finest, or hash:finest={finest}" if size == math.inf else "a smaller log2_size"
        raise InrError(f"a grid of {parameters:,} parameters exceeds {MAX_PARAMETERS:,}; use {instead}")
