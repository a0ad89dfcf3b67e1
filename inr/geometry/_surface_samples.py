"""Points on a mesh, uniform by area."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from inr.geometry._mesh import Mesh


class SurfaceSamples(NamedTuple):
    """Points on triangles.

    Attributes:
        points: float64 (n, 3).
        normals: of the triangles, float64 (n, 3).
        faces: the triangle of each, int64 (n,).
    """

    points: Float[np.ndarray, "n 3"]
    normals: Float[np.ndarray, "n 3"]
    faces: Int[np.ndarray, " n"]


def sample_surface(mesh: Mesh, count: int, rng: np.random.Generator) -> SurfaceSamples:
    """Points on a mesh, each part of the surface as likely as its area: one in each of as many equal shares.

    Args:
        mesh: with faces that have an area.
        count: of points.
        rng: what they are drawn by.

    Returns:
        In the order of the faces.

    >>> corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> solid = inr.geometry.Mesh(corners, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]))
    >>> inr.geometry.sample_surface(solid, 5, np.random.default_rng(0)).points.shape
    (5, 3)
    """
    vectors = mesh.face_vectors
    lengths = np.linalg.norm(vectors, axis=1)
    ends = np.cumsum(lengths)
    shares = (np.arange(count) + rng.random(count)) * (ends[-1] / count)
    faces = np.minimum(np.searchsorted(ends, shares, side="right"), len(ends) - 1)
    root, second = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - root, root * (1 - second), root * second], 1)
    corners = mesh.vertices[mesh.faces[faces]].astype(np.float64)
    normals = vectors[faces] / np.maximum(lengths[faces, None], np.finfo(np.float64).tiny)
    return SurfaceSamples((weights[:, None] @ corners)[:, 0], normals, faces)
