"""Which derivatives walk through a network together with its values."""

from dataclasses import dataclass
from typing import NamedTuple

from inr.field import Operator, Reads


@dataclass(frozen=True)
class Planes:
    """What every layer has of a point: its values, their derivatives by some axes, and what some operators give.

    The numbers of a point's planes are rows below each other: row `point * count + plane` of features and of tiles.
    Plane 0 are the values, then come the axes in order, then the operators.

    Attributes:
        axes: those of first derivatives, ascending; among them all that an operator reads, since the second derivative
            of a composition takes the first one of what is inside.
        operators: symmetric matrices (d, d), see `inr.field.Reads.second`.
    """

    axes: tuple[int, ...] = ()
    operators: tuple[Operator, ...] = ()

    @property
    def count(self) -> int:
        """Planes in all."""
        return 1 + len(self.axes) + len(self.operators)

    @property
    def order(self) -> int:
        """The highest order of a derivative among them."""
        return 2 if self.operators else int(bool(self.axes))


def planes_of(reads: Reads) -> Planes:
    """The planes by which a network comes to the derivatives that are read."""
    touched = {axis for operator in reads.second for axis, row in enumerate(operator) if any(row)}
    return Planes(tuple(sorted(touched | set(reads.first))), reads.second)


class Places(NamedTuple):
    """Where the planes are that are read: `first` of the axes of `Reads.first`, `second` of its operators."""

    first: tuple[int, ...]
    second: tuple[int, ...]


def places_of(reads: Reads) -> Places:
    """The numbers of the planes that are read."""
    planes = planes_of(reads)
    behind = 1 + len(planes.axes)
    return Places(
        tuple(1 + planes.axes.index(axis) for axis in reads.first),
        tuple(range(behind, behind + len(reads.second))),
    )
