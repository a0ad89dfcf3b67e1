"""An order of points by which neighbours in an array are neighbours in space."""

import numpy as np
from jaxtyping import Float

_BITS = 10  # of a coordinate


def space_filling(points: Float[np.ndarray, "n d"]) -> np.ndarray:
    """The order of points along a curve that fills space (Morton's), by which neighbours stay together.

    Args:
        points: in [-1, 1].

    Returns:
        int64 (n,).
    """
    cells = np.clip((points + 1) * 2.0 ** (_BITS - 1), 0, 2**_BITS - 1).astype(np.int64)
    keys = np.zeros(len(points), np.int64)
    for bit in range(_BITS):
        for axis in range(points.shape[1]):
            keys |= (cells[:, axis] >> bit & 1) << (bit * points.shape[1] + axis)
    return np.argsort(keys, kind="stable")
