"""What a mesh is as a surface: closed or not, of how many pieces, with how many holes through it."""

from typing import NamedTuple

import numpy as np

from inr.geometry._mesh import Mesh
from inr.jit import inline, kernel


class Topology(NamedTuple):
    """Of the triangles of a mesh, and of the vertices that they have.

    Attributes:
        watertight: whether each edge has two triangles, which pass it in opposite directions.
        euler: the Euler characteristic, vertices - edges + faces; 2 (1 - g) of one closed surface of genus g.
        components: pieces that share no vertex.
    """

    watertight: bool
    euler: int
    components: int


def topology(mesh: Mesh) -> Topology:
    """Whether a mesh is closed, its Euler characteristic, and its pieces.

    Args:
        mesh: of any triangles.

    >>> faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])
    >>> inr.geometry.topology(inr.geometry.Mesh(np.eye(4)[:, :3], faces))
    Topology(watertight=True, euler=2, components=1)
    """
    faces = np.ascontiguousarray(mesh.faces, np.int32)
    count = len(mesh.vertices)
    keys = np.empty(3 * len(faces), np.int64)
    _edge_keys(faces, count, keys)
    keys.sort()
    edges, watertight = _pair(keys)
    parents = np.arange(count, dtype=np.int32)
    used = np.zeros(count, np.bool_)
    components = _join(faces, parents, used)
    return Topology(bool(watertight), int(used.sum()) - edges + len(faces), components)


@kernel
def _edge_keys(faces: np.ndarray, count: int, keys: np.ndarray) -> None:
    """A number for each side of each triangle: that of its edge, and in the last bit its direction."""
    for row in range(len(faces)):
        for side in range(3):
            one, other = np.int64(faces[row, side]), np.int64(faces[row, (side + 1) % 3])
            low, high = min(one, other), max(one, other)
            keys[3 * row + side] = (low * count + high) * 2 + (one > other)


@kernel
def _pair(keys: np.ndarray) -> tuple[int, bool]:
    """Of sorted keys the number of edges, and whether each has one triangle a direction."""
    edges, sound = 0, True
    first = 0
    while first < len(keys):
        last = first + 1
        while last < len(keys) and keys[last] >> 1 == keys[first] >> 1:
            last += 1
        edges += 1
        sound = sound and last - first == 2 and keys[first] != keys[first + 1]
        first = last
    return edges, sound


@inline
def _root(parents: np.ndarray, vertex: int) -> int:
    while parents[vertex] != vertex:
        parents[vertex] = parents[parents[vertex]]
        vertex = parents[vertex]
    return vertex


@kernel
def _join(faces: np.ndarray, parents: np.ndarray, used: np.ndarray) -> int:
    """The number of pieces, by union of the vertices of each triangle."""
    pieces = 0
    for row in range(len(faces)):
        for corner in range(3):
            vertex = faces[row, corner]
            pieces += not used[vertex]
            used[vertex] = True
        first = _root(parents, faces[row, 0])
        for corner in range(1, 3):
            other = _root(parents, faces[row, corner])
            if other != first:
                parents[other] = first
                pieces -= 1
    return pieces
