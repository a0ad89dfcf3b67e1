"""Where rays meet a shape: sphere tracing, from brick to brick of those that may hold a part of the surface."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from inr._errors import InrError
from inr.geometry import candidate_bricks
from inr.jit import inline, kernel
from inr.shapes._implicit import Implicit, NoSurface, clearance

_BRICKS = 128  # along each axis of the box
_SIDE = 2 / _BRICKS
_GROUP = 8  # bricks along each axis that rays pass at once where all are empty
_STEPS = 128  # of a ray, at most
_BISECTIONS = 6  # of a step in which the sign changes
_SHARE = 0.9  # of the distance that is surely free, which a step goes
_SEEN = 1.5  # times as far as the bound says: by the steepest slope that was seen; a change of sign is seen anyway
_PATIENCE = 8  # steps
_LEAST_STEP = 0.02  # of a brick's side, of signed distances; of occupancies, which know of no distance:
_FIXED_STEP = 0.25
_AT_ONCE = 1 << 19  # rays


class Scene:
    """A shape, prepared for rays.

    Args:
        shape: in space.

    Attributes:
        shape: as given.
        occupied: bricks that may hold a part of the surface, bool (z, y, x), of [-1, 1]³.
        middles: of those bricks, float64 (k, 3).
        side: of a brick.
        centre: of the box around those bricks, float64 (3,).
        radius: from there to the farthest brick's farthest corner.
        reach: up to what distance from the surface the shape knows distances, in units of [-1, 1]; 0 of occupancies.

    Raises:
        InrError: a shape of the plane, or one without a surface.
    """

    def __init__(self, shape: Implicit) -> None:
        if shape.dimensions != 3:
            raise InrError("a shape of the plane is not drawn from an angle; inr mesh writes its outline as .svg")
        self.shape, self.side = shape, _SIDE
        bound = clearance(shape)
        found = candidate_bricks(shape.values, _BRICKS, bound=bound)
        if not len(found):
            raise NoSurface("the field has no surface inside its box: it has one sign throughout")
        self.occupied = np.zeros((_BRICKS,) * 3, bool)
        self.occupied[tuple(found.T[::-1])] = True
        parts = self.occupied.reshape((_BRICKS // _GROUP, _GROUP) * 3)
        self._coarse = parts.any(axis=(1, 3, 5))
        self.middles = (found + 0.5) * _SIDE - 1
        self.centre = (self.middles.min(0) + self.middles.max(0)) / 2
        self.radius = float(np.linalg.norm(self.middles - self.centre, axis=1).max()) + _SIDE
        self._clearance = bound
        self._least = (_FIXED_STEP if bound is None else _LEAST_STEP) * _SIDE
        self.reach = 0.0
        if shape.unit is not None:
            points = np.random.default_rng(0).uniform(-1, 1, (4096, 3)).astype(np.float32)
            self.reach = float(np.quantile(np.abs(shape.values(points)), 0.95)) * shape.unit

    def hits(self, origin: Float[np.ndarray, "3"], directions: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """How far rays go until they meet the surface.

        Args:
            origin: of all rays, outside of the shape, float64.
            directions: unit vectors, float32.

        Returns:
            Distances, float32; infinite for rays that miss.
        """
        parts = [
            self._hits(origin, directions[start : start + _AT_ONCE]) for start in range(0, len(directions), _AT_ONCE)
        ]
        return np.concatenate([np.zeros(0, np.float32), *parts])

    def _hits(self, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
        rays = np.arange(len(directions))
        ahead = np.empty(len(rays))
        _enter_box(origin, directions, ahead)
        behind = ahead.copy()  # the last place that is known to be outside
        crossed: list[tuple[np.ndarray, ...]] = []  # rays, the last place outside, the first one inside
        for taken in range(_STEPS):
            _skip_empty(origin, directions, rays, ahead, behind, self.occupied, self._coarse)
            left = ahead < np.inf
            rays, ahead, behind = rays[left], ahead[left], behind[left]
            if not len(rays):
                break
            values = self._along(origin, directions, rays, ahead)
            inside, left = values < 0, values >= 0
            crossed.append((rays[inside], behind[inside], ahead[inside]))
            rays, behind = rays[left], ahead[left]
            steps = 0.0 if self._clearance is None else self._clearance(values[left]) * (_SHARE * _SEEN)
            # the longer a ray goes beside the surface, the less it stops for
            ahead = behind + np.maximum(steps, self._least * (1 + taken / _PATIENCE))
        found = np.full(len(directions), np.inf, np.float32)
        if crossed:
            chosen, outside, beyond = (np.concatenate(parts) for parts in zip(*crossed, strict=True))
            found[chosen] = self._bisected(origin, directions, chosen, outside, beyond)
        return found

    def _along(self, origin: np.ndarray, directions: np.ndarray, rays: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        points = origin + directions[rays] * ahead[:, None]
        return self.shape.values(points.astype(np.float32))

    def _bisected(
        self, origin: np.ndarray, directions: np.ndarray, rays: np.ndarray, outside: np.ndarray, inside: np.ndarray
    ) -> np.ndarray:
        """Where the sign changes between two places of each ray."""
        for _ in range(_BISECTIONS):
            middle = (outside + inside) / 2
            beyond = self._along(origin, directions, rays, middle) < 0
            inside, outside = np.where(beyond, middle, inside), np.where(beyond, outside, middle)
        return (outside + inside) / 2

    def normals(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Unit vectors outwards, float32, at points of the surface."""
        slopes = self.shape.gradients(points, _SIDE / 8)
        return slopes / np.maximum(np.linalg.norm(slopes, axis=1, keepdims=True), np.finfo(np.float32).tiny)


def in_parts(
    function: Callable[[np.ndarray], np.ndarray], points: Float[np.ndarray, "n 3"]
) -> Float[np.ndarray, "n columns"]:
    """What a function gives at points, a part of them at a time."""
    return np.concatenate([function(points[start : start + _AT_ONCE]) for start in range(0, len(points), _AT_ONCE)])


@kernel
def _enter_box(origin: np.ndarray, directions: np.ndarray, ahead: np.ndarray) -> None:
    """How far rays go until they are in [-1, 1]³; infinite for those that miss it."""
    for row in range(len(directions)):
        low, high = 0.0, np.inf
        for axis in range(3):
            along = np.float64(directions[row, axis])
            if along != 0:
                one, other = (-1 - origin[axis]) / along, (1 - origin[axis]) / along
                low, high = max(low, min(one, other)), min(high, max(one, other))
            elif abs(origin[axis]) > 1:
                high = -1.0
        ahead[row] = low if low <= high else np.inf


@inline
def _cell(place: float, count: int) -> int:
    return min(max(int(np.floor((place + 1) * (0.5 * count))), 0), count - 1)


@inline
def _leaves(origin: np.ndarray, directions: np.ndarray, ray: int, cell: tuple[int, int, int], side: float) -> float:
    """How far a ray goes until it leaves a cell, x, y, z, of cells of some side."""
    found = np.inf
    for axis in range(3):
        along = np.float64(directions[ray, axis])
        if along != 0:
            wall = -1 + side * (cell[axis] + (1 if along > 0 else 0))
            found = min(found, (wall - origin[axis]) / along)
    return found


@kernel
def _skip_empty(
    origin: np.ndarray,
    directions: np.ndarray,
    rays: np.ndarray,
    ahead: np.ndarray,
    behind: np.ndarray,
    occupied: np.ndarray,
    coarse: np.ndarray,
) -> None:
    """Move rays on to the first brick that may hold a part of the surface; those that moved are outside there."""
    count, groups = occupied.shape[0], coarse.shape[0]
    for row in range(len(rays)):
        ray, place, moved = rays[row], ahead[row], False
        while place < np.inf:
            x = origin[0] + directions[ray, 0] * place
            y = origin[1] + directions[ray, 1] * place
            z = origin[2] + directions[ray, 2] * place
            if max(abs(x), abs(y), abs(z)) > 1 + 1e-6:
                place = np.inf
                break
            cell = (_cell(x, count), _cell(y, count), _cell(z, count))
            if occupied[cell[2], cell[1], cell[0]]:
                break
            group = (_cell(x, groups), _cell(y, groups), _cell(z, groups))
            if coarse[group[2], group[1], group[0]]:
                leaves = _leaves(origin, directions, ray, cell, 2.0 / count)
            else:
                leaves = _leaves(origin, directions, ray, group, 2.0 / groups)
            place, moved = max(leaves, place) + 1e-6, True
        ahead[row] = place
        if moved:
            behind[row] = place
