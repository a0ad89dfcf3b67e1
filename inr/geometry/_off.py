"""Object File Format, OFF."""

import numpy as np

from inr._errors import InrError
from inr.geometry._mesh import Mesh
from inr.geometry._polygons import triangulated


def parse_off(data: bytes) -> Mesh:
    """The mesh of a text file; colours and normals are passed over."""
    lines = [line.partition(b"#")[0].split() for line in data.splitlines()]
    lines = [line for line in lines if line]
    head = lines[0][1:] or lines[1]
    rows = lines[1:] if lines[0][1:] else lines[2:]
    count, polygons = int(head[0]), int(head[1])
    if b"BINARY" in lines[0] or count < 0 or polygons < 0 or len(rows) < count + polygons:
        raise InrError(f"{len(rows):,} lines of text are not {count:,} vertices and {polygons:,} faces")
    vertices = np.array([row[:3] for row in rows[:count]], np.float64).reshape(-1, 3)
    faces = [[int(corner) for corner in row[1 : 1 + int(row[0])]] for row in rows[count : count + polygons]]
    if not faces:
        raise InrError("there are no faces")
    counts = np.array([len(face) for face in faces], np.int64)
    return Mesh(vertices, triangulated(np.array([corner for face in faces for corner in face], np.int64), counts))
