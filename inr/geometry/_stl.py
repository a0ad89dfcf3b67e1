"""STL, binary and text."""

import re

import numpy as np

from inr._errors import InrError
from inr.geometry._mesh import Mesh

_HEADER, _RECORD = 84, 50
_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def is_stl(head: bytes, size: int) -> bool:
    """Whether a file of so many bytes that begins so is one: its length says so, or its first words."""
    if re.match(rb"\s*solid\b", head) and b"facet" in head:
        return True
    return len(head) >= _HEADER and size == _HEADER + _RECORD * int.from_bytes(head[80:84], "little")


def parse_stl(data: bytes) -> Mesh:
    """The triangles of a file, each with vertices of its own."""
    count = int.from_bytes(data[80:84], "little")
    if len(data) >= _HEADER and len(data) == _HEADER + _RECORD * count:
        corners = np.frombuffer(data, _FACET, count, _HEADER)["corners"].reshape(-1, 3)
    else:
        numbers = [line.split()[1:4] for line in data.splitlines() if line.lstrip()[:7] == b"vertex "]
        corners = np.array(numbers, np.float64).reshape(-1, 3)
        if not len(corners) and data[:_HEADER].count(b"\0"):
            wanted = _HEADER + _RECORD * count
            raise InrError(f"its {count:,} facets are {wanted:,} bytes, and the file has {len(data):,}")
    if not len(corners) or len(corners) % 3:
        raise InrError("there are no faces" if not len(corners) else "a facet does not have three vertices")
    return Mesh(corners, np.arange(len(corners)).reshape(-1, 3))
