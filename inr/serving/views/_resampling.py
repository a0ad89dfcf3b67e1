"""Means of pixels over areas."""

import numpy as np
from jaxtyping import Float, Int, UInt8

Edges = tuple[Float[np.ndarray, " rows+1"], Float[np.ndarray, " columns+1"]]
Cuts = tuple[Float[np.ndarray, " m"], Float[np.ndarray, " n"]]

_SLIVER = 1e-12


def area_means(
    source: UInt8[np.ndarray, "rows columns k"], edges: Edges, cuts: Cuts
) -> UInt8[np.ndarray, "height width k"]:
    """The mean of the source over every pixel of another grid.

    Where pixels have alpha, which is the last of 2 or 4 channels, colours count as much as they are opaque.

    Args:
        source: pixels, each of one colour throughout.
        edges: where its rows begin, and the last of them ends, in any unit; and its columns.
        cuts: the same of the other grid, which lies within: one more than it has rows, and columns.

    Returns:
        The means, rounded.
    """
    means = source.astype(np.float32)
    alpha = source.shape[2] in (2, 4)
    if alpha:
        means[..., :-1] *= means[..., -1:]
    for axis in (0, 1):
        means = _averaged(means.swapaxes(0, axis), *_weights(edges[axis], cuts[axis])).swapaxes(0, axis)
    if alpha:
        means[..., :-1] /= np.maximum(means[..., -1:], 1e-6)
    return np.clip(np.rint(means), 0, 255).astype(np.uint8)


def _weights(
    edges: Float[np.ndarray, " n"], cuts: Float[np.ndarray, " m"]
) -> tuple[Int[np.ndarray, "count taps"], Float[np.ndarray, "count taps"]]:
    """Which cells each interval between cuts overlaps, and the share of it that each of them fills."""
    low, high = cuts[:-1, None], cuts[1:, None]
    first = np.clip(np.searchsorted(edges, cuts[:-1], "right") - 1, 0, len(edges) - 2)
    last = np.clip(np.searchsorted(edges, cuts[1:], "left"), first + 1, len(edges) - 1)
    cells = first[:, None] + np.arange((last - first).max())
    inside = cells < last[:, None]
    cells = np.where(inside, cells, first[:, None])
    overlap = np.minimum(edges[cells + 1], high) - np.maximum(edges[cells], low)
    overlap = np.where(inside, np.maximum(overlap, _SLIVER), 0)  # an interval at the very edge has a cell, too
    return cells, (overlap / overlap.sum(1, keepdims=True)).astype(np.float32)


def _averaged(
    source: Float[np.ndarray, "rows columns k"],
    cells: Int[np.ndarray, "count taps"],
    weights: Float[np.ndarray, "count taps"],
) -> Float[np.ndarray, "count columns k"]:
    """Weighted sums of rows."""
    result = source[cells[:, 0]] * weights[:, 0, None, None]
    for tap in range(1, cells.shape[1]):
        result += source[cells[:, tap]] * weights[:, tap, None, None]
    return result
