"""The closest point of triangles, by a tree of boxes (Ericson, Real-Time Collision Detection, 2005, section 5.1.5)."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from inr.geometry._bvh import Tree
from inr.geometry._threads import in_parts
from inr.jit import inline, kernel

# what of a triangle is closest: its inside, the side that begins at corner 0, 1 or 2, or corner 0, 1 or 2
INSIDE, SIDE, CORNER = 0, 1, 4
_DEEPEST = 64
# squared sine of an angle below which a triangle is taken for its sides: its inside is lost in rounding
_THIN = 1e-12


class Closest(NamedTuple):
    """The closest points of triangles, of n points.

    Attributes:
        squared: squared distances, float64 (n,).
        points: where it lies, float64 (n, 3).
        faces: the triangle, int64 (n,).
        features: what of the triangle, int64 (n,): INSIDE, SIDE + i for the side from corner i, CORNER + i.
    """

    squared: Float[np.ndarray, " n"]
    points: Float[np.ndarray, "n 3"]
    faces: Int[np.ndarray, " n"]
    features: Int[np.ndarray, " n"]


def closest(tree: Tree, points: Float[np.ndarray, "n 3"], near: Int[np.ndarray, " n"] | None = None) -> Closest:
    """The closest points of the tree's triangles; exact, to float64.

    Args:
        tree: of triangles.
        points: float64 (n, 3). Neighbours in the array had better be neighbours in space: each search begins with what
            the last one found.
        near: a triangle that is known to be near each point, which makes the search short.

    Returns:
        The same whatever the number of threads.
    """
    count = len(points)
    found = Closest(np.empty(count), np.empty((count, 3)), np.empty(count, np.int64), np.empty(count, np.int64))
    places = np.full(count, -1)
    if near is not None:
        place_of = np.empty(len(tree.order), np.int64)
        place_of[tree.order] = np.arange(len(tree.order))
        places = place_of[near]
    points = np.ascontiguousarray(points, np.float64)

    def search(start: int, stop: int) -> None:
        part = slice(start, stop)
        _search(
            tree.corners, tree.boxes, tree.ranges, tree.depth, points[part], places[part], found.squared[part],
            found.points[part], found.faces[part], found.features[part],
        )  # fmt: skip

    in_parts(search, count)
    found.faces[:] = tree.order[found.faces]
    return found


@kernel
def _search(
    corners: np.ndarray, boxes: np.ndarray, ranges: np.ndarray, depth: int, points: np.ndarray, near: np.ndarray,
    squared: np.ndarray, nearest: np.ndarray, places: np.ndarray, features: np.ndarray,
) -> None:  # fmt: skip
    stack = np.empty(_DEEPEST, np.int64)
    bounds = np.empty(_DEEPEST)
    first_leaf = 2**depth - 1
    last = 0
    for row in range(len(points)):
        x, y, z = points[row, 0], points[row, 1], points[row, 2]
        place = near[row] if near[row] >= 0 else last
        best, px, py, pz, feature = _of_triangle(corners[place], x, y, z)
        top = 0
        stack[0], bounds[0] = 0, _to_box(boxes, 0, x, y, z)
        while top >= 0:
            node, bound = stack[top], bounds[top]
            top -= 1
            if bound >= best:
                continue
            if node >= first_leaf:
                for candidate in range(ranges[node, 0], ranges[node, 1]):
                    distance, qx, qy, qz, kind = _of_triangle(corners[candidate], x, y, z)
                    if distance < best:
                        best, px, py, pz, feature, place = distance, qx, qy, qz, kind, candidate
                continue
            left, right = 2 * node + 1, 2 * node + 2
            to_left, to_right = _to_box(boxes, left, x, y, z), _to_box(boxes, right, x, y, z)
            if to_left > to_right:
                left, right = right, left
                to_left, to_right = to_right, to_left
            if to_right < best:
                top += 1
                stack[top], bounds[top] = right, to_right
            if to_left < best:
                top += 1
                stack[top], bounds[top] = left, to_left
        last = place
        squared[row], places[row], features[row] = best, place, feature
        nearest[row, 0], nearest[row, 1], nearest[row, 2] = px, py, pz


@inline
def _to_box(boxes: np.ndarray, node: int, x: float, y: float, z: float) -> float:
    """Squared distance to a box; 0 inside, infinite to an empty one."""
    dx = max(max(boxes[node, 0] - x, x - boxes[node, 3]), 0.0)
    dy = max(max(boxes[node, 1] - y, y - boxes[node, 4]), 0.0)
    dz = max(max(boxes[node, 2] - z, z - boxes[node, 5]), 0.0)
    return dx * dx + dy * dy + dz * dz


@inline
def _of_triangle(corner: np.ndarray, x: float, y: float, z: float) -> tuple[float, float, float, float, int]:
    """Squared distance to a triangle, its closest point, and of what that is a part."""
    ax, ay, az = corner[0, 0], corner[0, 1], corner[0, 2]
    ux, uy, uz = corner[1, 0] - ax, corner[1, 1] - ay, corner[1, 2] - az
    vx, vy, vz = corner[2, 0] - ax, corner[2, 1] - ay, corner[2, 2] - az
    wx, wy, wz = x - ax, y - ay, z - az
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    uw, vw = ux * wx + uy * wy + uz * wz, vx * wx + vy * wy + vz * wz
    # the areas that the point's foot cuts off beside the sides; below zero outside of a side
    s, t = vv * uw - uv * vw, uu * vw - uv * uw
    whole = uu * vv - uv * uv
    feature = INSIDE
    if s >= 0.0 and t >= 0.0 and s + t <= whole and whole > _THIN * uu * vv:
        s /= whole
        t /= whole
    else:
        # the closest of the three sides, each of which is a segment
        best = np.inf
        bs, bt = 0.0, 0.0
        for side in range(3):
            if side == 0:  # from corner 0 to 1
                share = uw / uu if uu > 0.0 else 0.0
            elif side == 1:  # from corner 1 to 2
                length = uu - 2.0 * uv + vv
                share = (vw - uw + uu - uv) / length if length > 0.0 else 0.0
            else:  # from corner 2 to 0
                share = 1.0 - vw / vv if vv > 0.0 else 0.0
            kind = SIDE + side
            if share <= 0.0:
                share, kind = 0.0, CORNER + side
            elif share >= 1.0:
                share, kind = 1.0, CORNER + (side + 1) % 3
            if side == 0:
                cs, ct = share, 0.0
            elif side == 1:
                cs, ct = 1.0 - share, share
            else:
                cs, ct = 0.0, 1.0 - share
            dx, dy, dz = wx - cs * ux - ct * vx, wy - cs * uy - ct * vy, wz - cs * uz - ct * vz
            distance = dx * dx + dy * dy + dz * dz
            if distance < best:
                best, bs, bt, feature = distance, cs, ct, kind
        s, t = bs, bt
    qx, qy, qz = s * ux + t * vx, s * uy + t * vy, s * uz + t * vz
    dx, dy, dz = wx - qx, wy - qy, wz - qz
    return dx * dx + dy * dy + dz * dz, ax + qx, ay + qy, az + qz, feature
