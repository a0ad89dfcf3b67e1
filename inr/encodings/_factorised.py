"""Tensor decompositions of a grid: lines, and planes times lines."""

import functools
import itertools
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._parts import Config, Range
from inr.encodings._base import encodings
from inr.encodings._interpolation import Interpolated
from inr.encodings._vertices import (
    Around,
    Factorised,
    LastResolution,
    check_size,
    read,
    suited_planes,
    suited_resolutions,
)
from inr.signals import Signal

_MAX_LINE_VERTICES = 2**16
_SOURCE = "Chen et al., TensoRF: tensorial radiance fields, ECCV 2022"


class _Tensor(Factorised):
    """What both decompositions share.

    Attributes:
        lines: tables (vertices, components) of factors that depend on one axis.
    """

    learning_rate = 2e-2
    moments = (0.9, 0.99, 1e-8)


@encodings.register(
    "cp",
    source=_SOURCE,
    formula="v_r^x(x) v_r^y(y) … for r = 1 … rank, each interpolated",
    limits="axis-aligned: what is turned takes a high rank; one resolution throughout the fit, which TensoRF raises",
)
class CPGrid(_Tensor):
    """Canonical polyadic decomposition of a grid: products of one trained line for every axis.

    Few numbers, rank x vertices x axes. Entries start at N(0, 0.2²). TensoRF takes 384 components, and 500 vertices in
    the end; it learns tables at 0.02 and the network on them at 0.001.
    """

    def __init__(
        self,
        in_dim: int,
        *,
        rank: Annotated[int, Range(1, 1024), "components"] = 96,
        resolution: Annotated[int, Range(2, _MAX_LINE_VERTICES), "vertices an axis"] = 256,
        last_resolution: LastResolution = None,
        interpolation: Interpolated = "linear",
    ) -> None:
        super().__init__(in_dim, rank, resolution, last_resolution, interpolation)
        check_size(sum(self.vertices) * rank)
        self.lines = nn.ParameterList([nn.Parameter(0.2 * torch.randn(count, rank)) for count in self.vertices])

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """A vertex for every sample of an axis."""
        return suited_resolutions(signal, _MAX_LINE_VERTICES)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """The components."""
        axes = self.around(coords, self.vertices)
        factors = zip(self.lines, axes, self.vertices, strict=True)
        return functools.reduce(torch.mul, [read(line, (axis,), (count,)) for line, axis, count in factors])


@encodings.register(
    "vm",
    source=_SOURCE,
    formula="M_r^yz(y, z) v_r^x(x), M_r^xz(x, z) v_r^y(y), M_r^xy(x, y) v_r^z(z) for r = 1 … rank, each interpolated",
    limits="axis-aligned; one resolution throughout the fit, which TensoRF raises from 128 to 300",
)
class VMGrid(_Tensor):
    """Vector-matrix decomposition of a grid: a trained plane over two axes times a line for each of the others.

    One mode for every two axes: 3 for 3 axes, 6 (planes times two lines) for 4, and a plane alone for 2; the components
    of all modes stand side by side. Entries start at N(0, 0.1²). TensoRF's VM-192 is rank=64; it learns tables at 0.02
    and the network on them at 0.001.

    Attributes:
        planes: tables (vertices of both axes, rank), over xy, xz, xt, yz, yt, zt as far as there are axes.
        lines: tables (vertices, rank): for every plane those of the other axes, in order.
    """

    def __init__(
        self,
        in_dim: int,
        *,
        rank: Annotated[int, Range(1, 1024), "components of every mode"] = 16,
        resolution: Annotated[int, Range(2, 2**13), "vertices an axis"] = 128,
        last_resolution: LastResolution = None,
        interpolation: Interpolated = "linear",
    ) -> None:
        self.check_in_dim(in_dim)
        pairs = list(itertools.combinations(range(in_dim), 2))
        super().__init__(in_dim, rank * len(pairs), resolution, last_resolution, interpolation)
        counts = self.vertices
        others = [[axis for axis in range(in_dim) if axis not in pair] for pair in pairs]
        planes = [counts[a] * counts[b] for a, b in pairs]
        lines = [counts[axis] for rest in others for axis in rest]
        check_size(sum(planes + lines) * rank)
        self.planes = nn.ParameterList([nn.Parameter(0.1 * torch.randn(count, rank)) for count in planes])
        self.lines = nn.ParameterList([nn.Parameter(0.1 * torch.randn(count, rank)) for count in lines])
        self._modes = list(zip(pairs, others, strict=True))

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """A vertex for every sample of an axis, as far as planes go."""
        return suited_planes(signal)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """The components, mode after mode."""
        axes = self.around(coords, self.vertices)
        lines = iter(self.lines)
        modes = []
        for plane, (pair, others) in zip(self.planes, self._modes, strict=True):
            factors = [self._read(plane, axes, pair)]
            factors += [self._read(next(lines), axes, (axis,)) for axis in others]
            modes.append(functools.reduce(torch.mul, factors))
        return torch.cat(modes, dim=1)

    def _read(self, table: Tensor, axes: list[Around], which: tuple[int, ...]) -> Tensor:
        return read(table, [axes[axis] for axis in which], [self.vertices[axis] for axis in which])
