"""Where rays meet triangles, by a tree of boxes (Möller and Trumbore, Fast, minimum storage ray/triangle intersection,
1997)."""

import numpy as np
from jaxtyping import Float

from inr.geometry._bvh import Tree
from inr.geometry._threads import in_parts
from inr.jit import inline, kernel

_DEEPEST = 64


def first_hits(
    tree: Tree, origin: Float[np.ndarray, "3"], directions: Float[np.ndarray, "n 3"]
) -> Float[np.ndarray, " n"]:
    """How far rays go until they meet a triangle, from whichever side.

    Args:
        tree: of triangles.
        origin: of all rays.
        directions: (n, 3).

    Returns:
        In lengths of the directions, float64; infinite for rays that miss.
    """
    found = np.full(len(directions), np.inf)
    start_at, along = np.asarray(origin, np.float64), np.ascontiguousarray(directions, np.float64)

    def search(start: int, stop: int) -> None:
        part = slice(start, stop)
        _search(tree.corners, tree.boxes, tree.ranges, tree.depth, start_at, along[part], found[part])

    in_parts(search, len(directions))
    return found


@kernel
def _search(
    corners: np.ndarray, boxes: np.ndarray, ranges: np.ndarray, depth: int, origin: np.ndarray, along: np.ndarray,
    found: np.ndarray,
) -> None:  # fmt: skip
    stack = np.empty(_DEEPEST, np.int64)
    enters = np.empty(_DEEPEST)
    first_leaf = 2**depth - 1
    for row in range(len(along)):
        best, top = np.inf, 0
        stack[0], enters[0] = 0, _to_box(boxes, 0, origin, along, row)
        while top >= 0:
            node, enter = stack[top], enters[top]
            top -= 1
            if enter >= best:
                continue
            if node >= first_leaf:
                for place in range(ranges[node, 0], ranges[node, 1]):
                    best = min(best, _to_triangle(corners, place, origin, along, row))
                continue
            left, right = 2 * node + 1, 2 * node + 2
            to_left, to_right = _to_box(boxes, left, origin, along, row), _to_box(boxes, right, origin, along, row)
            if to_left > to_right:
                left, right, to_left, to_right = right, left, to_right, to_left
            if to_right < best:
                top += 1
                stack[top], enters[top] = right, to_right
            if to_left < best:
                top += 1
                stack[top], enters[top] = left, to_left
        found[row] = best


@inline
def _to_box(boxes: np.ndarray, node: int, origin: np.ndarray, along: np.ndarray, row: int) -> float:
    """Where a ray enters a box; infinite where it misses it."""
    low, high = 0.0, np.inf
    for axis in range(3):
        step = along[row, axis]
        if step != 0:
            one, other = (boxes[node, axis] - origin[axis]) / step, (boxes[node, 3 + axis] - origin[axis]) / step
            low, high = max(low, min(one, other)), min(high, max(one, other))
        elif not boxes[node, axis] <= origin[axis] <= boxes[node, 3 + axis]:
            return np.inf
    return low if low <= high else np.inf


@inline
def _to_triangle(corners: np.ndarray, place: int, origin: np.ndarray, along: np.ndarray, row: int) -> float:
    """Where a ray meets a triangle; infinite where it misses it."""
    dx, dy, dz = along[row, 0], along[row, 1], along[row, 2]
    ax, ay, az = corners[place, 0, 0], corners[place, 0, 1], corners[place, 0, 2]
    ux, uy, uz = corners[place, 1, 0] - ax, corners[place, 1, 1] - ay, corners[place, 1, 2] - az
    vx, vy, vz = corners[place, 2, 0] - ax, corners[place, 2, 1] - ay, corners[place, 2, 2] - az
    px, py, pz = dy * vz - dz * vy, dz * vx - dx * vz, dx * vy - dy * vx
    whole = ux * px + uy * py + uz * pz
    if whole == 0:
        return np.inf
    tx, ty, tz = origin[0] - ax, origin[1] - ay, origin[2] - az
    s = (tx * px + ty * py + tz * pz) / whole
    qx, qy, qz = ty * uz - tz * uy, tz * ux - tx * uz, tx * uy - ty * ux
    t = (dx * qx + dy * qy + dz * qz) / whole
    reached = (vx * qx + vy * qy + vz * qz) / whole
    return reached if s >= 0 and t >= 0 and s + t <= 1 and reached > 0 else np.inf
