"""Polygons cut into triangles, as files of meshes hold them."""

import numpy as np
from jaxtyping import Int, Integer


def triangulated(corners: Int[np.ndarray, " k"], counts: Integer[np.ndarray, " p"]) -> Int[np.ndarray, "m 3"]:
    """Fans of triangles, from the first corner of every polygon.

    Args:
        corners: vertices of all polygons, one after the other.
        counts: how many corners each polygon has; those of fewer than three give nothing.

    Returns:
        int64 (m, 3).

    >>> inr.geometry.triangulated(np.array([0, 1, 2, 3]), np.array([4]))
    array([[0, 1, 2],
           [0, 2, 3]])
    """
    counts = counts.astype(np.int64)  # those of files are often of 8 bits
    starts = np.cumsum(counts) - counts
    if len(counts) and (counts == 3).all():
        return corners.reshape(-1, 3).astype(np.int64, copy=False)
    each = np.maximum(counts - 2, 0)
    first = np.repeat(starts, each)
    step = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    return corners[np.stack((first, first + step + 1, first + step + 2), 1)].astype(np.int64, copy=False)
