"""Which triangles lie in a cube whose corners are inside or outside: the table of marching cubes, derived.

A face of the cube whose corners are inside and outside by turns could be cut in two ways. Here corners that are inside
are always cut off from each other, which is a function of the face alone: the two cubes at a face agree, so that the
triangles of all cubes close. Triangles of one cube never lie in a face of it, where the neighbour's might lie as well:
every edge has exactly two triangles.
"""

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

# corner c of the unit cube lies at (c & 1, c >> 1 & 1, c >> 2)
EDGES = tuple((low, axis) for axis in range(3) for low in range(8) if not low >> axis & 1)
"""The edges of a cube, each from a corner along an axis."""


class CubeTable(NamedTuple):
    """Triangles by which corners are inside.

    Attributes:
        counts: int32 (256,), triangles of a cube; bit c of the index says that corner c is inside.
        edges: int32 (256, 3 k), the edges that the triangles' corners lie on, by their places in `EDGES`;
            counterclockwise as seen from outside. What is beyond the count is -1.
    """

    counts: Int[np.ndarray, "256"]
    edges: Int[np.ndarray, "256 width"]


@functools.cache
def cube_table() -> CubeTable:
    """The table of all 256 cubes.

    Source: Lorensen and Cline, Marching cubes, SIGGRAPH 1987; the table is derived anew.

    >>> table = inr.geometry.cube_table()
    >>> table.counts[0b00000001].item(), table.counts.max().item()
    (1, 5)
    """
    rows = [[triangle for loop in _loops(inside) for triangle in _triangulated(loop)] for inside in range(256)]
    counts = np.array([len(row) for row in rows], np.int32)
    edges = np.full((256, 3 * int(counts.max())), -1, np.int32)
    for line, row in zip(edges, rows, strict=True):
        line[: 3 * len(row)] = np.array(row, np.int32).ravel()
    return CubeTable(counts, edges)


def _faces() -> list[tuple[int, ...]]:
    """The corners of the six faces, counterclockwise as seen from outside."""
    found = []
    for axis in range(3):
        across, up = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        ring = (0, across, across | up, up)
        found.append(tuple(corner | 1 << axis for corner in ring))
        found.append(tuple(reversed(ring)))
    return found


_FACES = _faces()
_EDGE_OF = {frozenset((low, low | 1 << axis)): number for number, (low, axis) in enumerate(EDGES)}
_FACES_OF_EDGE = [
    {face for face, ring in enumerate(_FACES) if low in ring and low | 1 << axis in ring} for low, axis in EDGES
]


def _loops(inside: int) -> list[list[int]]:
    """The closed curves in which the surface cuts the faces of a cube, each as the edges that it passes."""
    follows: dict[int, int] = {}
    for ring in _FACES:
        crossed = []  # edges along the ring, and whether it enters the inside there
        for corner, following in zip(ring, (*ring[1:], ring[0]), strict=True):
            before, after = inside >> corner & 1, inside >> following & 1
            if before != after:
                crossed.append((_EDGE_OF[frozenset((corner, following))], bool(after)))
        if crossed and not crossed[0][1]:
            crossed = crossed[1:] + crossed[:1]
        for (enters, _), (leaves, _) in zip(crossed[::2], crossed[1::2], strict=True):
            follows[enters] = leaves
    found = []
    while follows:
        loop = [next(iter(follows))]
        while (edge := follows.pop(loop[-1])) != loop[0]:
            loop.append(edge)
        found.append(loop)
    return found


def _triangulated(loop: list[int]) -> list[tuple[int, int, int]]:
    """A loop as triangles without sides across a face of the cube, and with short sides among those."""
    places = np.array([[low & 1, low >> 1 & 1, low >> 2] for low, _ in EDGES], float)
    for number, (_, axis) in enumerate(EDGES):
        places[number, axis] += 0.5

    def cost(first: int, last: int) -> tuple[int, float]:
        """Of a side between two places in the loop."""
        if last - first in (1, len(loop) - 1):
            return 0, 0.0
        one, other = loop[first], loop[last]
        return len(_FACES_OF_EDGE[one] & _FACES_OF_EDGE[other]), float(((places[one] - places[other]) ** 2).sum())

    @functools.cache
    def best(first: int, last: int) -> tuple[tuple[int, float], tuple[tuple[int, int, int], ...]]:
        """The cheapest triangles of the part of the loop between two places."""
        if last - first < 2:
            return (0, 0.0), ()
        options = []
        for middle in range(first + 1, last):
            parts = best(first, middle), best(middle, last)
            sides = [parts[0][0], parts[1][0], cost(first, middle), cost(middle, last)]
            total = sum(side[0] for side in sides), round(sum(side[1] for side in sides), 9)
            options.append((total, (*parts[0][1], (loop[first], loop[middle], loop[last]), *parts[1][1])))
        return min(options)

    return list(best(0, len(loop) - 1)[1])
