"""The loss of an equation with its conditions, over pools of points."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from inr.engines import Batch, PointSet, Term
from inr.equations._problem import Problem
from inr.equations._terms import Lowered, Units
from inr.signals import PointPool, Points

_JUDGED = 512  # points by which the size of a residual is judged


class EquationLoss:
    """Mean squared residuals of all conditions, each divided by its size and multiplied by its weight.

    Args:
        problem: traced, in terms of what the network gives.
        units: of coordinates and values.
        counts: points of each condition's pool.
        shares: of a step's points, those of each condition.
        weights: by condition.
        seed: of the points.

    Attributes:
        derivative_order: highest that is read.
        terms: for engines, one a condition.
        pool: their points.
    """

    def __init__(
        self,
        problem: Problem,
        units: Units,
        counts: Sequence[int],
        shares: Sequence[float],
        weights: Sequence[float],
        seed: int,
    ) -> None:
        self._problem, self._half = problem, units.half
        self._draw = np.random.default_rng([seed, 1])
        judged = [each.place.draw(_JUDGED, self._uniform, self._half) for each in problem.conditions]
        self._lowered = [
            Lowered(each, problem, units, *points) for each, points in zip(problem.conditions, judged, strict=True)
        ]
        self.terms: Sequence[Term] = [
            replace(each.term, weight=weight) for each, weight in zip(self._lowered, weights, strict=True)
        ]
        self.derivative_order = max(term.reads.order for term in self.terms)
        self.pool = PointPool(problem.domain, [self.drawn(n, count) for n, count in enumerate(counts)], shares)

    def _uniform(self, count: int, dims: int) -> np.ndarray:
        return self._draw.random((count, dims))

    def drawn(self, which: int, count: int) -> Points:
        """New points of a condition, with its columns.

        Args:
            which: the condition.
            count: how many, about.
        """
        points, known = self._problem.conditions[which].place.draw(count, self._uniform, self._half)
        coords = np.asarray(self._problem.domain.coordinates(points), np.float32)
        return Points(coords, self._lowered[which].data(points, known).astype(np.float32))

    def points(self, batch: Batch) -> Sequence[PointSet]:
        """See `inr.engines.Local`."""
        return [PointSet(*map(torch.from_numpy, each)) for each in self.pool.points(batch.indices.cpu())]

    def reweigh(self, weights: Sequence[float]) -> None:
        """Give the terms other weights.

        Args:
            weights: one a condition.
        """
        self.terms = [replace(term, weight=float(each)) for term, each in zip(self.terms, weights, strict=True)]
