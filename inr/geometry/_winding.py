"""Winding numbers of triangles: how often they enclose a point, also where they have holes or overlap.

Jacobson, Kavan & Sorkine-Hornung, Robust Inside-Outside Segmentation using Generalized Winding Numbers, 2013; with
distant triangles as one dipole, Barill et al., Fast Winding Numbers for Soups and Clouds, 2018.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inr.geometry._bvh import Tree
from inr.geometry._threads import in_parts
from inr.jit import inline, kernel

OPENING = 2.0  # a node counts as one dipole from so many of its radii on
_DEEPEST = 64
_MOMENTS = 16  # centre, radius, dipole, and its first moments


@dataclass(frozen=True)
class Windings:
    """What winding numbers are found by.

    Attributes:
        tree: of the triangles.
        moments: float64 (nodes, 16): centre, radius, the sum of normals times areas, and the nine sums of their
            products with the distances from the centre, which the expansion's second term is made of.
    """

    tree: Tree
    moments: Float[np.ndarray, "nodes 16"]

    @classmethod
    def of(cls, tree: Tree) -> "Windings":
        """Sum up what distant triangles look like."""
        moments = np.zeros((len(tree.ranges), _MOMENTS))
        _sum_up(tree.corners, tree.ranges, moments)
        return cls(tree, moments)

    def at(self, points: Float[np.ndarray, "n 3"], opening: float = OPENING) -> Float[np.ndarray, " n"]:
        """Winding numbers: 1 inside of a closed mesh, 0 outside, and between where it is open.

        Args:
            points: float64 (n, 3).
            opening: how many radii away a node is taken for a dipole; infinite: never, which is exact.

        Returns:
            float64 (n,), the same whatever the number of threads.
        """
        points = np.ascontiguousarray(points, np.float64)
        found = np.empty(len(points))
        tree = self.tree

        def wind(start: int, stop: int) -> None:
            _wind(
                tree.corners, tree.ranges, tree.depth, self.moments, points[start:stop], opening, found[start:stop]
            )  # fmt: skip

        in_parts(wind, len(points))
        return found


@kernel
def _sum_up(corners: np.ndarray, ranges: np.ndarray, moments: np.ndarray) -> None:
    """Moments of every node, from its triangles."""
    for node in range(len(ranges)):
        start, stop = ranges[node, 0], ranges[node, 1]
        area = 0.0
        moment = moments[node]
        for place in range(start, stop):
            nx, ny, nz = _half_cross(corners[place])
            size = np.sqrt(nx * nx + ny * ny + nz * nz)
            area += size
            for axis in range(3):
                moment[axis] += size * (corners[place, 0, axis] + corners[place, 1, axis] + corners[place, 2, axis]) / 3
            moment[4] += nx
            moment[5] += ny
            moment[6] += nz
        if area > 0.0:
            for axis in range(3):
                moment[axis] /= area
        radius = 0.0
        for place in range(start, stop):
            normal = _half_cross(corners[place])
            for axis in range(3):
                away = (corners[place, 0, axis] + corners[place, 1, axis] + corners[place, 2, axis]) / 3 - moment[axis]
                for other in range(3):
                    moment[7 + 3 * axis + other] += away * normal[other]
            for corner in range(3):
                squared = 0.0
                for axis in range(3):
                    squared += (corners[place, corner, axis] - moment[axis]) ** 2
                radius = max(radius, squared)
        moment[3] = np.sqrt(radius)


@inline
def _half_cross(corner: np.ndarray) -> tuple[float, float, float]:
    """The normal of a triangle, as long as its area."""
    ux, uy, uz = corner[1, 0] - corner[0, 0], corner[1, 1] - corner[0, 1], corner[1, 2] - corner[0, 2]
    vx, vy, vz = corner[2, 0] - corner[0, 0], corner[2, 1] - corner[0, 1], corner[2, 2] - corner[0, 2]
    return 0.5 * (uy * vz - uz * vy), 0.5 * (uz * vx - ux * vz), 0.5 * (ux * vy - uy * vx)


@kernel
def _wind(
    corners: np.ndarray, ranges: np.ndarray, depth: int, moments: np.ndarray, points: np.ndarray, opening: float,
    found: np.ndarray,
) -> None:  # fmt: skip
    stack = np.empty(_DEEPEST, np.int64)
    first_leaf = 2**depth - 1
    for row in range(len(points)):
        x, y, z = points[row, 0], points[row, 1], points[row, 2]
        angle = 0.0
        top = 0
        stack[0] = 0
        while top >= 0:
            node = stack[top]
            top -= 1
            moment = moments[node]
            rx, ry, rz = moment[0] - x, moment[1] - y, moment[2] - z
            squared = rx * rx + ry * ry + rz * rz
            reach = opening * moment[3]
            if squared > reach * reach:
                inverse = 1.0 / squared
                # r·N / |r|³, and the change of that with r, contracted with the first moments
                along = rx * moment[4] + ry * moment[5] + rz * moment[6]
                trace = moment[7] + moment[11] + moment[15]
                bent = (
                    rx * (rx * moment[7] + ry * moment[8] + rz * moment[9])
                    + ry * (rx * moment[10] + ry * moment[11] + rz * moment[12])
                    + rz * (rx * moment[13] + ry * moment[14] + rz * moment[15])
                )
                angle += (along + trace - 3.0 * bent * inverse) * inverse * np.sqrt(inverse)
            elif node >= first_leaf:
                for place in range(ranges[node, 0], ranges[node, 1]):
                    angle += _solid_angle(corners[place], x, y, z)
            else:
                stack[top + 1], stack[top + 2] = 2 * node + 2, 2 * node + 1
                top += 2
        found[row] = angle / (4.0 * np.pi)


@inline
def _solid_angle(corner: np.ndarray, x: float, y: float, z: float) -> float:
    """The solid angle of a triangle (Van Oosterom & Strackee, 1983)."""
    ax, ay, az = corner[0, 0] - x, corner[0, 1] - y, corner[0, 2] - z
    bx, by, bz = corner[1, 0] - x, corner[1, 1] - y, corner[1, 2] - z
    cx, cy, cz = corner[2, 0] - x, corner[2, 1] - y, corner[2, 2] - z
    a = np.sqrt(ax * ax + ay * ay + az * az)
    b = np.sqrt(bx * bx + by * by + bz * bz)
    c = np.sqrt(cx * cx + cy * cy + cz * cz)
    volume = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    below = (
        a * b * c
        + (ax * bx + ay * by + az * bz) * c
        + (bx * cx + by * cy + bz * cz) * a
        + (cx * ax + cy * ay + cz * az) * b
    )
    return 2.0 * np.arctan2(volume, below)
