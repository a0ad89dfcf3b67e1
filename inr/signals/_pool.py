"""Points to learn from that are drawn, not measured: in sets, with numbers of their own, replaced beside the steps."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from inr._errors import InrError
from inr._tensor import Tensor
from inr.signals._domain import Domain
from inr.signals._signal import Signal


class Points(NamedTuple):
    """A set of points.

    Attributes:
        coords: float32 (n, d), in [-1, 1].
        data: float32 (n, k), numbers of each point: a target, a normal.
    """

    coords: np.ndarray
    data: np.ndarray


class PointPool(Signal):
    """Sets of points, numbered one set after the other: what a fit learns from that has no samples of values.

    Args:
        domain: what coordinates and values of the field mean.
        sets: the points of each.
        shares: of a step's points, those that come from each set; in proportion to the sets' sizes where None.

    Attributes:
        starts: the number of the first point of each set, and the number of all points.
        shares: as given, with the sum 1.

    Raises:
        InrError: sets that differ in the number of coordinates from the domain, or have none at all.
    """

    def __init__(self, domain: Domain, sets: Sequence[Points], shares: Sequence[float] | None = None) -> None:
        super().__init__(np.zeros((1, domain.channels), np.float32), domain)
        if not sets or not all(
            each.coords.ndim == 2 and each.coords.shape[1] == domain.in_dim and len(each.coords) == len(each.data)
            for each in sets
        ):
            raise InrError(f"each set has coordinates (n, {domain.in_dim}) and as many rows of numbers")
        self.sets = [Points(*(np.array(part, np.float32, order="C") for part in each)) for each in sets]
        sizes = [len(each.coords) for each in sets]
        self.starts = tuple(np.cumsum([0, *sizes]).tolist())
        if not self.starts[-1]:
            raise InrError("there are no points to learn from")
        weights = np.array(sizes if shares is None else shares, np.float64) * (np.array(sizes) > 0)
        self.shares = tuple((weights / weights.sum()).tolist())

    @property
    def size(self) -> int:
        """Number of points of all sets."""
        return self.starts[-1]

    def points(self, indices: Int[Tensor, " n"]) -> list[Points]:
        """The points of some numbers, by set.

        Args:
            indices: int64 (n,), those of a set together and sets in order, as teacher "sets" gives them.

        Returns:
            One for each set, some of them perhaps empty.
        """
        numbers = indices.cpu().numpy()
        ends = np.searchsorted(numbers, self.starts)
        found = []
        for each, start, first, last in zip(self.sets, self.starts, ends[:-1], ends[1:], strict=False):
            rows = numbers[first:last] - start
            found.append(Points(each.coords[rows], each.data[rows]))
        return found

    def renew(self, which: int, rows: np.ndarray, points: Points) -> None:
        """Replace points of a set.

        Args:
            which: the set.
            rows: int64 (n,), within the set.
            points: as many.
        """
        self.sets[which].coords[rows] = points.coords
        self.sets[which].data[rows] = points.data

    def coords(self, indices: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """Coordinates of points, float32 (n, d)."""
        import torch

        everything = np.concatenate([each.coords for each in self.sets])
        return torch.from_numpy(everything[indices.numpy()])

    def values(self, indices: Int[Tensor, " n"]) -> Float[Tensor, "n c"]:
        """Zeros: the points have no values, and objectives say what the field should be there."""
        import torch

        return torch.zeros((len(indices), self.channels))

    def _coords_of(self, start: int, stop: int) -> Float[Tensor, "n d"]:
        import torch

        return self.coords(torch.arange(start, stop))
