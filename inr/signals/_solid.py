"""Solids: what is inside of a surface, and points around it."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from inr.geometry import Mesh, SignedDistance, sample_surface


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


def space_filling(points: Float[np.ndarray, "n d"]) -> np.ndarray:
    """The order of points along a curve that fills space (Morton's), by which neighbours stay together.

    Args:
        points: in [-1, 1].

    Returns:
        int64 (n,).
    """
    bits = 10
    cells = np.clip((points + 1) * 2.0 ** (bits - 1), 0, 2**bits - 1).astype(np.int64)
    keys = np.zeros(len(points), np.int64)
    for bit in range(bits):
        for axis in range(points.shape[1]):
            keys |= (cells[:, axis] >> bit & 1) << (bit * points.shape[1] + axis)
    return np.argsort(keys, kind="stable")
