"""Coordinates of regular grids, computed from indices and never stored."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

Box = Sequence[tuple[float, float]]


def grid_coords(shape: Sequence[int], indices: Int[Tensor, " n"], box: Box | None = None) -> Float[Tensor, "n d"]:
    """Coordinates of the samples of a grid, cell-centred: sample i of an axis of n cells lies at (2i+1)/n - 1.

    Args:
        shape: samples per axis in array order (the last axis is x), without channels.
        indices: flat C-order indices into `shape`, int64.
        box: (low, high) per axis in coordinate order x, y, …, within which the cells lie; [-1, 1] by default.

    Returns:
        float32 (n, d), columns in coordinate order x, y(, z)(, t).
    """
    columns = []
    remaining = indices
    for axis, size in enumerate(reversed(shape)):
        last = axis == len(shape) - 1
        position = remaining if last else remaining % size
        remaining = remaining if last else remaining // size
        low, high = box[axis] if box is not None else (-1.0, 1.0)
        scale = (high - low) / (2 * size)
        # 2i+1 is exact in float32 up to 2^24 samples an axis; the rounding is that of one multiply-add
        columns.append((2 * position + 1).to(torch.float32).mul_(scale).add_(low))
    return torch.stack(columns, dim=1)


def block_ranges(size: int, block: int) -> list[tuple[int, int]]:
    """[start, stop) ranges that cover `size` samples in blocks."""
    return [(start, min(start + block, size)) for start in range(0, size, block)]


def count(shape: Sequence[int]) -> int:
    """Number of samples of a grid."""
    return math.prod(shape)
