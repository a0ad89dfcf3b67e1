"""The cubic spline through the pixels of a picture whose edges are mirrored, and its derivatives.

It is the continuous picture of which gradients and Laplacians are taken: twice continuously differentiable, and with
slopes of 0 across the edges, so that derivatives alone decide it but for a constant.

Source: Unser, Splines: a perfect fit for signal and image processing, IEEE Signal Processing Magazine 1999.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.ndimage import spline_filter1d

_REACH = 3  # coefficients beyond the edges that places within the picture need


class SplineJet(NamedTuple):
    """Values (n, c) and derivatives by pixels, each (n, c), at n places."""

    values: Float[np.ndarray, "n c"]
    x: Float[np.ndarray, "n c"]
    y: Float[np.ndarray, "n c"]
    laplacian: Float[np.ndarray, "n c"]


class MirroredSpline:
    """A picture as a function of the place.

    Args:
        picture: float (h, w, c).
    """

    def __init__(self, picture: Float[np.ndarray, "h w c"]) -> None:
        self.shape = picture.shape[:2]
        coefficients = picture.astype(np.float64)
        for axis in (0, 1):
            if picture.shape[axis] > 1:
                coefficients = spline_filter1d(coefficients, 3, axis=axis, mode="reflect")
        self._coefficients = np.pad(coefficients, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)), mode="symmetric")

    def __call__(self, coords: Float[np.ndarray, "n d"]) -> SplineJet:
        """Values and derivatives.

        Args:
            coords: (n, 2) in [-1, 1], columns x and y.
        """
        height, width = self.shape
        column, across = _split((coords[:, 0] + 1) * width / 2 - 0.5)
        row, down = _split((coords[:, 1] + 1) * height / 2 - 0.5)
        found = np.zeros((4, len(coords), self._coefficients.shape[2]))
        for i in range(4):
            for j in range(4):
                near = self._coefficients[row + i, column + j]
                found[0] += (down[0][i] * across[0][j])[:, None] * near
                found[1] += (down[0][i] * across[1][j])[:, None] * near
                found[2] += (down[1][i] * across[0][j])[:, None] * near
                found[3] += (down[0][i] * across[2][j] + down[2][i] * across[0][j])[:, None] * near
        return SplineJet(*found)


def _split(place: np.ndarray) -> tuple[np.ndarray, tuple[list[np.ndarray], ...]]:
    """The first of four coefficients around places in pixels, and their weights: of values and two derivatives."""
    whole = np.floor(place)
    t = place - whole
    u = 1 - t
    values = [u**3 / 6, 2 / 3 - t**2 + t**3 / 2, 2 / 3 - u**2 + u**3 / 2, t**3 / 6]
    slopes = [-(u**2) / 2, (3 * t**2 - 4 * t) / 2, (1 + 2 * t - 3 * t**2) / 2, t**2 / 2]
    return whole.astype(np.int64) + _REACH - 1, (values, slopes, [u, 3 * t - 2, 1 - 3 * t, t])
