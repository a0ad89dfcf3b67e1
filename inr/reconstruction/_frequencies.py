"""Solvers by the fast Fourier transform for pictures whose edges are mirrored.

Sources: Frankot and Chellappa, A method for enforcing integrability in shape from shading algorithms, 1988; Simchony,
Chellappa and Shao, Direct analytical methods for solving Poisson equations in computer vision problems, 1990.
"""

import numpy as np
from jaxtyping import Float
from scipy import fft


def mirrored_frequencies(shape: tuple[int, ...]) -> tuple[Float[np.ndarray, "1 w"], Float[np.ndarray, "h 1"]]:
    """Radians a pixel along x and y of the cosines of the discrete cosine transform (II)."""
    return np.pi * np.arange(shape[1])[None] / shape[1], np.pi * np.arange(shape[0])[:, None] / shape[0]


def from_gradients(gx: Float[np.ndarray, "h w c"], gy: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "h w c"]:
    """The picture whose gradients are nearest to the given ones, by least squares; its mean is 0.

    Args:
        gx, gy: derivatives by pixels, at their centres.
    """
    height, width, _ = gx.shape
    x = 2 * np.pi * fft.fftfreq(2 * width)[None, :, None]
    y = 2 * np.pi * fft.fftfreq(2 * height)[:, None, None]
    # a mirrored picture has slopes of the other sign
    wide = np.concatenate((gx, -gx[:, ::-1]), 1)
    wide = np.concatenate((wide, wide[::-1]), 0)
    tall = np.concatenate((gy, -gy[::-1]), 0)
    tall = np.concatenate((tall, tall[:, ::-1]), 1)
    transformed = -1j * (x * fft.fft2(wide, axes=(0, 1)) + y * fft.fft2(tall, axes=(0, 1)))
    squares = x**2 + y**2
    squares[0, 0] = 1
    transformed /= squares
    transformed[0, 0] = 0
    return fft.ifft2(transformed, axes=(0, 1)).real[:height, :width]


def from_laplacian(laplacian: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "h w c"]:
    """The picture with these Laplacians by pixels and no slope across its edges; its mean is 0."""
    x, y = mirrored_frequencies(laplacian.shape)
    squares = (x**2 + y**2)[..., None]
    squares[0, 0] = 1
    transformed = -fft.dctn(laplacian, axes=(0, 1)) / squares
    transformed[0, 0] = 0
    return fft.idctn(transformed, axes=(0, 1))
