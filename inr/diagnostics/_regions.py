"""Where fits differ most: the parts of a signal that a sheet shows closely."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_SIDES = 48, 64, 96, 192  # pixels, which whole squares enlarge to one size
_SHOWN_WHOLE = 96  # pixels; pictures whose sides are no longer are one region
_LARGEST_SIDE_SHARE = 0.22  # of a region's side in the shorter side of the picture
_MOST_REGIONS = 3
_BEST_RUNS = 3  # between which the last region tells
_LEAST_DISTANCE = 1.4  # sides between the middles of two regions


@dataclass(frozen=True)
class Region:
    """A rectangle of a picture, or, one pixel high, a stretch of a line.

    Attributes:
        name: a letter.
        top, left, height, width: in pixels, or samples.
        why: what it was chosen for, in words.
    """

    name: str
    top: int
    left: int
    height: int
    width: int
    why: str

    @property
    def part(self) -> tuple[slice, slice]:
        """The rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def disagreement(errors: Sequence[Float[np.ndarray, "*shape"]]) -> Float[np.ndarray, "*shape"]:
    """Mean difference between any two of several errors, at every place; of one alone its own size."""
    ordered = np.sort(np.nan_to_num(np.stack(errors)), axis=0)
    count = len(ordered)
    if count == 1:
        return ordered[0]
    weights = (2 * np.arange(count) - (count - 1)).reshape(-1, *[1] * (ordered.ndim - 1))
    return (weights * ordered).sum(axis=0) * (2 / (count * (count - 1)))


def picture_regions(
    errors: Sequence[Float[np.ndarray, "h w"]],
    shape: tuple[int, int],
    *,
    sides: Sequence[int] = _SIDES,
    what: str = "fits",
) -> list[Region]:
    """Up to three squares of a picture: two lie where all fits differ most, one where the best do.

    Args:
        errors: of the fits, the best first, (h, w) at any scale.
        shape: height and width of the picture.
        sides: in ascending order, that a square may have in pixels.
        what: is compared, in words.
    """
    height, width = shape
    if max(shape) <= _SHOWN_WHOLE:
        return [Region("A", 0, 0, height, width, "all of it")]
    side = max((side for side in sides if side <= _LARGEST_SIDE_SHARE * min(shape)), default=sides[0])
    return _chosen(errors, shape, (min(side, height), min(side, width)), what)


def line_regions(errors: Sequence[Float[np.ndarray, " n"]], size: int, length: int) -> list[Region]:
    """Up to three stretches of a line, chosen as `picture_regions` chooses squares.

    Args:
        errors: of the fits, the best first, (n,) at any scale.
        size: samples of the line.
        length: samples of a stretch.
    """
    if length * 2 > size:
        return [Region("A", 0, 0, 1, size, "all of it")]
    return _chosen([error[None] for error in errors], (1, size), (1, length))


def _chosen(
    errors: Sequence[Float[np.ndarray, "h w"]], shape: tuple[int, int], side: tuple[int, int], what: str = "fits"
) -> list[Region]:
    everyone, best = disagreement(errors), disagreement(errors[:_BEST_RUNS])
    tell_best = len(errors) > _BEST_RUNS
    reasons = [f"where {what} differ most", "where else they differ"]
    reasons.append(f"where the best {_BEST_RUNS} differ" if tell_best else "and where else")
    taken: list[tuple[int, int]] = []
    for index in range(_MOST_REGIONS):
        corner = _best_corner(best if index == _MOST_REGIONS - 1 else everyone, shape, side, taken)
        if corner is None:
            break
        taken.append(corner)
    return [Region(name, *corner, *side, why) for name, corner, why in zip("ABC", taken, reasons, strict=False)]


def _best_corner(
    worth: Float[np.ndarray, "h w"], shape: tuple[int, int], side: tuple[int, int], taken: Sequence[tuple[int, int]]
) -> tuple[int, int] | None:
    """Top left corner of the rectangle with the most worth, away from those taken; None where there is no room."""
    sums = np.pad(worth.astype(np.float64), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    tops, low, high = _places(shape[0], side[0], worth.shape[0])
    lefts, left, right = _places(shape[1], side[1], worth.shape[1])
    total = sums[np.ix_(high, right)] - sums[np.ix_(low, right)] - sums[np.ix_(high, left)] + sums[np.ix_(low, left)]
    total /= (high - low)[:, None] * (right - left)
    for top, beside in taken:
        near = np.maximum((np.abs(tops - top) / side[0])[:, None], np.abs(lefts - beside) / side[1]) < _LEAST_DISTANCE
        total[near] = -1.0
    best = int(np.argmax(total))
    if total.flat[best] < 0:
        return None
    row, column = divmod(best, total.shape[1])
    return int(tops[row]), int(lefts[column])


def _places(size: int, side: int, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a rectangle may begin along an axis, an eighth of a side apart, and from which cell to which it reaches."""
    starts = np.unique(np.append(np.arange(0, size - side + 1, max(side // 8, 1)), size - side))
    return starts, starts * cells // size, -(-(starts + side) * cells // size)
