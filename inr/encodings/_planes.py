"""Planes of trained features for every two axes: their sum, or their product at several scales."""

import functools
import itertools
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._parts import Config, Range
from inr.encodings._base import encodings
from inr.encodings._interpolation import Interpolated
from inr.encodings._vertices import Factorised, LastResolution, check_size, read, suited_planes
from inr.signals import Signal

_FEATURES_HELP = "features of every plane"


class _Planes(Factorised):
    """Planes over all pairs of axes, at some scales.

    Attributes:
        planes: tables (vertices of the first axis x those of the second, features), scale after scale, and in
            each xy, xz, xt, yz, yt, zt as far as there are axes.
        scales: vertices on every axis, at each scale.
    """

    learning_rate = 1e-2
    moments = (0.9, 0.99, 1e-15)
    tables = True
    default_partners: ClassVar[Mapping[str, Any]] = {"network": "mlp:depth=2,width=64"}

    def _make_planes(self, features: int, scales: list[tuple[int, ...]]) -> None:
        self.scales = scales
        self.pairs = list(itertools.combinations(range(self.in_dim), 2))
        entries = [vertices[a] * vertices[b] for vertices in scales for a, b in self.pairs]
        check_size(sum(entries) * features)
        self.planes = nn.ParameterList([nn.Parameter(torch.empty(count, features)) for count in entries])

    def _read_planes(self, coords: Float[Tensor, "n d"], scale: int) -> list[Float[Tensor, "n features"]]:
        """The features of every plane at one scale."""
        vertices = self.scales[scale]
        axes = self.around(coords, vertices)
        first = scale * len(self.pairs)
        return [  # one by one: a slice of the list would hold copies, through which no gradient flows
            read(self.planes[first + index], (axes[a], axes[b]), (vertices[a], vertices[b]))
            for index, (a, b) in enumerate(self.pairs)
        ]


@encodings.register(
    "triplane",
    source="Chan et al., Efficient geometry-aware 3D generative adversarial networks, CVPR 2022",
    formula="Σ over pairs of axes (a, b) of P_ab(x_a, x_b), each interpolated",
    limits="a sum of functions of two axes each: what couples three is left to the network; axis-aligned",
)
class TriPlane(_Planes):
    """Planes of trained features over every two axes, summed.

    1, 3 or 6 planes for 2 to 4 axes. Entries start at N(0, 0.1²).
    """

    def __init__(
        self,
        in_dim: int,
        *,
        features: Annotated[int, Range(1, 256), _FEATURES_HELP] = 32,
        resolution: Annotated[int | None, Range(2, 2**13), "vertices an axis (none: 256, and 128 for 4 axes)"] = None,
        last_resolution: LastResolution = None,
        interpolation: Interpolated = "linear",
    ) -> None:
        resolution = (128 if in_dim == 4 else 256) if resolution is None else resolution
        super().__init__(in_dim, features, resolution, last_resolution, interpolation)
        self._make_planes(features, [self.vertices])
        for plane in self.planes:
            nn.init.normal_(plane, std=0.1)

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """A vertex for every sample of an axis, as far as planes go."""
        return suited_planes(signal)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """The sum of all planes' features."""
        return functools.reduce(torch.add, self._read_planes(coords, 0))


@encodings.register(
    "kplanes",
    source="Fridovich-Keil et al., K-Planes: explicit radiance fields in space, time, and appearance, CVPR 2023",
    formula="for every scale, Π over pairs of axes (a, b) of P_ab(x_a, x_b), each interpolated; scales side by side",
    limits="axis-aligned; its penalties on variation and on time planes are no part of the encoding",
)
class KPlanes(_Planes):
    """Planes of trained features over every two axes, multiplied, at several scales.

    Each scale has twice the vertices of the one before, except on an axis of time. Entries start at U(0.1, 0.5), and
    those of planes with time at 1, so that what does not move ignores them. The publication takes 128 vertices at
    the first scale and 32 features.
    """

    def __init__(
        self,
        in_dim: int,
        *,
        features: Annotated[int, Range(1, 256), _FEATURES_HELP + " at every scale"] = 32,
        resolution: Annotated[int, Range(2, 2**13), "vertices an axis at the first scale"] = 64,
        scales: Annotated[int, Range(1, 8), "scales, each of twice the vertices"] = 3,
        time: Annotated[bool | None, "whether the last axis is time (none: with 4 axes it is)"] = None,
        last_resolution: LastResolution = None,
        interpolation: Interpolated = "linear",
    ) -> None:
        time = in_dim == 4 if time is None else time
        super().__init__(in_dim, features * scales, resolution, last_resolution, interpolation)
        doubled = [[count * 2**scale for count in self.vertices] for scale in range(scales)]
        still = [(*vertices[:-1], self.vertices[-1] if time else vertices[-1]) for vertices in doubled]
        self._make_planes(features, still)
        for index, plane in enumerate(self.planes):
            if time and self.pairs[index % len(self.pairs)][1] == in_dim - 1:
                nn.init.ones_(plane)
            else:
                nn.init.uniform_(plane, 0.1, 0.5)
        assert self._resolved is not None
        self._resolved["time"] = time

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """A quarter of the vertices that resolve every sample at the first of three scales; time has one scale."""
        finest = suited_planes(signal)
        first = {name: max(2, count // 4) for name, count in finest.items()}
        return first | {"last_resolution": finest["last_resolution"]} if signal.in_dim == 4 and finest else first

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """The products, scale after scale."""
        return torch.cat([self._product(coords, scale) for scale in range(len(self.scales))], dim=1)

    def _product(self, coords: Float[Tensor, "n d"], scale: int) -> Float[Tensor, "n features"]:
        return functools.reduce(torch.mul, self._read_planes(coords, scale))
