"""Products of bfloat16 numbers, two of them in a word of 32 bits, with float32 sums.

bfloat16 is the upper half of a float32; rounding to it keeps 8 bits of the mantissa. Processors that have
instructions for it multiply and add two such numbers in the place of one float32; on others, two ordinary products
give the same sums. A word holds neighbours along what is summed over, the earlier one in its lower half.
"""

import numpy as np

from inr.jit import F1, Stage, inline, share
from inr.jit.maths import bits, from_bits
from inr.jit.products import BFLOAT16
from inr.jit.vector import PANEL, POINTERS

_at = POINTERS["float32"]
_share = inline(share)
_product, _weight_gradient = BFLOAT16
_zero = np.float32(0)
_HALF, _LOWER, _UPPER = np.int32(0x7FFF), np.int32(0xFFFF), np.int32(-0x10000)
_ONE, _SIXTEEN = np.int32(1), np.int32(16)


@inline
def _rounded(number: np.float32) -> np.int32:
    """To the nearest bfloat16, in the upper half; the even one of two that are as near."""
    whole = bits(number)
    return np.int32(whole + _HALF + np.int32(np.int32(whole >> _SIXTEEN) & _ONE))


@inline
def _pair(first: np.float32, second: np.float32) -> np.float32:
    """Two numbers as one word."""
    lower = np.int32(np.int32(_rounded(first) >> _SIXTEEN) & _LOWER)
    return from_bits(np.int32(lower | np.int32(_rounded(second) & _UPPER)))


@inline
def _along(x: int, stride: int, to: int, points: int, columns: int) -> None:
    """Pairs of neighbours in a row: (points, columns / 2) words, half a stride apart."""
    for point in range(points):
        row, words = _at(x + 4 * point * stride), _at(to + 2 * point * stride)
        for column in range(columns // 2):
            words[column] = _pair(row[2 * column], row[2 * column + 1])


@inline
def _across(x: int, stride: int, to: int, points: int, columns: int) -> None:
    """Pairs of a row and the next: (points / 2, columns) words, a stride apart; an odd row's partner is 0."""
    for point in range(0, points - 1, 2):
        row, below = _at(x + 4 * point * stride), _at(x + 4 * (point + 1) * stride)
        words = _at(to + 2 * point * stride)
        for column in range(columns):
            words[column] = _pair(row[column], below[column])
    if points % 2:
        row, words = _at(x + 4 * (points - 1) * stride), _at(to + 2 * (points - 1) * stride)
        for column in range(columns):
            words[column] = _pair(row[column], _zero)


@inline
def back_bfloat16(
    z: int, z_stride: int, x: int, x_stride: int, grad: int, gradient: int, backward: int, packed16: int, spare: int,
    points: int, columns: int, rows: int,
) -> None:  # fmt: skip
    """As `_network.back`, with products of pairs; `spare` has room for two such tiles, and half of one."""
    # words of two rows take the room of two rows: half as many, whole strides apart
    rows_of_words = points + points % 2
    words, below = spare, spare + 2 * rows_of_words * z_stride
    _across(z, z_stride, words, points, rows)
    _across(x, x_stride, below, points, columns)
    _weight_gradient(words, z_stride, below, x_stride, grad, columns, rows_of_words // 2, columns, rows)
    _along(z, z_stride, words, points, rows)
    _product(words, z_stride // 2, packed16, gradient, x_stride, points, rows // 2, columns)


@inline
def lift_bfloat16(
    x: int, x_stride: int, forward: int, packed16: int, z: int, z_stride: int, spare: int, points: int, columns: int,
    rows: int,
) -> None:  # fmt: skip
    """As `_reverse_passes.lift_float32`, with products of pairs; `spare` has room for half of x, strides included."""
    _along(x, x_stride, spare, points, columns)
    _product(spare, x_stride // 2, packed16, z, z_stride, points, columns // 2, rows)


@inline
def reverse_bfloat16(
    z: int, z_stride: int, x: int, x_stride: int, height: int, grad: int, gradient: int, backward: int, packed16: int,
    spare: int, points: int, columns: int, rows: int,
) -> None:  # fmt: skip
    """As `_reverse_passes.reverse_float32`, with products of pairs; `spare` as in `back_bfloat16`, for all rows."""
    every = points * height
    rows_of_words = every + every % 2
    words, below = spare, spare + 2 * rows_of_words * z_stride
    _across(z, z_stride, words, every, rows)
    _across(x, x_stride, below, every, columns)
    _weight_gradient(words, z_stride, below, x_stride, grad, columns, rows_of_words // 2, columns, rows)
    _along(z, height * z_stride, words, points, rows)
    _product(words, height * z_stride // 2, packed16, gradient, x_stride, points, rows // 2, columns)


def _pack_bfloat16(worker: int, workers: int, packed: F1, packed16: F1) -> None:
    """What `packed` ends with, matrices in rows of PANEL numbers, as pairs of rows."""
    start, stop = _share(packed16.shape[0] // PANEL, worker, workers, 1)
    source = packed.ctypes.data + 4 * (packed.shape[0] - 2 * packed16.shape[0])
    _across(source + 8 * start * PANEL, PANEL, packed16.ctypes.data + 4 * start * PANEL, 2 * (stop - start), PANEL)


PACK_BFLOAT16 = Stage(_pack_bfloat16, phase="packing")
