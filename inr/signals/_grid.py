"""Coordinates of regular grids, computed from indices and never stored."""

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
        float32 (n, d), columns in coordinate order x, y(, z)(, t), each within one rounding of exact.
    """
    coords = torch.empty(len(indices), len(shape), dtype=torch.float32, device=indices.device)
    # float64 divides several times faster than int64 and is exact here: the halved step keeps (i + 1/2)/n
    # away from integers by more than its rounding for every index below 2^51
    remaining = indices.to(torch.float64)
    for axis, size in enumerate(reversed(shape)):
        position = remaining
        if axis < len(shape) - 1:
            quotient = (remaining + 0.5).mul_(1 / size).floor_()
            position, remaining = remaining.sub_(quotient, alpha=size), quotient
        low, high = box[axis] if box is not None else (-1.0, 1.0)
        # counted from the middle, so that the grid is exactly symmetric
        coords[:, axis] = position.add_((1 - size) / 2).mul_((high - low) / size).add_((low + high) / 2)
    return coords


def block_ranges(size: int, block: int) -> list[tuple[int, int]]:
    """[start, stop) ranges that cover `size` samples in blocks."""
    return [(start, min(start + block, size)) for start in range(0, size, block)]
