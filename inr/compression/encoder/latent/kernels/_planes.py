"""Planes of numbers with room around every row, so that loops over whole vectors need no other end."""

import math
from typing import Annotated

import numpy as np

from inr.jit import Array, inline
from inr.jit.vector import LANES, POINTERS

F3 = Annotated[np.ndarray, Array("float32", 3)]
"""Parameters of stages that take planes, (planes, height, stride)."""
START = LANES
"""Where in a row of a plane its first number stands."""
_at = POINTERS["float32"]
_LINE = 64  # bytes of a cache line


def whole(width: int) -> int:
    """A width rounded up to whole vectors."""
    return -(-width // LANES) * LANES


def stride(width: int) -> int:
    """Numbers from one row to the next: a vector before, and one behind the whole vectors of a row."""
    return whole(width) + 2 * LANES


def planes(count: int, height: int, width: int) -> np.ndarray:
    """Planes of zeros, (count, height, stride(width)) float32, on a cache line's border."""
    return lines(count, height, stride(width))


def lines(*shape: int) -> np.ndarray:
    """Float32 zeros that start on a cache line's border."""
    size = math.prod(shape)
    room = np.zeros(size + _LINE // 4, np.float32)
    start = -room.ctypes.data % _LINE // 4
    return room[start : start + size].reshape(shape)


@inline
def repeat_ends(row: int, width: int) -> None:
    """The first and the last number of a row of a plane, once more beside it."""
    numbers = _at(row)
    numbers[START - 1] = numbers[START]
    numbers[START + width] = numbers[START + width - 1]
