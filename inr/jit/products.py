"""Products of a tile with a layer's matrix, forward and back, from blocks that fill the registers."""

from typing import Any, NamedTuple

from inr.jit._compile import inline
from inr.jit.vector import (
    LANES,
    PANEL,
    ROWS,
    bfloat16_product_k,
    bfloat16_product_m,
    float32_product_k,
    float32_product_m,
)

# what can remain of whole vectors when cut into blocks of rows
_RESTS = sorted({LANES * count % ROWS for count in range(ROWS)} - {0})
_REST_A = _RESTS[0] if _RESTS else ROWS
_REST_B = _RESTS[-1] if _RESTS else ROWS


class Products(NamedTuple):
    """Two products over one kind of number. All take addresses, and strides and sizes in numbers.

    Attributes:
        values: (x, x_stride, packed, z, z_stride, points, columns, rows): z = x W^T for `points` points, rounded up to
            whole blocks, W (rows, columns) packed in panels.
        weights: (z, z_stride, x, x_stride, grad, grad_stride, points, columns, rows): grad += z^T x over `points`
            points; columns and rows are whole vectors.
    """

    values: Any
    weights: Any


def _products(along: Any, across: Any) -> Products:
    """From a kind's two kernels."""

    @inline
    def values(x: int, x_stride: int, packed: int, z: int, z_stride: int, points: int, columns: int, rows: int) -> None:
        blocks = (points + ROWS - 1) // ROWS
        for row in range(0, rows, PANEL):
            panel, into = packed + 4 * row * columns, z + 4 * row
            if rows - row >= PANEL:
                along(ROWS, 2, x, x_stride, panel, PANEL, into, z_stride, columns, 0, blocks)
            else:
                along(ROWS, 1, x, x_stride, panel, PANEL, into, z_stride, columns, 0, blocks)

    @inline
    def weights(
        z: int, z_stride: int, x: int, x_stride: int, grad: int, grad_stride: int, points: int, columns: int, rows: int
    ) -> None:
        blocks, rest = rows // ROWS, rows % ROWS
        for column in range(0, columns, PANEL):
            right, into = x + 4 * column, grad + 4 * column
            left, below = z + 4 * (rows - rest), into + 4 * (rows - rest) * grad_stride
            if columns - column >= PANEL:
                across(ROWS, 2, z, z_stride, right, x_stride, into, grad_stride, points, 1, blocks)
                if rest == _REST_A:
                    across(_REST_A, 2, left, z_stride, right, x_stride, below, grad_stride, points, 1, 1)
                elif rest == _REST_B:
                    across(_REST_B, 2, left, z_stride, right, x_stride, below, grad_stride, points, 1, 1)
            else:
                across(ROWS, 1, z, z_stride, right, x_stride, into, grad_stride, points, 1, blocks)
                if rest == _REST_A:
                    across(_REST_A, 1, left, z_stride, right, x_stride, below, grad_stride, points, 1, 1)
                elif rest == _REST_B:
                    across(_REST_B, 1, left, z_stride, right, x_stride, below, grad_stride, points, 1, 1)

    return Products(values, weights)


FLOAT32 = _products(float32_product_k, float32_product_m)
# of pairs of bfloat16 numbers: a word of 32 bits counts as a number, and half as many are summed over
BFLOAT16 = _products(bfloat16_product_k, bfloat16_product_m)
