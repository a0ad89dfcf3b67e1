"""Closed curves in the plane: distances to them, and what they enclose."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from inr._errors import InrError
from inr.geometry._bvh import build_tree
from inr.geometry._closest import closest
from inr.geometry._threads import in_parts
from inr.jit import kernel

Rule = Literal["evenodd", "nonzero"]
_DEEPEST = 64


class Outline:
    """What closed polygons enclose.

    Args:
        curves: each float (n, 2); the last point is joined to the first.
        rule: what is inside: places that an odd number of curves goes around ("evenodd"), or those that curves go
            around not as often one way as the other ("nonzero").

    Attributes:
        curves: those of some length, float64.
        rule: as given.

    Raises:
        InrError: no curve of any length, or numbers that are not finite.

    >>> square = inr.geometry.Outline([np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])])
    >>> square.at(np.array([[0.0, 0.25], [2, 0]]))
    array([-0.75,  1.  ])
    """

    def __init__(self, curves: Sequence[np.ndarray], rule: Rule = "evenodd") -> None:
        self.rule = rule
        self.curves = [np.ascontiguousarray(curve, np.float64) for curve in curves if len(curve) > 1]
        starts = np.concatenate([*self.curves, np.zeros((0, 2))])
        stops = np.concatenate([*(np.roll(curve, -1, axis=0) for curve in self.curves), np.zeros((0, 2))])
        if not np.isfinite(starts).all():
            raise InrError("the outline has coordinates that are no finite numbers")
        solid = (starts != stops).any(1)
        if not solid.any():
            raise InrError("the outline has no length")
        self._segments = np.stack((starts[solid], stops[solid]), 1)
        # segments are triangles of which two corners are one, in the plane z = 0
        corners = np.zeros((len(self._segments), 3, 3))
        corners[:, :2, :2], corners[:, 2, :2] = self._segments, self._segments[:, 1]
        self._tree = build_tree(corners)

    def at(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
        """Signed distances, negative inside, float64 (n,).

        Args:
            points: neighbours in the array best neighbours in space.
        """
        flat = np.zeros((len(points), 3))
        flat[:, :2] = points
        return np.where(self.inside(points), -1.0, 1.0) * np.sqrt(closest(self._tree, flat).squared)

    def inside(self, points: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
        """Whether points are inside."""
        points = np.ascontiguousarray(points, np.float64)
        turns = np.empty(len(points), np.int64)
        tree = self._tree

        def count(start: int, stop: int) -> None:
            _count_turns(tree.corners, tree.boxes, tree.ranges, tree.depth, points[start:stop], turns[start:stop])

        in_parts(count, len(points))
        return turns % 2 != 0 if self.rule == "evenodd" else turns != 0

    def around(
        self, count: int, draw: np.random.Generator
    ) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "n 2"]]:
        """Points of the curves, uniform by length, and unit normals there, to the right of the way that curves go."""
        ways = self._segments[:, 1] - self._segments[:, 0]
        ends = np.cumsum(np.linalg.norm(ways, axis=1))
        shares = (np.arange(count) + draw.random(count)) * (ends[-1] / count)
        chosen = np.minimum(np.searchsorted(ends, shares, side="right"), len(ends) - 1)
        points = self._segments[chosen, 0] + draw.random((count, 1)) * ways[chosen]
        normals = np.stack((ways[chosen, 1], -ways[chosen, 0]), 1)
        return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)


@kernel
def _count_turns(
    corners: np.ndarray, boxes: np.ndarray, ranges: np.ndarray, depth: int, points: np.ndarray, turns: np.ndarray
) -> None:
    """How often the curves go around each point: signed crossings of a ray along x."""
    stack = np.empty(_DEEPEST, np.int64)
    first_leaf = 2**depth - 1
    for row in range(len(points)):
        x, y = points[row, 0], points[row, 1]
        found = 0
        top = 0
        stack[0] = 0
        while top >= 0:
            node = stack[top]
            top -= 1
            if boxes[node, 1] > y or boxes[node, 4] < y or boxes[node, 3] < x:
                continue
            if node < first_leaf:
                stack[top + 1], stack[top + 2] = 2 * node + 1, 2 * node + 2
                top += 2
                continue
            for place in range(ranges[node, 0], ranges[node, 1]):
                ax, ay = corners[place, 0, 0], corners[place, 0, 1]
                bx, by = corners[place, 1, 0], corners[place, 1, 1]
                if (ay <= y) != (by <= y):  # a point of the curve at this height counts to the segment above it
                    left = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
                    if by > ay and left > 0:
                        found += 1
                    elif by < ay and left < 0:
                        found -= 1
        turns[row] = found
