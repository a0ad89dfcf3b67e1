"""Losses by which a field becomes the distance to a surface of which only points are known."""

from collections.abc import Sequence
from typing import Annotated, Any

from inr._errors import InrError
from inr._parts import Part, Range
from inr.engines import At, Batch, PointSet, Term, point_sets
from inr.field import Reads
from inr.objectives._base import Ops, objectives
from inr.signals import OrientedSignal, Signal

_NORMAL = ("nx", "ny", "nz")
_SPACE = ("distance", "known")
SLOPES = Reads(first=(0, 1, 2))
_TINY = 1e-12  # keeps slopes of lengths finite where a gradient vanishes
# in which distance from the surface a field is kept from vanishing, as 1 / SIREN's 100
SHEET = 0.01


class Eikonal(Part):
    """What losses of points share: terms on the surface and in space, with what the points tell of space.

    Attributes:
        signal: of which the points are.
        terms: of the loss.
    """

    needs_normals = True

    def __init__(self, signal: Signal, far: float) -> None:
        if not isinstance(signal, OrientedSignal):
            raise InrError("this loss learns from points of a surface: open the shape with --as eikonal")
        if self.needs_normals and not signal.oriented:
            raise InrError("this loss needs normals, and these points have none; objective digs learns without them")
        self.signal, self._far = signal, far
        self.terms: Sequence[Term] = (
            Term("surface", SLOPES, self._surface, _NORMAL),
            Term("space", SLOPES, self._space),
            *([Term("far", Reads(), _missed, _SPACE, weight=far)] if far else []),
        )

    @staticmethod
    def _surface(ops: Ops, at: At) -> Any:
        raise NotImplementedError

    @staticmethod
    def _space(ops: Ops, at: At) -> Any:
        raise NotImplementedError

    def points(self, batch: Batch) -> Sequence[PointSet]:
        """Those of the surface; and those in space, for each term that reads them."""
        surface, space = point_sets(self.signal, batch)
        bare = PointSet(space.coords, space.data[:, :0])
        return [surface, bare, space] if self._far else [surface, bare]


def _missed(ops: Ops, at: At) -> Any:
    """How far a value is from a distance that is known."""
    return at.data["known"] * ops.abs(at.values[0] - at.data["distance"])


def length(ops: Ops, slope: Sequence[Any]) -> Any:
    """Of a gradient; its slope is finite where the gradient vanishes."""
    return ops.root(sum(each * each for each in slope) + _TINY)


def _across(ops: Ops, at: At) -> Any:
    """1 less the cosine between gradient and normal."""
    slope = at.first[0]
    along = sum(each * at.data[name] for each, name in zip(slope, _NORMAL, strict=True))
    return 1 - along * ops.reciprocal(length(ops, slope))


Far = Annotated[float, Range(0), "weight of distances to the points, where they are far and their sign is sure"]


@objectives.register(
    "siren-sdf",
    source="Sitzmann et al., Implicit Neural Representations with Periodic Activation Functions, NeurIPS 2020",
    formula="1500 |f| + 50 (1 − cos∠(∇f, n)) + 25 |‖∇f‖ − 1| on the surface, 50 exp(−100 |f|) + 25 |‖∇f‖ − 1| in "
    "space, and far · |f − d| where the points' distance d is known",
    limits="far=0 is as published, and leaves sheets in space where there is no surface",
)
class SirenDistance(Eikonal):
    """SIREN's loss of oriented points, and distances where the points tell them.

    The published weights are of means over all points, of which half are on the surface: those here are of the means of
    the halves.

    Args:
        signal: points, as `inr.signals.from_points` gives them.
    """

    def __init__(self, signal: Signal, *, far: Far = 300.0) -> None:
        super().__init__(signal, far)

    @staticmethod
    def _surface(ops: Ops, at: At) -> Any:
        norm = length(ops, at.first[0])
        return 1500 * ops.abs(at.values[0]) + 50 * _across(ops, at) + 25 * ops.abs(norm - 1)

    @staticmethod
    def _space(ops: Ops, at: At) -> Any:
        norm = length(ops, at.first[0])
        return 50 * ops.exp(-ops.abs(at.values[0]) / SHEET) + 25 * ops.abs(norm - 1)


@objectives.register(
    "igr",
    source="Gropp et al., Implicit Geometric Regularization for Learning Shapes, ICML 2020",
    formula="|f| + ‖∇f − n‖ on the surface, 0.1 (‖∇f‖ − 1)² in space, and far · |f − d| where d is known",
    limits="published with softplus layers and an initial sphere",
)
class ImplicitGeometric(Eikonal):
    """Implicit geometric regularisation of oriented points, and distances where the points tell them.

    Args:
        signal: points, as `inr.signals.from_points` gives them.
    """

    def __init__(self, signal: Signal, *, far: Far = 1.0) -> None:
        super().__init__(signal, far)

    @staticmethod
    def _surface(ops: Ops, at: At) -> Any:
        off = [each - at.data[name] for each, name in zip(at.first[0], _NORMAL, strict=True)]
        return ops.abs(at.values[0]) + length(ops, off)

    @staticmethod
    def _space(ops: Ops, at: At) -> Any:
        miss = length(ops, at.first[0]) - 1
        return 0.1 * miss * miss
