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

    Its values at points are (n, 1), signed distances, negative inside; or (n, 4), with the colour of the closest point
    of the surface behind them, red, green and blue from -1 to 1. They are float64.
    """

    dimensions: int
    notes: tuple[str, ...]

    @property
    def sources(self) -> tuple[np.ndarray, ...]:
        """Arrays that tell one solid from another."""
        ...

    def values(self, points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n c"]:
        """Its values."""
        ...

    def inside(self, points: Float[np.ndarray, "n d"]) -> np.ndarray:
        """Whether points are inside, bool (n,)."""
        ...

    def around(
        self, count: int, spread: float | np.ndarray, draw: np.random.Generator
    ) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n c"]]:
        """Points of the surface, moved by a normal distribution, and the values there.

        Args:
            count: of points.
            spread: standard deviation along each axis: one, or one of each point, (count, 1).
            draw: random numbers.
        """
        ...


class MeshSolid:
    """The solid that a mesh encloses.

    Args:
        mesh: in [-1, 1]³, with merged vertices, and faces that have an area. Its colours are among the values.
    """

    dimensions = 3

    def __init__(self, mesh: Mesh) -> None:
        self._signed = SignedDistance(mesh)
        self.mesh, self.notes = self._signed.mesh, self._signed.notes

    @property
    def sources(self) -> tuple[np.ndarray, ...]:
        """See `Solid`."""
        colours = () if self.mesh.colours is None else (self.mesh.colours,)
        return self.mesh.vertices, self.mesh.faces, *colours

    def values(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n c"]:
        """See `Solid`."""
        order = space_filling(points)
        found = np.empty((len(points), 1 if self.mesh.colours is None else 4))
        found[order] = self._values(points[order])
        return found

    def _values(self, points: np.ndarray, near: np.ndarray | None = None) -> Float[np.ndarray, "n c"]:
        """Its values at points whose neighbours in the array are neighbours in space."""
        distances, found = self._signed.located(points, near)
        if self.mesh.colours is None:
            return distances[:, None]
        return np.concatenate((distances[:, None], self.mesh.colours_at(found.faces, found.points) / 127.5 - 1), 1)

    def inside(self, points: Float[np.ndarray, "n 3"]) -> np.ndarray:
        """See `Solid`."""
        order = space_filling(points)
        found = np.empty(len(points), bool)
        found[order] = self._signed.inside(points[order])
        return found

    def around(
        self, count: int, spread: float | np.ndarray, draw: np.random.Generator
    ) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n c"]]:
        """See `Solid`."""
        surface = sample_surface(self.mesh, count, draw)
        points = np.clip(surface.points + draw.normal(size=(count, 3)) * spread, -1, 1)
        return points, self._values(points, surface.faces)

    def surface(
        self, count: int, draw: np.random.Generator
    ) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"]]:
        """Points of the surface and their normals, uniform by area, float64."""
        found = sample_surface(self.mesh, count, draw)
        return found.points, found.normals
