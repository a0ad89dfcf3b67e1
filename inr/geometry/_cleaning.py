"""Meshes as files have them, made ready to be measured: one vertex a position, no faces without area."""

import numpy as np

from inr._errors import InrError
from inr.geometry._mesh import Mesh

FARTHEST = 1e100  # of coordinates, whose cubes, as of volumes, are to be numbers


def cleaned(mesh: Mesh) -> Mesh:
    """The mesh with vertices merged that have equal positions, and without faces that have no area.

    Files give a vertex several times where it has several texture coordinates or normals: the mesh then is open along
    these seams. Vertices that no face uses are left out, and normals, which may differ at merged vertices.

    Args:
        mesh: of any triangles.

    Raises:
        InrError: positions that are no numbers, or nothing is left.

    >>> soup = inr.geometry.Mesh(np.eye(3)[[0, 1, 2, 0, 1, 2]], np.array([[0, 1, 2], [3, 4, 4]]))
    >>> inr.geometry.cleaned(soup).faces
    array([[2, 1, 0]])
    """
    used = np.unique(mesh.faces)
    vertices = mesh.vertices[used].astype(np.float64) + 0.0  # -0.0 becomes 0.0
    wrong = int((~np.isfinite(vertices)).any(1).sum())
    if wrong:
        raise InrError(f"{wrong:,} of the mesh's {len(used):,} vertices are no finite numbers")
    if np.abs(vertices).max() > FARTHEST:
        raise InrError(f"the mesh reaches as far as {np.abs(vertices).max():.3g}: scale it, to {FARTHEST:g} at most")
    positions, places = np.unique(vertices, axis=0, return_inverse=True)
    number = np.zeros(len(mesh.vertices), np.int64)
    number[used] = places.ravel()
    faces = number[mesh.faces]
    colours = None
    if mesh.colours is not None:
        colours = np.zeros((len(positions), 3), np.uint8)
        colours[number[used]] = mesh.colours[used]
    solid = np.linalg.norm(Mesh(positions, faces).face_vectors, axis=1) > 0
    if not solid.any():
        raise InrError("the mesh has no faces of any area")
    return Mesh(positions, faces[solid], colours=colours)
