"""Coordinates of regular grids, computed from indices and never stored."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from inr._tensor import Tensor

Box = Sequence[tuple[float, float]]


def grid_coords(shape: Sequence[int], indices: Int[Tensor, " n"], box: Box | None = None) -> Float[Tensor, "n d"]:
    """Coordinates of the samples of a grid, cell-centred: sample i of an axis of n cells lies at (2i+1)/n - 1.

    Args:
        shape: samples per axis in array order (the last axis is x), without channels.
        indices: flat C-order indices into `shape`, int64.
        box: (low, high) per axis in coordinate order x, y, …, within which the cells lie; [-1, 1] by default.

    Returns:
        float32 (n, d), columns in coordinate order x, y(, z)(, t), each within one rounding of exact.

    >>> inr.signals.grid_coords((2, 4), torch.arange(3))
    tensor([[-0.7500, -0.5000],
            [-0.2500, -0.5000],
            [ 0.2500, -0.5000]])
    """
    import torch

    coords = torch.empty(len(indices), len(shape), dtype=torch.float32, device=indices.device)
    # float64 divides several times faster than int64 and is exact here: the halved step keeps (i + 1/2)/n
    # away from integers by more than its rounding for every index below 2^51
    remaining = indices.to(torch.float64)
    for axis, size in enumerate(reversed(shape)):
        position = remaining
        if axis < len(shape) - 1:
            quotient = (remaining + 0.5).mul_(1 / size).floor_()
            position, remaining = remaining.sub_(quotient, alpha=size), quotient
        coords[:, axis] = _centred(position, size, _ends(box, axis))
    return coords


def grid_range(shape: Sequence[int], start: int, stop: int, box: Box | None = None) -> Float[Tensor, "n d"]:
    """What `grid_coords` gives for the indices from `start` up to `stop`, bit for bit and much faster.

    A row of the grid has the same x as every other: whole rows are copied from one.

    Args:
        shape: samples per axis in array order, without channels.
        start: the first flat C-order index.
        stop: the index after the last.
        box: (low, high) per axis in coordinate order, within which the cells lie; [-1, 1] by default.

    Returns:
        float32 (stop - start, d), columns in coordinate order.
    """
    import torch

    coords = np.empty((stop - start, len(shape)), np.float32)
    _fill(coords, shape, start, [_ends(box, axis) for axis in range(len(shape))])
    return torch.from_numpy(coords)


def _fill(coords: np.ndarray, shape: Sequence[int], start: int, ends: Sequence[tuple[float, float]]) -> None:
    """Write the coordinates of the samples from `start` on: a part of a row, whole rows, a part of a row."""
    count, width = len(coords), shape[-1]
    if len(shape) == 1 or count == 0:
        coords[:, 0] = _stretch(start, count, width, ends[0])
        return
    first, column = divmod(start, width)
    rows = np.empty((-(-(start + count) // width) - first, len(shape) - 1), np.float32)
    _fill(rows, shape[:-1], first, ends[1:])
    head = min((width - column) % width, count)
    whole = (count - head) // width
    tail = count - head - whole * width
    if head:
        coords[:head, 0], coords[:head, 1:] = _stretch(column, head, width, ends[0]), rows[0]
    if whole:
        lines = coords[head : count - tail].reshape(whole, width, len(shape))
        lines[..., 0] = _stretch(0, width, width, ends[0])
        for axis in range(1, len(shape)):  # one by one: rows of two or three numbers are copied slowly
            lines[..., axis] = rows[min(head, 1) :][:whole, axis - 1, None]
    if tail:
        coords[count - tail :, 0], coords[count - tail :, 1:] = _stretch(0, tail, width, ends[0]), rows[-1]


def _stretch(start: int, count: int, size: int, ends: tuple[float, float]) -> np.ndarray:
    """Coordinates of neighbouring samples of one axis, float64."""
    return _centred(np.arange(start, start + count, dtype=np.float64), size, ends)


def _ends(box: Box | None, axis: int) -> tuple[float, float]:
    return box[axis] if box is not None else (-1.0, 1.0)


def _centred(position: Any, size: int, ends: tuple[float, float]) -> Any:
    """Coordinates of the samples at `position` (float64, used up) of one axis; exactly symmetric about its middle."""
    low, high = ends
    position += (1 - size) / 2
    position *= (high - low) / size
    position += (low + high) / 2
    return position


def block_ranges(size: int, block: int) -> list[tuple[int, int]]:
    """Ranges that cover samples in blocks.

    Args:
        size: how many samples there are.
        block: how many a range has, but for the last one, which may be shorter.

    Returns:
        Pairs (start, stop), `stop` excluded.

    >>> inr.signals.block_ranges(5, 2)
    [(0, 2), (2, 4), (4, 5)]
    """
    return [(start, min(start + block, size)) for start in range(0, size, block)]


def row_block(shape: Sequence[int], block: int) -> int:
    """A number of samples near `block` that is whole rows of a grid; `block` itself where a row is longer.

    Args:
        shape: samples per axis in array order.
        block: the most samples that are wanted at once.

    Returns:
        At most `block`, at least 1.
    """
    width = shape[-1] if len(shape) > 1 else 1
    return max(block // width * width, 1) if width <= block else block
