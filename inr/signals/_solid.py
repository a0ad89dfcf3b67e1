"""Solids: what is inside of a surface, and points around it."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from inr.geometry import Mesh, SignedDistance, sample_surface, space_filling


@runtime_checkable
class Solid(Protocol):
    """A solid in [-1, 1]^d.

    Attributes:
        dimensions: d.
        notes: what was found in its source and done about it, in words.
    """

    dimensions: int
    notes: tuple[str, ...]

    @property
    def sources(self) -> tuple[np.ndarray, ...]:
        """Arrays that tell one solid from another."""
        ...

    def distances(self, points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Signed distances, negative inside, float64."""
        ...

    def inside(self, points: Float[np.ndarray, "n d"]) -> np.ndarray:
        """Whether points are inside, bool (n,)."""
        ...

    def around(
        self, count: int, spread: float | np.ndarray, draw: np.random.Generator
    ) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
        """Points of the surface, moved by a normal distribution, and their signed distances.

        Args:
            count: of points.
            spread: standard deviation along each axis: one, or one of each point, (count, 1).
            draw: random numbers.
        """
        ...


class MeshSolid:
    """The solid that a mesh encloses.

    Args:
        mesh: in [-1, 1]³, with merged vertices, and faces that have an area.
    """

    dimensions = 3

    def __init__(self, mesh: Mesh) -> None:
        self._signed = SignedDistance(mesh)
        self.mesh, self.notes = self._signed.mesh, self._signed.notes

    @property
    def sources(self) -> tuple[np.ndarray, ...]:
        """See `Solid`."""
        return self.mesh.vertices, self.mesh.faces

    def distances(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """See `Solid`."""
        order = space_filling(points)
        found = np.empty(len(points))
        found[order] = self._signed.at(points[order])
        return found

    def inside(self, points: Float[np.ndarray, "n 3"]) -> np.ndarray:
        """See `Solid`."""
        order = space_filling(points)
        found = np.empty(len(points), bool)
        found[order] = self._signed.inside(points[order])
        return found

    def around(
        self, count: int, spread: float | np.ndarray, draw: np.random.Generator
    ) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
        """See `Solid`."""
        surface = sample_surface(self.mesh, count, draw)
        points = np.clip(surface.points + draw.normal(size=(count, 3)) * spread, -1, 1)
        return points, self._signed.at(points, surface.faces)

    def surface(
        self, count: int, draw: np.random.Generator
    ) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"]]:
        """Points of the surface and their normals, uniform by area, float64."""
        found = sample_surface(self.mesh, count, draw)
        return found.points, found.normals
