"""The loss of an equation with its conditions, over pools of points."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from inr.engines import Batch, PointSet, Term, point_sets
from inr.equations._places import QuasirandomSequence
from inr.equations._problem import Problem
from inr.equations._terms import Lowered, Units
from inr.signals import PointPool, Points

Columns = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Drawn(NamedTuple):
    """How points are drawn.

    Attributes:
        counts: points of each condition's pool.
        shares: of a step's points, those of each condition.
        weights: of the conditions in the loss.
        seed: of the points.
    """

    counts: Sequence[int]
    shares: Sequence[float]
    weights: Sequence[float]
    seed: int


_JUDGED = 512  # points by which the size of a residual is judged


class PooledLoss:
    """Mean squared residuals of all conditions, times their weights, over a pool of points.

    Args:
        problem: in terms of what the network gives.
        half: of the extent of each axis.
        drawn: how many points of each condition, and their weights.
        terms: of the loss, one a condition.
        columns: of each condition, points (n, d) in own units and what is known there to what they bring, (n, k).

    Attributes:
        terms: for engines, one a condition.
        pool: their points.
    """

    def __init__(
        self, problem: Problem, half: Sequence[float], drawn: Drawn, terms: Sequence[Term], columns: Sequence[Columns]
    ) -> None:
        self._problem, self._half, self._columns = problem, half, columns
        self.terms: Sequence[Term] = terms
        self.reweigh(drawn.weights)
        draw = np.random.default_rng([drawn.seed, 1])
        pools = [self.drawn(which, count, draw) for which, count in enumerate(drawn.counts)]
        self.pool = PointPool(problem.domain, pools, drawn.shares)

    def drawn(self, which: int, count: int, draw: np.random.Generator) -> Points:
        """New points of a condition, with what they bring.

        Args:
            which: the condition.
            count: how many, about.
            draw: gives the places.
        """
        place = self._problem.conditions[which].place
        points, known = place.draw(count, lambda n, dims: draw.random((n, dims)), self._half)
        coords = np.asarray(self._problem.domain.coordinates(points), np.float32)
        return Points(coords, self._columns[which](points, known).astype(np.float32))

    def points(self, batch: Batch) -> Sequence[PointSet]:
        """See `inr.engines.Local`."""
        return point_sets(self.pool, batch)

    def reweigh(self, weights: Sequence[float]) -> None:
        """Give the terms other weights.

        Args:
            weights: one a condition.
        """
        self.terms = [replace(term, weight=float(each)) for term, each in zip(self.terms, weights, strict=True)]

    @property
    def weights(self) -> list[float]:
        """Of the terms, one a condition."""
        return [term.weight for term in self.terms]

    def state(self) -> dict[str, Tensor]:
        """See `inr.engines.Stateful`: all points, float32, and the weights, float64."""
        sets = {
            f"{name}.{which}": torch.from_numpy(array)
            for which, points in enumerate(self.pool.sets)
            for name, array in zip(points._fields, points, strict=True)
        }
        return {"weights": torch.tensor(self.weights, dtype=torch.float64), **sets}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `inr.engines.Stateful`."""
        self.reweigh(state["weights"].tolist())
        for which, points in enumerate(self.pool.sets):
            for name, array in zip(points._fields, points, strict=True):
                array[...] = state[f"{name}.{which}"].numpy()


class EquationLoss(PooledLoss):
    """The loss that engines have kernels for: each residual is divided by its size.

    Args:
        problem: traced, in terms of what the network gives.
        units: of coordinates and values.
        drawn: how many points of each condition, and their weights.

    Attributes:
        lowered: the conditions as terms.

    Raises:
        NoTerm: a condition that engines have no term for.
    """

    def __init__(self, problem: Problem, units: Units, drawn: Drawn) -> None:
        self.lowered = [
            Lowered(each, problem, units, *each.place.draw(_JUDGED, QuasirandomSequence(drawn.seed), units.half))
            for each in problem.conditions
        ]
        terms, columns = [each.term for each in self.lowered], [each.data for each in self.lowered]
        super().__init__(problem, units.half, drawn, terms, columns)
