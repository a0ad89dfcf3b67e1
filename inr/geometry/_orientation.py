"""Which way the faces of a mesh look, and turning them to one side."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from inr.geometry._mesh import Mesh


class Edges(NamedTuple):
    """The edges of a mesh, counted by the faces that have them.

    Attributes:
        open: with one face only.
        branching: with more than two.
        unlike: whose two faces look to different sides.
    """

    open: int
    branching: int
    unlike: int


def count_edges(mesh: Mesh) -> Edges:
    """What kinds of edges a mesh has.

    Args:
        mesh: with merged vertices.
    """
    edges, ways = half_edges(mesh)
    counts, sums = np.bincount(edges), np.bincount(edges, ways)
    return Edges(int((counts == 1).sum()), int((counts > 2).sum()), int(((counts == 2) & (sums != 0)).sum()))


def half_edges(mesh: Mesh) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"]]:
    """The edge of every side of every face, the three sides of a face together.

    Args:
        mesh: with merged vertices.

    Returns:
        Numbers of edges, int64 (3 m,), and 1 where the face passes its edge from the lower vertex to the higher, -1
        where it passes it back.
    """
    faces = mesh.faces.astype(np.int64)
    starts, ends = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    keys = np.minimum(starts, ends) * len(mesh.vertices) + np.maximum(starts, ends)
    _, edges = np.unique(keys, return_inverse=True)
    return edges.ravel(), np.where(starts < ends, 1, -1)


def consistent(mesh: Mesh) -> tuple[Mesh, int]:
    """The mesh with faces turned so that neighbours look to the same side.

    Neighbours are faces with an edge that no others have. Of each surface, faces are turned to the side to which most
    of its area looks already. Where a surface has one side only, as a Möbius strip has, some edges stay unlike.

    Args:
        mesh: with merged vertices.

    Returns:
        The mesh, and how many faces were turned.
    """
    edges, ways = half_edges(mesh)
    order = np.argsort(edges, kind="stable")
    order = order[np.bincount(edges)[edges[order]] == 2]
    first, second = order[::2], order[1::2]
    unlike = ways[first] == ways[second]
    if not unlike.any():
        return mesh, 0
    count = len(mesh.faces)
    joined = sparse.csr_matrix((unlike + 1, (first // 3, second // 3)), (count, count))  # 1: alike, 2: unlike
    joined = joined.maximum(joined.T)
    surfaces = connected_components(joined, directed=False)[1]
    turned = _turned(joined, surfaces)
    areas = np.linalg.norm(mesh.face_vectors, axis=1)
    kept, moved = (np.bincount(surfaces, areas * each, surfaces.max() + 1) for each in (~turned, turned))
    turned ^= (moved > kept)[surfaces]
    faces = np.where(turned[:, None], mesh.faces[:, ::-1], mesh.faces)
    return Mesh(mesh.vertices, faces, colours=mesh.colours), int(turned.sum())


def _turned(joined: sparse.csr_matrix, surfaces: np.ndarray) -> np.ndarray:
    """Which faces look to another side than the first face of their surface, bool (m,)."""
    turned, seen = np.zeros((2, len(surfaces)), bool)
    # breadth first on all surfaces at once: faces on the front hand their side to those that are not seen yet
    front = np.unique(surfaces, return_index=True)[1]
    seen[front] = True
    while len(front):
        rows = joined[front]
        side = np.repeat(turned[front], np.diff(rows.indptr)) ^ (rows.data == 2)
        fresh = ~seen[rows.indices]
        front, places = np.unique(rows.indices[fresh], return_index=True)
        turned[front] = side[fresh][places]
        seen[front] = True
    return turned


def inwards(mesh: Mesh) -> bool:
    """Whether the faces of a mesh look inwards: what they enclose is less than nothing, also where it has holes.

    The volume is taken about the mean of the faces' centres, so that a hole counts as if it were closed by a cone.
    """
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    vectors = mesh.face_vectors
    areas = np.linalg.norm(vectors, axis=1)
    centres = corners.mean(1)
    centre = (areas[:, None] * centres).sum(0) / areas.sum()
    return float(((centres - centre) * vectors).sum()) < 0
