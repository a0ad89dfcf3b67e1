"""A triangle mesh as arrays."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

_AT_ONCE = 1 << 16  # faces


@dataclass(frozen=True)
class Mesh:
    """Triangles that share vertices, and are counterclockwise as seen from outside.

    Attributes:
        vertices: float (n, 3).
        faces: int (m, 3), rows of `vertices`.
        normals: float32 (n, 3), unit vectors at the vertices; None where they are not known.
        colours: uint8 (n, 3), red, green and blue at the vertices; None where there are none.

    >>> tetrahedron = inr.geometry.Mesh(np.eye(4)[:, :3], np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]))
    >>> round(tetrahedron.volume, 4), round(tetrahedron.area, 4)
    (0.1667, 2.366)
    """

    vertices: Float[np.ndarray, "n 3"]
    faces: Int[np.ndarray, "m 3"]
    normals: Float[np.ndarray, "n 3"] | None = None
    colours: UInt8[np.ndarray, "n 3"] | None = None

    @property
    def face_vectors(self) -> Float[np.ndarray, "m 3"]:
        """Twice the area of each triangle along its outward normal, float64."""
        return np.concatenate([np.zeros((0, 3)), *(vectors for _, vectors in self._parts())])

    def _parts(self) -> Iterator[tuple[Float[np.ndarray, "k 3"], Float[np.ndarray, "k 3"]]]:
        """First corners and face vectors, float64, of some faces at a time: all at once would take much memory."""
        for start in range(0, len(self.faces), _AT_ONCE):
            first, second, third = (
                self.vertices[column].astype(np.float64) for column in self.faces[start : start + _AT_ONCE].T
            )
            yield first, np.cross(second - first, third - first)

    def colours_at(self, faces: Int[np.ndarray, " k"], points: Float[np.ndarray, "k 3"]) -> Float[np.ndarray, "k 3"]:
        """The colours at points of triangles, linear between those of the corners.

        Args:
            faces: the triangle of each point.
            points: in the planes of their triangles.

        Returns:
            float64 (k, 3), from 0 to 255; of a mesh that has colours.
        """
        assert self.colours is not None
        corners = self.vertices[self.faces[faces]].astype(np.float64)
        u, v, w = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], points - corners[:, 0]
        uu, uv, vv, uw, vw = (np.einsum("ij,ij->i", a, b) for a, b in ((u, u), (u, v), (v, v), (u, w), (v, w)))
        whole = np.maximum(uu * vv - uv * uv, np.finfo(np.float64).tiny)
        second = np.clip((vv * uw - uv * vw) / whole, 0, 1)
        third = np.clip((uu * vw - uv * uw) / whole, 0, 1 - second)
        shares = np.stack((1 - second - third, second, third), 1)
        return np.einsum("ij,ijk->ik", shares, self.colours[self.faces[faces]].astype(np.float64))

    @property
    def area(self) -> float:
        """Of the surface, in squared units of the vertices."""
        return float(sum(np.linalg.norm(vectors, axis=1).sum() for _, vectors in self._parts()) / 2)

    @property
    def volume(self) -> float:
        """Enclosed, in cubed units of the vertices: by the divergence theorem, for closed meshes."""
        return float(sum((corners * vectors).sum() for corners, vectors in self._parts()) / 6)

    @property
    def vertex_normals(self) -> Float[np.ndarray, "n 3"]:
        """The given normals; or, of vertices, the mean of their triangles' weighted by area, float32."""
        if self.normals is not None:
            return self.normals
        vectors, sums = self.face_vectors, np.zeros((len(self.vertices), 3))
        for axis in range(3):
            for column in self.faces.T:
                sums[:, axis] += np.bincount(column, vectors[:, axis], len(sums))
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return (sums / np.where(lengths > 0, lengths, 1)).astype(np.float32)
