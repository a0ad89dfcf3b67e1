"""Fields of shapes, ready to be drawn from any angle and to be made meshes of."""

import dataclasses
import functools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from inr._errors import InrError
from inr.field import Field
from inr.geometry import mesh_format, write_mesh
from inr.shapes import Scene, flat_picture, implicit, mesh, outline, picture, write_outline

_SECONDS = 40.0  # that a picture or a mesh may take, before the server takes this process for one that hangs


class OpenShape:
    """A shape with what every picture of it begins with.

    Args:
        field: fitted to a shape.

    Raises:
        InrError: a field of another kind.
    """

    def __init__(self, field: Field) -> None:
        self._until = threading.local()  # pictures are drawn in several threads
        found = implicit(field)
        slopes = None if found.slopes is None else self._timed(found.slopes)
        self._shape = dataclasses.replace(found, values=self._timed(found.values), slopes=slopes)
        self._preparing = threading.Lock()

    def _timed(self, function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """A function that refuses to go on when the time is up."""

        def timed(points: np.ndarray) -> np.ndarray:
            if time.monotonic() > self._until.time:
                raise InrError(f"this takes more than {_SECONDS:g} seconds; ask for fewer pixels, or a coarser mesh")
            return function(points)

        return timed

    @functools.cached_property
    def _scene(self) -> Scene:
        return Scene(self._shape)

    def view(self, azimuth: float, elevation: float, up: str, size: int) -> UInt8[np.ndarray, "size size 3"]:
        """A picture of it, as of `inr.shapes.picture`; of a shape in the plane that of its distances.

        Raises:
            InrError: no surface, or it takes too long.
        """
        self._until.time = time.monotonic() + _SECONDS
        if self._shape.dimensions == 2:
            return flat_picture(self._shape, size)
        with self._preparing:
            scene = self._scene
        return picture(scene, (size, size), azimuth=azimuth, elevation=elevation, up=up)

    def write_surface(self, path: Path, resolution: int) -> None:
        """Write its mesh, or as .svg its outline, all of it or nothing.

        Args:
            path: the file, in a folder that may have to be made.
            resolution: cells along each axis of the box.

        Raises:
            InrError: no surface, a format for the other kind of shape, or it takes too long.
        """
        self._until.time = time.monotonic() + _SECONDS
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".svg":
            write_outline(path, outline(self._shape, resolution), force=True)
        else:
            write_mesh(path, mesh(self._shape, resolution, normals=mesh_format(path) != ".stl"), force=True)
