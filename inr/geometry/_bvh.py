"""A tree of boxes over triangles or segments, for queries that look at few of them.

The tree is complete: node i has the nodes 2 i + 1 and 2 i + 2 below it, and the leaves hold equal shares of the
triangles, in an order in which neighbours in space are near each other.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from inr.jit import kernel

LEAF = 4  # triangles of a leaf, at most


@dataclass(frozen=True)
class Tree:
    """A tree of boxes.

    Attributes:
        corners: float64 (m, 3, 3), those of the triangles in the tree's order.
        order: int64 (m,), the triangle of every place.
        boxes: float64 (nodes, 6), lower and upper corner of each node.
        ranges: int64 (nodes, 2), the places that a node holds.
        depth: levels below the root.
    """

    corners: Float[np.ndarray, "m 3 3"]
    order: Int[np.ndarray, " m"]
    boxes: Float[np.ndarray, "nodes 6"]
    ranges: Int[np.ndarray, "nodes 2"]
    depth: int


def build_tree(corners: Float[np.ndarray, "m 3 3"]) -> Tree:
    """The tree over triangles.

    Args:
        corners: float64 (m, 3, 3), of m triangles; m is at least 1.
    """
    count = len(corners)
    depth = max(int(np.ceil(np.log2(count / LEAF))), 0)
    nodes = 2 ** (depth + 1) - 1
    order = np.arange(count)
    ranges = np.zeros((nodes, 2), np.int64)
    _split(corners.mean(1), order, ranges, depth)
    placed = np.ascontiguousarray(corners[order])
    boxes = np.empty((nodes, 6))
    _enclose(placed, ranges, boxes, depth)
    return Tree(placed, order, boxes, ranges, depth)


@kernel
def _split(centres: np.ndarray, order: np.ndarray, ranges: np.ndarray, depth: int) -> None:
    """Halve the triangles of every node by the axis along which their centres spread most."""
    ranges[0, 0], ranges[0, 1] = 0, len(order)
    for node in range(2**depth - 1):
        start, stop = ranges[node, 0], ranges[node, 1]
        middle = (start + stop) // 2
        if stop - start > 1:
            axis, widest = 0, -1.0
            for candidate in range(3):
                low, high = np.inf, -np.inf
                for place in range(start, stop):
                    value = centres[order[place], candidate]
                    low, high = min(low, value), max(high, value)
                if high - low > widest:
                    axis, widest = candidate, high - low
            _halve(centres, axis, order, start, stop, middle)
        ranges[2 * node + 1, 0], ranges[2 * node + 1, 1] = start, middle
        ranges[2 * node + 2, 0], ranges[2 * node + 2, 1] = middle, stop


@kernel
def _halve(centres: np.ndarray, axis: int, order: np.ndarray, start: int, stop: int, middle: int) -> None:
    """Move what has the lower centres before `middle`, by Hoare's quickselect."""
    low, high = start, stop - 1
    while low < high:
        pivot = centres[order[(low + high) // 2], axis]
        left, right = low, high
        while left <= right:
            while centres[order[left], axis] < pivot:
                left += 1
            while centres[order[right], axis] > pivot:
                right -= 1
            if left <= right:
                order[left], order[right] = order[right], order[left]
                left += 1
                right -= 1
        if middle <= right:
            high = right
        elif middle >= left:
            low = left
        else:
            return


@kernel
def _enclose(corners: np.ndarray, ranges: np.ndarray, boxes: np.ndarray, depth: int) -> None:
    """The boxes, from the leaves up; that of an empty node holds nothing."""
    for node in range(len(ranges) - 1, -1, -1):
        for axis in range(3):
            boxes[node, axis], boxes[node, 3 + axis] = np.inf, -np.inf
        if node >= 2**depth - 1:
            for place in range(ranges[node, 0], ranges[node, 1]):
                for corner in range(3):
                    for axis in range(3):
                        value = corners[place, corner, axis]
                        boxes[node, axis] = min(boxes[node, axis], value)
                        boxes[node, 3 + axis] = max(boxes[node, 3 + axis], value)
        else:
            for axis in range(3):
                boxes[node, axis] = min(boxes[2 * node + 1, axis], boxes[2 * node + 2, axis])
                boxes[node, 3 + axis] = max(boxes[2 * node + 1, 3 + axis], boxes[2 * node + 2, 3 + axis])
