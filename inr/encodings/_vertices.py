"""Interpolation on a grid of vertices, for grids that are factors of a larger one.

Vertices lie at both ends of an axis and evenly between them (the "align corners" of K-Planes and TensoRF), unlike those
of `_lattice`. Points outside [-1, 1] take the value of the nearest point inside.
"""

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inr._errors import InrError
from inr._parts import Config, Range, Sizes
from inr.encodings._base import Encoding
from inr.encodings._grids import MAX_PARAMETERS
from inr.encodings._interpolation import SMOOTHNESS, Interpolation, upper_weight
from inr.encodings._lattice import combine
from inr.encodings._table import blend_rows
from inr.signals import Signal

LastResolution = Annotated[int | None, Range(2, 2**16), "vertices on the last axis, such as time (none: resolution)"]

Around = tuple[Int[Tensor, "2 n"], Float[Tensor, "2 n"]]
Corners = tuple[Int[Tensor, "corners n"], Float[Tensor, "corners n"]]


class Factorised(Encoding):
    """What encodings of planes and lines share.

    Attributes:
        vertices: on every axis.
    """

    dims: ClassVar[tuple[int, ...]] = (2, 3, 4)
    sizes = Sizes(("resolution", "rank", "features"), tied={"last_resolution": "resolution"})

    def __init__(
        self, in_dim: int, out_dim: int, resolution: int, last_resolution: int | None, interpolation: Interpolation
    ) -> None:
        super().__init__(in_dim, out_dim)
        self.vertices = (*[resolution] * (in_dim - 1), resolution if last_resolution is None else last_resolution)
        self.smoothness = SMOOTHNESS[interpolation]
        self.interpolation = interpolation
        self._resolved = {"resolution": resolution, "last_resolution": self.vertices[-1]}

    def around(self, coords: Float[Tensor, "n d"], vertices: Sequence[int]) -> list[Around]:
        """On every axis, the vertices on both sides of each point, and their weights."""
        smoothness = SMOOTHNESS[self.interpolation]
        return [around(column, count, smoothness) for column, count in zip(coords.unbind(1), vertices, strict=True)]


def suited_resolutions(signal: Signal, most: int) -> Config:
    """A vertex for every sample of an axis, up to `most`; nothing for samples without a grid of several axes."""
    if signal.domain.shape is None or signal.in_dim == 1:
        return {}
    last, *others = signal.domain.shape
    return {"resolution": min(max(2, *others), most), "last_resolution": min(max(2, last), most)}


def suited_planes(signal: Signal) -> Config:
    """`suited_resolutions`, as far as the memory of planes goes."""
    return suited_resolutions(signal, 128 if signal.in_dim == 4 else 256)


def grid_corners(coords: Float[Tensor, "n d"], vertices: Sequence[int]) -> Corners:
    """The vertices of a grid around each point, for linear interpolation by `blend_rows`.

    Vertices lie at -1, at 1 and evenly between; points outside take the value of the nearest point inside.

    Args:
        coords: float (n, d), columns x, y, ….
        vertices: how many there are on each of the d axes, at least 2.

    Returns:
        Rows, int32 (2^d, n), in a table of all vertices, the first axis fastest; and their weights (2^d, n), of the
        dtype of `coords`.
    """
    axes = [around(column, count, 0) for column, count in zip(coords.unbind(1), vertices, strict=True)]
    return corners(axes, vertices)


def check_size(parameters: int) -> None:
    """Refuse, before it is allocated, what is larger than a grid may be."""
    if parameters > MAX_PARAMETERS:
        raise InrError(f"a grid of {parameters:,} parameters exceeds {MAX_PARAMETERS:,}; use a smaller resolution")


def around(column: Float[Tensor, " n"], count: int, smoothness: int) -> Around:
    """The vertices on both sides of points of one axis, numbered from 0, and their weights, so often differentiable."""
    position = (column.clamp(-1, 1) + 1) * ((count - 1) / 2)
    cell = position.detach().floor().clamp(max=count - 2)
    part = upper_weight(position - cell, smoothness)
    first = cell.to(torch.int32).clamp(min=0)  # where a coordinate is not a number
    return torch.stack((first, first + 1)), torch.stack((1 - part, part))


def corners(axes: Sequence[Around], vertices: Sequence[int]) -> Corners:
    """The rows of the vertices around each point, in a table with one for every vertex of some axes, and their weights.

    The first axis is fastest.
    """
    strides = [math.prod(vertices[:axis]) for axis in range(len(axes))]
    rows = combine(torch.stack([rows * stride for (rows, _), stride in zip(axes, strides, strict=True)]), torch.add)
    return rows, combine(torch.stack([weights for _, weights in axes]), torch.mul)


def read(
    table: Float[Tensor, "entries features"], axes: Sequence[Around], vertices: Sequence[int]
) -> Float[Tensor, "n features"]:
    """Interpolated rows of a table with a row for every vertex of some axes, the first axis fastest."""
    rows, weights = corners(axes, vertices)
    return blend_rows(table, rows[None], weights[None])
