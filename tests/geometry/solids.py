"""Solids of which everything is known: signed distances, negative inside, in closed form."""

import numpy as np


def ball(points, radius=0.6):
    return (np.linalg.norm(points.astype(np.float64), axis=1) - radius).astype(np.float32)


def torus(points, ring=0.55, tube=0.25):
    x, y, z = points.astype(np.float64).T
    return (np.hypot(np.hypot(x, y) - ring, z) - tube).astype(np.float32)


def box(points, half=(0.5, 0.4, 0.3)):
    beyond = np.abs(points.astype(np.float64)) - half
    outside = np.linalg.norm(np.maximum(beyond, 0), axis=1)
    return (outside + np.minimum(beyond.max(1), 0)).astype(np.float32)


def capsule(points, half=0.4, radius=0.3):
    x, y, z = points.astype(np.float64).T
    return (np.sqrt(x**2 + y**2 + np.maximum(np.abs(z) - half, 0) ** 2) - radius).astype(np.float32)


def two_balls(points):
    centre = np.array([0.5, 0.0, 0.0], np.float32)
    return np.minimum(ball(points - centre, 0.3), ball(points + centre, 0.3))


# function, volume, area, Euler characteristic, pieces
SOLIDS = {
    "ball": (ball, 4 / 3 * np.pi * 0.6**3, 4 * np.pi * 0.6**2, 2, 1),
    "torus": (torus, 2 * np.pi**2 * 0.55 * 0.25**2, 4 * np.pi**2 * 0.55 * 0.25, 0, 1),
    "box": (box, 0.48, 2 * (0.8 + 0.6 + 0.48), 2, 1),
    "capsule": (
        capsule,
        np.pi * 0.3**2 * 0.8 + 4 / 3 * np.pi * 0.3**3,
        2 * np.pi * 0.3 * 0.8 + 4 * np.pi * 0.3**2,
        2,
        1,
    ),
    "two balls": (two_balls, 8 / 3 * np.pi * 0.3**3, 8 * np.pi * 0.3**2, 4, 2),
}
