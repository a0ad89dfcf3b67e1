"""The discrete Laplacian of samples on a grid."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor


def laplacian(values: Float[Tensor, " n"], shape: Sequence[int]) -> Float[Tensor, " n"]:
    """The sum of a sample's neighbours along all axes less as many times itself; what lies outside the grid is 0.

    On a picture, the kernel [[0, 1, 0], [1, -4, 1], [0, 1, 0]] with zero padding. The matrix is symmetric: the
    function is its own transpose.

    Args:
        values: of all samples of a grid in C order, any float.
        shape: of that grid, any number of axes.

    Returns:
        A new tensor of the same length and dtype.

    Raises:
        RuntimeError: a shape of another number of samples.
    """
    grid = values.reshape(tuple(shape))
    found = grid * (-2 * grid.ndim)
    for axis, size in enumerate(grid.shape):
        found.narrow(axis, 1, size - 1).add_(grid.narrow(axis, 0, size - 1))
        found.narrow(axis, 0, size - 1).add_(grid.narrow(axis, 1, size - 1))
    return found.flatten()
