"""A pinhole camera that looks at a shape from an angle."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from inr._errors import InrError

Up = Literal["x", "y", "z"]
_VIEW = math.radians(28)  # the angle under which the sphere around a shape is seen
_MARGIN = 1.08


@dataclass(frozen=True)
class Camera:
    """Where rays come from, and where they go.

    Attributes:
        origin: float64 (3,).
        right, up, forward: unit vectors, float64 (3,).
        middle: of the picture, in the plane at distance 1: along `right` and `up`.
        half: half the height of the picture in that plane.
    """

    origin: Float[np.ndarray, "3"]
    right: Float[np.ndarray, "3"]
    up: Float[np.ndarray, "3"]
    forward: Float[np.ndarray, "3"]
    middle: tuple[float, float] = (0.0, 0.0)
    half: float = math.tan(_VIEW / 2)

    def directions(
        self, columns: Float[np.ndarray, " n"], rows: Float[np.ndarray, " n"], size: tuple[int, int]
    ) -> Float[np.ndarray, "n 3"]:
        """Unit vectors, float32, of rays through places of a picture.

        Args:
            columns, rows: in pixels; the first pixel's centre is at (0.5, 0.5).
            size: width and height of the picture in pixels.
        """
        pixel = 2 * self.half / size[1]
        across = self.middle[0] + (columns - size[0] / 2) * pixel
        above = self.middle[1] - (rows - size[1] / 2) * pixel
        rays = self.forward + across[:, None] * self.right + above[:, None] * self.up
        return (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)

    def seen(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
        """Where points are seen, in the plane at distance 1: along `right` and `up`."""
        offsets = points - self.origin
        return np.stack([offsets @ self.right, offsets @ self.up], 1) / (offsets @ self.forward)[:, None]


def check_angles(azimuth: float, elevation: float, up: str) -> None:
    """Refuse an elevation beyond the poles, or another axis than x, y and z."""
    if not math.isfinite(azimuth):
        raise InrError(f"the azimuth is a finite number of degrees, not {azimuth:g}")
    if not -90 <= elevation <= 90:
        raise InrError(f"the elevation is from -90 to 90 degrees, not {elevation:g}")
    if up not in ("x", "y", "z"):
        raise InrError(f"the upward axis is x, y or z, not '{up}'")


def look(centre: Float[np.ndarray, "3"], radius: float, azimuth: float, elevation: float, up: Up | str = "y") -> Camera:
    """A camera that looks at a sphere.

    Args:
        centre, radius: of the sphere.
        azimuth: degrees around the upward axis; at 0 the camera stands on the axis that follows the upward one
            (z for y, x for z), and goes to the right.
        elevation: degrees above the horizon, from -90 to 90.
        up: the axis that points upwards.

    Raises:
        InrError: an elevation beyond the poles, or another axis.
    """
    check_angles(azimuth, elevation, up)
    upward = "xyz".index(up)
    turn, tilt = math.radians(azimuth), math.radians(elevation)
    front, side, sky = np.roll(np.eye(3), upward + 1 - 3, axis=1)
    flat = math.cos(turn) * front + math.sin(turn) * side
    backward = math.cos(tilt) * flat + math.sin(tilt) * sky
    above = math.cos(tilt) * sky - math.sin(tilt) * flat
    return Camera(centre + backward * radius / math.sin(_VIEW / 2), np.cross(above, backward), above, -backward)


def framed(
    cameras: Sequence[Camera], points: Float[np.ndarray, "n 3"], size: tuple[int, int], radius: float
) -> list[Camera]:
    """Cameras that look at the same part of their plane, which holds all points.

    Args:
        cameras: of the pictures of a film, or one.
        points: that all of them are to see, each as a sphere of `radius`.
        size: width and height of the pictures in pixels.
        radius: of the points.
    """
    seen = [camera.seen(points) for camera in cameras]
    room = radius / min(float(((points - camera.origin) @ camera.forward).min()) for camera in cameras)
    low = np.min([each.min(0) for each in seen], 0) - room
    high = np.max([each.max(0) for each in seen], 0) + room
    half = _MARGIN * max((high[1] - low[1]) / 2, (high[0] - low[0]) / 2 * size[1] / size[0])
    middle = (float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2)
    return [replace(camera, middle=middle, half=float(half)) for camera in cameras]
