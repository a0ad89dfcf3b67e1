"""Phantoms of ellipses, whose line integrals and Fourier transforms are known exactly."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float


class Ellipse(NamedTuple):
    """An ellipse of constant density; densities of ellipses that overlap add up.

    Attributes:
        density: per unit of length.
        semi_axes: half of its width and of its height, before it is turned.
        centre: x to the right and y up, from the middle of the picture.
        angle: by which it is turned counter-clockwise, in degrees.
    """

    density: float
    semi_axes: tuple[float, float]
    centre: tuple[float, float] = (0.0, 0.0)
    angle: float = 0.0


def shepp_logan(extent: float = 2.0) -> list[Ellipse]:
    """The head phantom of Shepp and Logan (1974), with the higher contrast of Toft (1996): densities from 0 to 1.

    Args:
        extent: width of the square that it fills; in the original, of which numbers are, 2.
    """
    rows = (
        (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
        (-0.8, 0.6624, 0.8740, 0.0, -0.0184, 0.0),
        (-0.2, 0.1100, 0.3100, 0.22, 0.0, -18.0),
        (-0.2, 0.1600, 0.4100, -0.22, 0.0, 18.0),
        (0.1, 0.2100, 0.2500, 0.0, 0.35, 0.0),
        (0.1, 0.0460, 0.0460, 0.0, 0.1, 0.0),
        (0.1, 0.0460, 0.0460, 0.0, -0.1, 0.0),
        (0.1, 0.0460, 0.0230, -0.08, -0.605, 0.0),
        (0.1, 0.0230, 0.0230, 0.0, -0.606, 0.0),
        (0.1, 0.0230, 0.0460, 0.06, -0.605, 0.0),
    )
    half = extent / 2
    return [Ellipse(density, (a * half, b * half), (x * half, y * half), angle) for density, a, b, x, y, angle in rows]


def sampled(ellipses: Sequence[Ellipse], size: int, extent: float = 2.0, parts: int = 8) -> Float[np.ndarray, "n n"]:
    """Means over the pixels of a picture.

    Args:
        ellipses: the phantom.
        size: pixels an axis.
        extent: width of the picture, in the unit of the ellipses.
        parts: of a pixel, along each axis, at whose middles the mean is taken; 1 for values at the pixels' centres.

    Returns:
        float32 (size, size), the first row uppermost.
    """
    places = (np.arange(size * parts) + 0.5) / (size * parts) * extent - extent / 2
    x, y = np.meshgrid(places, -places)
    fine = np.zeros_like(x)
    for each in ellipses:
        along, across = _own_axes(each, x - each.centre[0], y - each.centre[1])
        fine[(along / each.semi_axes[0]) ** 2 + (across / each.semi_axes[1]) ** 2 <= 1] += each.density
    means: np.ndarray = fine.reshape(size, parts, size, parts).mean((1, 3))
    return means.astype(np.float32)


def line_integrals(ellipses: Sequence[Ellipse], rays: Float[np.ndarray, "*measured 2 2"]) -> Float[np.ndarray, "..."]:
    """The exact integrals along the lines through two points each.

    Args:
        ellipses: the phantom.
        rays: two points of every ray, (*measured, 2, 2), as of `Scan.rays`, in the unit of the ellipses.

    Returns:
        float64 (*measured).

    >>> rays = inr.reconstruction.Scan([0.0, 30.0], detectors=1).rays()
    >>> disc = inr.reconstruction.Ellipse(0.5, (2.0, 2.0))
    >>> inr.reconstruction.line_integrals([disc], rays).ravel().tolist()  # half of the diameter
    [2.0, 2.0]
    """
    start, direction = rays[..., 0, :], rays[..., 1, :] - rays[..., 0, :]
    length = np.linalg.norm(direction, axis=-1)
    normal = np.stack((direction[..., 1], -direction[..., 0]), -1) / length[..., None]
    total = np.zeros(rays.shape[:-2])
    for density, (a, b), centre, angle in ellipses:
        distance = ((start - np.array(centre)) * normal).sum(-1)
        turned = np.arctan2(normal[..., 1], normal[..., 0]) - np.deg2rad(angle)
        reach = (a * np.cos(turned)) ** 2 + (b * np.sin(turned)) ** 2
        total += 2 * density * a * b * np.sqrt(np.maximum(reach - distance**2, 0)) / reach
    return total


def fourier_samples(
    ellipses: Sequence[Ellipse], shape: tuple[int, int], extent: float = 2.0
) -> Complex[np.ndarray, "h w"]:
    """The exact Fourier transform, at the frequencies and in the scale of a unitary FFT of a picture.

    It is not the FFT of the phantom's samples: it knows of no pixels, and its picture rings at edges as a scanner's.

    Args:
        ellipses: the phantom.
        shape: samples along y and x.
        extent: width of the picture along x, in the unit of the ellipses; pixels are squares.

    Returns:
        complex128, the frequency 0 in the middle, at index n // 2 of each axis.
    """
    from scipy.special import j1

    height, width = shape
    side = extent / width
    u = (np.arange(width) - width // 2) / (width * side)
    v = -(np.arange(height) - height // 2) / (height * side)  # rows go downwards
    u, v = np.meshgrid(u, v)
    total = np.zeros(shape, complex)
    for each in ellipses:
        (a, b), (x, y) = each.semi_axes, each.centre
        along, across = _own_axes(each, u, v)
        radius = np.hypot(a * along, b * across)
        round_ = np.where(radius > 0, j1(2 * np.pi * radius) / np.where(radius > 0, radius, 1), np.pi)
        total += each.density * a * b * round_ * np.exp(-2j * np.pi * (u * x + v * y))
    # where the origin of the ellipses lies among the pixels' centres, against the sample that an FFT counts from
    shift = [(size // 2 - (size - 1) / 2) * side for size in (width, height)]
    total *= np.exp(2j * np.pi * (u * shift[0] - v * shift[1]))
    return total / (side * side * np.sqrt(height * width))


def _own_axes(ellipse: Ellipse, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Components along the ellipse's semi-axes."""
    cosine, sine = np.cos(np.deg2rad(ellipse.angle)), np.sin(np.deg2rad(ellipse.angle))
    return x * cosine + y * sine, y * cosine - x * sine
