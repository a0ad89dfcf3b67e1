"""Signed distances to a mesh: closest points, and on which side of the surface they are asked."""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from inr.geometry._bvh import build_tree
from inr.geometry._closest import CORNER, SIDE, Closest, closest
from inr.geometry._mesh import Mesh
from inr.geometry._orientation import Edges, consistent, count_edges, half_edges, inwards
from inr.geometry._winding import Windings

Signs = Literal["normals", "winding"]
# points at which both ways to a sign are asked, where the edges allow for both
_PROBES = 8_192
# winding numbers as near to one half as this are found anew, more nearly: their error is below 0.07, and then 0.002
_DOUBTFUL, _CLOSE_OPENING = 0.1, 8.0


class SignedDistance:
    """Distances to the surface of a mesh, negative inside.

    The sign is that of the angle-weighted normal at the closest point where the mesh is closed (Bærentzen & Aanæs,
    Signed distance computation using the angle weighted pseudonormal, 2005): it costs nothing. Where it is open,
    branches or overlaps itself, a point is inside if the winding number is above one half.

    Args:
        mesh: with merged vertices, and faces that have an area. Faces are turned where neighbours look to different
            sides, and all of them where they look inwards.
        signs: "normals" or "winding"; None: whichever the mesh allows for.

    Attributes:
        mesh: with faces that look outwards.
        signs: how signs are found.
        edges: of the mesh.
        notes: what was found, and what was done about it, in words; empty where all is well.
    """

    def __init__(self, mesh: Mesh, signs: Signs | None = None) -> None:
        before = count_edges(mesh)
        self.mesh, turned = consistent(mesh) if before.unlike else (mesh, 0)
        notes = []
        if turned:
            share = f"{turned:,} of {len(mesh.faces):,} faces"
            notes.append(f"{share} did not look to the side of their neighbours: turned")
        if inwards(self.mesh):
            self.mesh = Mesh(self.mesh.vertices, self.mesh.faces[:, ::-1], colours=self.mesh.colours)
            notes.append("the faces looked inwards: turned outwards")
        self.edges = count_edges(self.mesh) if turned else before
        self._corners = self.mesh.vertices[self.mesh.faces].astype(np.float64)
        self._tree = build_tree(self._corners)
        self._windings = Windings.of(self._tree)
        self._normals = feature_normals(self.mesh)
        why = _why_winding(self.edges) if signs is None else None
        if signs is None and why is None and self._disagree():
            why = "the mesh overlaps itself"
        self.signs: Signs = signs or ("normals" if why is None else "winding")
        if why is not None:
            notes.append(f"{why}: what is inside is told by winding numbers")
        self.notes = tuple(notes)

    def at(
        self, points: Float[np.ndarray, "n 3"], near: Int[np.ndarray, " n"] | None = None
    ) -> Float[np.ndarray, " n"]:
        """Signed distances.

        Args:
            points: float (n, 3), neighbours in the array best neighbours in space.
            near: a face known to be near each point, int64 (n,).

        Returns:
            float64 (n,).
        """
        return self.located(points, near)[0]

    def located(
        self, points: Float[np.ndarray, "n 3"], near: Int[np.ndarray, " n"] | None = None
    ) -> tuple[Float[np.ndarray, " n"], Closest]:
        """Signed distances, and the points of the surface that are closest.

        Args:
            points, near: as of `at`.
        """
        points = np.ascontiguousarray(points, np.float64)
        found = closest(self._tree, points, near)
        inside = self._inside_by_normals(points, found) if self.signs == "normals" else self._wound(points)
        return np.where(inside, -1.0, 1.0) * np.sqrt(found.squared), found

    def inside(self, points: Float[np.ndarray, "n 3"]) -> np.ndarray:
        """Whether points are inside, bool (n,)."""
        points = np.ascontiguousarray(points, np.float64)
        if self.signs == "normals":
            return self._inside_by_normals(points, closest(self._tree, points))
        return self._wound(points)

    def winding(self, points: Float[np.ndarray, "n 3"], *, exact: bool = False) -> Float[np.ndarray, " n"]:
        """Winding numbers, float64 (n,); `exact` ones sum over all triangles, which takes long."""
        return self._windings.at(points, *([np.inf] if exact else []))

    def _inside_by_normals(self, points: np.ndarray, found: Closest) -> np.ndarray:
        normals = self._normals[found.faces, found.features]
        return np.einsum("ij,ij->i", points - found.points, normals) < 0

    def _wound(self, points: np.ndarray) -> np.ndarray:
        """Whether points have a winding number above one half, bool (n,)."""
        winding = self.winding(points)
        doubtful = np.flatnonzero(np.abs(winding - 0.5) < _DOUBTFUL)
        winding[doubtful] = self._windings.at(points[doubtful], _CLOSE_OPENING)
        return winding > 0.5

    def _disagree(self) -> bool:
        """Whether closest points and winding numbers see different insides, at points all around and near the surface.

        Where a surface passes through itself, the normals inside of it say that they are outside, or the other way
        round, even far away.
        """
        draw = np.random.default_rng(0)
        low, high = self.mesh.vertices.min(0), self.mesh.vertices.max(0)
        middle, side = (low + high) / 2, float((high - low).max())
        everywhere = middle + side * draw.uniform(-0.6, 0.6, (_PROBES, 3))
        faces = draw.integers(len(self._corners), size=_PROBES)
        near = self._corners[faces].mean(1) + draw.normal(scale=0.01 * side, size=(_PROBES, 3))
        points = np.concatenate((everywhere, near))
        by_normals = self._inside_by_normals(points, closest(self._tree, points))
        return bool((by_normals != self._wound(points)).any())


def _why_winding(edges: Edges) -> str | None:
    """Why normals do not tell what is inside; None where they may."""
    if edges.open:
        return f"the mesh is open ({edges.open:,} edges have one face)"
    if edges.branching:
        return f"the mesh branches ({edges.branching:,} edges have more than two faces)"
    return "the mesh has one side only" if edges.unlike else None


def feature_normals(mesh: Mesh) -> Float[np.ndarray, "m 7 3"]:
    """The normal of each feature of each face, as `Closest.features` numbers them; not of unit length.

    That of an edge is the sum of its faces' normals, that of a vertex the sum weighted by the faces' angles there.
    """
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    vectors = mesh.face_vectors
    normals = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = np.empty((len(corners), 7, 3))
    found[:, 0] = normals
    edges, _ = half_edges(mesh)
    found[:, SIDE:CORNER] = _summed(edges, np.repeat(normals, 3, axis=0)).reshape(-1, 3, 3)
    ahead = np.roll(corners, -1, axis=1) - corners
    back = np.roll(corners, 1, axis=1) - corners
    angles = np.arctan2(np.linalg.norm(vectors, axis=1)[:, None], np.einsum("ijk,ijk->ij", ahead, back))
    weighted = (angles[..., None] * normals[:, None]).reshape(-1, 3)
    found[:, CORNER:] = _summed(mesh.faces.ravel(), weighted).reshape(-1, 3, 3)
    return found


def _summed(groups: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The sum of each row's group."""
    return np.stack([np.bincount(groups, column)[groups] for column in rows.T], 1)
