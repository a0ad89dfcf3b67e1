"""How a surface looks: a key light, light from all the sky, and less of it in corners."""

import numpy as np
from jaxtyping import Float

from inr._srgb import linear_light
from inr.shapes._camera import Camera
from inr.shapes._scene import Scene

# linear light, as sums of what comes from all sides
_KEY, _SKY, _GROUND, _FILL = (
    np.array(colour, np.float32)
    for colour in ((1.02, 0.98, 0.92), (0.44, 0.47, 0.52), (0.22, 0.20, 0.18), (0.10, 0.11, 0.13))
)
_CLAY = np.array((0.63, 0.60, 0.565), np.float32)
_KEY_FROM, _FILL_FROM = (-0.45, 0.62, 0.64), (0.85, 0.05, 0.45)  # right, up and towards the camera
_GLOSS, _SHARPNESS = 0.10, 24
_TAPS = 5  # of ambient occlusion
_DARKEST = 0.25


def shaded(
    scene: Scene, points: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"], camera: Camera
) -> Float[np.ndarray, "n 3"]:
    """The light from points of a surface to a camera, linear, float32.

    Args:
        scene: that they are of.
        points: float32, in [-1, 1].
        normals: unit vectors, float32.
        camera: with which the lights move.
    """
    to_camera = (camera.origin - points).astype(np.float32)
    to_camera /= np.linalg.norm(to_camera, axis=1, keepdims=True)
    facing = (normals * to_camera).sum(1, keepdims=True)
    normals = np.where(facing < 0, normals - 2 * facing * to_camera, normals)  # a rough surface never looks away
    frame = np.stack([camera.right, camera.up, -camera.forward]).astype(np.float32)
    key, fill = (_unit(np.array(place, np.float32) @ frame) for place in (_KEY_FROM, _FILL_FROM))
    open_share = occlusion(scene, points, normals)[:, None]
    skyward = (normals @ frame[1])[:, None] * 0.5 + 0.5
    light = (_SKY * skyward + _GROUND * (1 - skyward)) * open_share
    light = light + _KEY * np.clip(normals @ key, 0, None)[:, None] * (0.4 + 0.6 * open_share)
    light = light + _FILL * np.clip(normals @ fill, 0, None)[:, None] * open_share
    between = to_camera + key
    between /= np.linalg.norm(between, axis=1, keepdims=True)
    gloss = _GLOSS * np.clip((normals * between).sum(1), 0, 1)[:, None] ** _SHARPNESS
    return light * _albedo(scene, points) + gloss * open_share


def occlusion(
    scene: Scene, points: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"]
) -> Float[np.ndarray, " n"]:
    """How much of the sky points see, from 0 to 1: by how far the surface is above them, at five heights.

    Source: Evans, Fast approximations for global illumination on dynamic scenes, SIGGRAPH 2006 course.
    """
    farthest = 0.35 * scene.radius if not scene.reach else min(0.35 * scene.radius, 0.8 * scene.reach)
    hidden = np.zeros(len(points), np.float32)
    weights = 0.7 ** np.arange(_TAPS)
    for tap, weight in enumerate(weights / weights.sum(), start=1):
        height = farthest * (tap / _TAPS) ** 1.5
        values = scene.shape.values((points + normals * np.float32(height)).astype(np.float32))
        free = np.where(values < 0, 0, height) if scene.shape.unit is None else values * scene.shape.unit
        hidden += np.float32(weight) * np.clip(1 - free / height, 0, 1).astype(np.float32)
    return np.clip(1 - 1.1 * hidden, _DARKEST * 0.5, 1)


def _albedo(scene: Scene, points: np.ndarray) -> np.ndarray:
    if scene.shape.colours is None:
        return _CLAY
    return linear_light(scene.shape.colours(points).astype(np.float32) / 255)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
