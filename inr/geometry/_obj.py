"""Wavefront OBJ."""

import numpy as np

from inr._errors import InrError
from inr.geometry._mesh import Mesh
from inr.geometry._polygons import triangulated


def parse_obj(data: bytes) -> Mesh:
    """The mesh of all objects of a file; texture coordinates, normals and materials are passed over."""
    lines = [line.strip() for line in data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").splitlines()]
    vertices = [line[1:] for line in lines if line[:2] in (b"v ", b"v\t")]
    faces, relative = _faces(lines)
    if not vertices:
        raise InrError("there are no vertices")
    columns = min(len(vertices[0].split()), 6)
    numbers = np.array([line.split()[:columns] for line in vertices], np.float64)
    if numbers.shape[1] < 3:
        raise InrError(f"a vertex has {numbers.shape[1]} coordinates, not 3")
    if not faces:
        raise InrError("there are no faces")
    counts = np.array([len(face) for face in faces], np.int64)
    corners = np.array([corner for face in faces for corner in face], np.int64)
    # numbers below zero count back from the last vertex that was given before the face
    corners = np.where(corners < 0, corners + np.repeat(np.array(relative, np.int64), counts), corners - 1)
    colours = None
    if columns == 6 and numbers[:, 3:].min() >= 0 and numbers[:, 3:].max() <= 1:
        colours = np.rint(numbers[:, 3:] * 255).astype(np.uint8)
    return Mesh(numbers[:, :3], triangulated(corners, counts), colours=colours)


def _faces(lines: list[bytes]) -> tuple[list[list[int]], list[int]]:
    """The corners of every face as they are written, and how many vertices came before it."""
    faces, before, count = [], [], 0
    for line in lines:
        kind = line[:2]
        if kind in (b"v ", b"v\t"):
            count += 1
        elif kind in (b"f ", b"f\t"):
            faces.append([int(corner.partition(b"/")[0]) for corner in line[1:].split()])
            before.append(count)
    return faces, before
