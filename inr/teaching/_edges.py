"""Where a signal on a grid changes fast: edges of pictures by Canny, and slopes of any grid signal by Sobel."""

import math

import numpy as np
from jaxtyping import Float, Int

from inr.signals import GridSignal

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_TOLERANCE = 0.2  # of the area of Canny's edges, as a share of the area wanted
_ROUNDS = 20  # of the search for that area


def edge_samples(signal: GridSignal, count: int, seed: int) -> Int[np.ndarray, " m"]:
    """The samples on a signal's edges: `count`, or fewer where it has no more.

    In a picture, Canny's edges of its grey value, widened by one sample and thinned at random. In any other signal
    the samples with the largest slopes, those with none left out.

    Returns:
        indices of samples, int64, sorted.

    Source: Zhang et al., Expansive Supervision for Neural Radiance Field, ICME 2025 (the pictures' part).
    """
    if count == 0:
        return np.empty(0, np.int64)
    there = slice(None) if signal.cells is None else signal.cells.numpy()
    if signal.domain.kind != "image":
        strengths = slopes(signal).ravel()[there]
        strongest = np.argpartition(-strengths, min(count, len(strengths)) - 1)[:count]
        return np.sort(strongest[strengths[strongest] > 0])
    found = np.flatnonzero(_widened(_canny(_planes(signal)[0], count)).ravel()[there])
    if len(found) <= count:
        return found
    return np.sort(np.random.default_rng(seed).choice(found, count, replace=False))


def slopes(signal: GridSignal) -> Float[np.ndarray, "..."]:
    """How fast a signal changes at each cell: Sobel's magnitude, float32 of the grid's shape, of any scale.

    Of a picture's grey value; of other signals, the root of the sum of the channels' squares.
    """
    from skimage.filters import sobel

    return np.sqrt(np.sum([np.square(sobel(plane)) for plane in _planes(signal)], axis=0))


def _planes(signal: GridSignal) -> list[Float[np.ndarray, "..."]]:
    """The grey value of a picture, or every channel of another signal, float32 of the grid's shape, from 0 to 1."""
    values = signal.grid_values / 2 + np.float32(0.5)
    channels = signal.channels
    if signal.domain.kind != "image":
        return [np.ascontiguousarray(values[..., channel]) for channel in range(channels)]
    return [values[..., :3] @ _LUMA if channels in (3, 4) else values.mean(axis=-1)]


def _canny(grey: Float[np.ndarray, "h w"], count: int) -> np.ndarray:
    """A mask of Canny's edges, of about `count` samples if there are so many.

    The upper threshold is a multiple of Otsu's, searched for, and the lower is half of it.
    """
    from skimage.feature import canny
    from skimage.filters import threshold_otsu

    def found_at(high: float) -> np.ndarray:
        return canny(grey, sigma=0, low_threshold=high / 2, high_threshold=high)

    edges = found_at(0.0)
    if edges.sum() <= (1 + _TOLERANCE) * count:
        return edges
    threshold = max(float(threshold_otsu(grey)), 1e-6)
    low, high = 0.0, math.inf
    for _ in range(_ROUNDS):
        edges = found_at(threshold)
        excess = edges.sum() / count - 1
        if abs(excess) <= _TOLERANCE:
            break
        low, high = (threshold, high) if excess > 0 else (low, threshold)
        if low == 0:
            threshold /= 4
        elif math.isinf(high):
            threshold *= 4
        else:
            threshold = math.sqrt(low * high)
    return edges


def _widened(edges: np.ndarray) -> np.ndarray:
    """A mask dilated by a square of 2 x 2, to the right and down."""
    wide = edges.copy()
    wide[1:] |= edges[:-1]
    wide[:, 1:] |= wide[:, :-1].copy()
    return wide
