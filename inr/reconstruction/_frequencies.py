"""Solvers by the fast Fourier transform for pictures whose edges are mirrored.

Sources: Frankot and Chellappa, A method for enforcing integrability in shape from shading algorithms, 1988; Simchony,
Chellappa and Shao, Direct analytical methods for solving Poisson equations in computer vision problems, 1990.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy import fft


def mirrored_frequencies(shape: tuple[int, ...]) -> tuple[Float[np.ndarray, "1 w"], Float[np.ndarray, "h 1"]]:
    """Radians a pixel along x and y of the cosines of the discrete cosine transform (II)."""
    return np.pi * np.arange(shape[1])[None] / shape[1], np.pi * np.arange(shape[0])[:, None] / shape[0]


Slopes = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
Curvature = Callable[[np.ndarray], np.ndarray]


def exact_slopes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What derivatives make of a wave, over i: of radians a pixel along x and y, those radians."""
    return x + 0 * y, y + 0 * x


def spline_slopes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of the cubic spline through pixels, at their centres."""
    return 3 * np.sin(x) / (2 + np.cos(x)) + 0 * y, 3 * np.sin(y) / (2 + np.cos(y)) + 0 * x


def sobel_slopes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of an eighth of Sobel's operator."""
    return np.sin(x) * (1 + np.cos(y)) / 2, np.sin(y) * (1 + np.cos(x)) / 2


def exact_curvature(x: np.ndarray) -> np.ndarray:
    """What a second derivative makes of a wave, negative: of radians a pixel, their square."""
    return np.square(x)


def spline_curvature(x: np.ndarray) -> np.ndarray:
    """The same of the cubic spline through pixels, at their centres."""
    return 6 * (1 - np.cos(x)) / (2 + np.cos(x))


def from_gradients(
    gx: Float[np.ndarray, "h w c"], gy: Float[np.ndarray, "h w c"], slopes: Slopes = exact_slopes
) -> Float[np.ndarray, "h w c"]:
    """The picture whose gradients are nearest to the given ones, by least squares; its mean is 0.

    Args:
        gx, gy: derivatives by pixels, at their centres.
        slopes: by what operator they were taken.
    """
    height, width, _ = gx.shape
    frequencies = 2 * np.pi * fft.fftfreq(2 * width)[None, :], 2 * np.pi * fft.fftfreq(2 * height)[:, None]
    x, y = (each[..., None] for each in slopes(*frequencies))
    # a mirrored picture has slopes of the other sign
    wide = np.concatenate((gx, -gx[:, ::-1]), 1)
    wide = np.concatenate((wide, wide[::-1]), 0)
    tall = np.concatenate((gy, -gy[::-1]), 0)
    tall = np.concatenate((tall, tall[:, ::-1]), 1)
    transformed = -1j * (x * fft.fft2(wide, axes=(0, 1)) + y * fft.fft2(tall, axes=(0, 1)))
    squares = x**2 + y**2
    seen = squares > 1e-12
    transformed = np.where(seen, transformed / np.where(seen, squares, 1), 0)
    found: np.ndarray = fft.ifft2(transformed, axes=(0, 1)).real[:height, :width]
    return found


def from_laplacian(
    laplacian: Float[np.ndarray, "h w c"], curvature: Curvature = exact_curvature
) -> Float[np.ndarray, "h w c"]:
    """The picture with these Laplacians by pixels and no slope across its edges; its mean is 0.

    Args:
        laplacian: at the centres of pixels.
        curvature: by what operator it was taken along each axis.
    """
    x, y = mirrored_frequencies(laplacian.shape)
    squares = (curvature(x) + curvature(y))[..., None]
    squares[0, 0] = 1
    transformed = -fft.dctn(laplacian, axes=(0, 1)) / squares
    transformed[0, 0] = 0
    found: np.ndarray = fft.idctn(transformed, axes=(0, 1))
    return found
