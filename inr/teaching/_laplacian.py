"""The discrete Laplacian of samples on a grid."""

import math
from collections.abc import Sequence

from jaxtyping import Float, Int
from torch import Tensor


def laplacian(
    values: Float[Tensor, " n"], shape: Sequence[int], cells: Int[Tensor, " n"] | None = None
) -> Float[Tensor, " n"]:
    """The sum of a sample's neighbours along all axes less as many times itself; what lies outside the grid, or
    is missing, is 0.

    On a picture, the kernel [[0, 1, 0], [1, -4, 1], [0, 1, 0]] with zero padding. The matrix is symmetric: the
    function is its own transpose.

    Args:
        values: of the samples of a grid in C order, any float.
        shape: of that grid, any number of axes.
        cells: flat indices of the samples' cells, where some of the grid's are missing.

    Returns:
        A new tensor of the same length and dtype.

    Raises:
        RuntimeError: a shape of another number of samples.
    """
    whole = values if cells is None else values.new_zeros(math.prod(shape)).index_copy_(0, cells, values)
    grid = whole.reshape(tuple(shape))
    found = grid * (-2 * grid.ndim)
    for axis, size in enumerate(grid.shape):
        found.narrow(axis, 1, size - 1).add_(grid.narrow(axis, 0, size - 1))
        found.narrow(axis, 0, size - 1).add_(grid.narrow(axis, 1, size - 1))
    return found.flatten() if cells is None else found.flatten().index_select(0, cells)
