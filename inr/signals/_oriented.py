"""Points of a surface and points in the space around it: what is known of a shape that was only scanned."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float
from scipy.ndimage import label
from scipy.spatial import cKDTree

from inr.geometry import Windings, build_tree, closest, space_filling
from inr.signals._domain import Domain
from inr.signals._pool import PointPool, Points
from inr.signals._solid import Solid

_SPACE = 1 << 18  # points in space
_NEAR, _SPREAD = 0.25, 0.05  # share of them that are near the surface, and the standard deviation of how near
_NEIGHBOURS = 8
_CELLS = 64  # along each axis, by which it is told what points enclose
_GAP = 4.0  # spacings between points of a surface that leave no hole
# from where on a distance to points is one to their surface, in spacings of the points; and how far a winding number is
# from one half where it is sure
_FAR, _CLEAR = 3.0, 0.25


class OrientedSignal(PointPool):
    """Points of a surface with normals, and points in space with what the first tell of them.

    Where a point in space is some spacings away from the surface, its distance to the nearest point is one to the
    surface, and its sign is that of the points' winding number (Barill et al., Fast Winding Numbers for Soups and
    Clouds, 2018): a field that learns these has no sheets where there is no surface. Where there are no normals, what
    can be reached from the box's sides without passing the points is outside, and the largest part of the rest inside.

    Args:
        positions: in [-1, 1]³, float64 (n, 3).
        normals: unit vectors, float64 (n, 3), outwards; None where they are not known.
        domain: as `shape_domain` gives it.
        solid: that the points are of, where it is known: nothing is learned from it, and fits are measured by it.
        seed: of the points in space.

    Attributes:
        oriented: whether normals are known.
        spacing: of the points, in coordinates: the median distance to the nearest other one.
    """

    usual_size: ClassVar[int] = 1 << 17
    SURFACE, SPACE = 0, 1  # the sets

    def __init__(
        self,
        positions: Float[np.ndarray, "n 3"],
        normals: Float[np.ndarray, "n 3"] | None,
        domain: Domain,
        *,
        solid: Solid | None = None,
        seed: int = 0,
    ) -> None:
        self.oriented, self.solid = normals is not None, solid
        near = min(_NEIGHBOURS + 1, len(positions))
        distances = cKDTree(positions).query(positions, near, workers=-1)[0]
        self.spacing = float(np.median(distances[:, 1]))
        draw = np.random.default_rng(seed)
        count = round(_NEAR * _SPACE)
        around = positions[draw.integers(len(positions), size=count)] + draw.normal(scale=_SPREAD, size=(count, 3))
        space = np.concatenate((np.clip(around, -1, 1), draw.uniform(-1, 1, (_SPACE - count, 3))))
        space = space[space_filling(space)]
        # as many discs of equal areas as a point has neighbours fill the disc out to the farthest of them
        areas = np.pi * distances[:, -1] ** 2 / (near - 1)
        flakes = build_tree(_flakes(positions, normals, areas))
        away = np.sqrt(closest(flakes, space).squared)
        known = (away > _FAR * self.spacing).astype(np.float64)
        winding = _enclosed(positions, space, self.spacing) if normals is None else Windings.of(flakes).at(space)
        known *= np.abs(winding - 0.5) > _CLEAR
        away = np.where(winding > 0.5, -away, away)
        directions = np.zeros_like(positions) if normals is None else normals
        sets = [Points(positions, directions), Points(space, np.stack((away, known), 1))]
        super().__init__(domain, sets, shares=(0.5, 0.5))

    @property
    def sources(self) -> tuple[np.ndarray, ...]:
        """See `Signal.sources`."""
        return tuple(self.sets[self.SURFACE])


def _enclosed(
    positions: Float[np.ndarray, "n 3"], space: Float[np.ndarray, "m 3"], spacing: float
) -> Float[np.ndarray, " m"]:
    """Whether points are enclosed by others: 1 where they are, 0 where they are not, 1/2 where it can't be told."""
    centres = (np.arange(_CELLS) + 0.5) * (2 / _CELLS) - 1
    lattice = np.stack(np.meshgrid(centres, centres, centres, indexing="ij"), -1)
    closed = max(np.sqrt(3) / _CELLS, _GAP * spacing)  # a point in the cell makes it one that can't be passed
    free = cKDTree(positions).query(lattice, workers=-1)[0] > closed
    parts, _ = label(np.pad(free, 1, constant_values=True))
    outside = parts[0, 0, 0]
    parts = parts[1:-1, 1:-1, 1:-1]
    sizes = np.bincount(parts.ravel(), minlength=outside + 1)
    sizes[[0, outside]] = 0
    told = np.full(len(sizes), 0.5)
    told[outside] = 0.0
    if sizes.any():
        told[sizes.argmax()] = 1.0
    cells = np.clip(((space + 1) * (_CELLS / 2)).astype(np.int64), 0, _CELLS - 1)
    return told[parts[tuple(cells.T)]]


def _flakes(
    positions: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"] | None, areas: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n 3 3"]:
    """A small triangle at each point, of a normal and an area; a mere point where there are no normals."""
    if normals is None:
        return np.repeat(positions[:, None], 3, axis=1)
    axis = np.eye(3)[np.abs(normals).argmin(1)]
    first = np.cross(normals, axis)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(normals, first)
    radius = np.sqrt(areas / (0.75 * np.sqrt(3)))[:, None]  # of the circle around an equilateral triangle
    turns = [2 * np.pi * corner / 3 for corner in range(3)]
    return np.stack([positions + radius * (np.cos(t) * first + np.sin(t) * second) for t in turns], 1)
