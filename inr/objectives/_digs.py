"""The loss of points without normals: what is not known of directions is asked to have no sources."""

from collections.abc import Sequence
from typing import Any

import torch

from inr.engines import At, Batch, PointSet, Term
from inr.field import Reads, laplace
from inr.objectives._base import Ops, objectives
from inr.objectives._eikonal import SHEET, Eikonal, Far, length
from inr.signals import Signal

_LEAST, _MOST = 0.1, 50.0  # what divergences are clipped to
_UNTIL, _GONE = 0.2, 0.4  # shares of a fit up to which the divergence counts in full, and from which on it does not


@objectives.register(
    "digs",
    source="Ben-Shabat et al., DiGS: Divergence Guided Shape Implicit Neural Representation for Unoriented Point "
    "Clouds, CVPR 2022",
    formula="3000 |f| + 25 |‖∇f‖ − 1| on the surface, 100 exp(−100 |f|) + 25 |‖∇f‖ − 1| + 100 τ min(max(|Δf|, 0.1), "
    "50) in space, and far · |f − d| where the points' distance d is known; τ falls from 1 to 0 between 20 % and 40 % "
    "of the steps",
    limits="takes activations with third derivatives; what is inside is guessed from what can be reached from outside",
)
class DivergenceGuided(Eikonal):
    """Divergence-guided learning of points, with or without normals, which it does not look at.

    Gradients of a distance have no sources away from edges and from its medial axis. A penalty of the divergence makes
    fields smooth at first, and is taken away before they learn details.

    Args:
        signal: points, as `inr.signals.from_points` gives them.
    """

    needs_normals = False

    def __init__(self, signal: Signal, *, far: Far = 300.0) -> None:
        super().__init__(signal, far)
        self.terms = (*self.terms, Term("divergence", Reads(second=(laplace(3),)), _divergence))
        self._weight = 1.0

    def progress(self, done: float) -> None:
        """See `inr.engines.Scheduled`."""
        self._weight = min(max((_GONE - done) / (_GONE - _UNTIL), 0.0), 1.0)

    def points(self, batch: Batch) -> Sequence[PointSet]:
        """As of other losses of points; and those in space for the divergence, none when that has no weight."""
        found = super().points(batch)
        space = found[1]
        if not self._weight:
            return [*found, PointSet(space.coords[:0], space.data[:0])]
        return [*found, PointSet(space.coords, space.data, torch.full_like(space.coords[:, 0], self._weight))]

    @staticmethod
    def _surface(ops: Ops, at: At) -> Any:
        return 3000 * ops.abs(at.values[0]) + 25 * ops.abs(length(ops, at.first[0]) - 1)

    @staticmethod
    def _space(ops: Ops, at: At) -> Any:
        return 100 * ops.exp(-ops.abs(at.values[0]) / SHEET) + 25 * ops.abs(length(ops, at.first[0]) - 1)


def _divergence(ops: Ops, at: At) -> Any:
    size = ops.abs(at.second[0][0])
    return 100 * (_LEAST + ops.relu(size - _LEAST) - ops.relu(size - _MOST))
