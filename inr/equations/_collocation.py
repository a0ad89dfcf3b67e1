"""Equations solved by steps: a field is fitted to its residuals at points that are renewed where they are large."""

import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from inr.activations import FUNCTIONS
from inr.engines import NUMBERS, Batch, DerivativePlan, PointSet, local_loss
from inr.equations._numbers import WithNumbers
from inr.equations._objective import EquationLoss, PooledLoss
from inr.fitting import Event, Fitter, dense

_BALANCE_EVERY, _MEMORY = 100, 0.9  # steps, and the share of their weights that conditions keep
_RENEW_EVERY = 100  # steps
_SHARE = 0.75  # of a step's points, for the equation where there are conditions
_CANDIDATES = 2  # for each point of a pool
_BLOCK = 4_096
_BETWEEN_STEPS, _AT_THE_END = 2, 3  # of what a seed decides


class CollocationFit:
    """A fit whose pools of points are renewed and whose conditions are balanced between its steps.

    Points of the equation are drawn with a chance that grows with the residual, p ∝ |r|/mean |r| + 1 (Wu, Zhu, Tan,
    Kartha and Lu, "A comprehensive study of non-adaptive and residual-based adaptive sampling for physics-informed
    neural networks", 2023); those of conditions uniformly. Weights of conditions equalise the norms of their gradients
    (Wang, Sankaran, Wang and Perdikaris, "An expert's guide to training physics-informed neural networks", 2023).

    Args:
        fitter: the fit, whose signal is the loss's pool.
        loss: what it minimises.
        given: weights of the equation and of each condition, which balancing keeps as factors.
        balance: whether conditions are balanced.
        adaptive: whether points are drawn by residual.
        seed: of the choice of points.
    """

    def __init__(
        self, fitter: Fitter, loss: PooledLoss, *, given: Sequence[float], balance: bool, adaptive: bool, seed: int
    ) -> None:
        self.fitter, self._loss, self._balance, self._adaptive = fitter, loss, balance, adaptive
        self._given, self._seed = np.array(given), seed

    def run(self) -> Iterator[Event]:
        """See `Fitter.run`; what is done between steps is done when the next event is asked for."""
        for event in self.fitter.run():
            yield event
            if event.kind == "step" and event.step < event.steps:
                # a function of the seed and the step, so that fits that were interrupted go on as if they had not been
                draw = np.random.default_rng([self._seed, _BETWEEN_STEPS, event.step])
                if self._balance and event.step % _BALANCE_EVERY == 1:
                    self._rebalance(draw, first=event.step == 1)
                if event.step % _RENEW_EVERY == 0:
                    self._renew(draw)

    def residual(self) -> float:
        """Mean square of the equation's residual at new points, relative to its size and to that of the values."""
        which = self._loss.drawn(0, _BLOCK, np.random.default_rng([self._seed, _AT_THE_END]))
        pool = self._loss.pool
        count = min(len(which.coords), len(pool.sets[0].coords))
        pool.renew(0, np.arange(count), type(which)(which.coords[:count], which.data[:count]))
        self._loss.reweigh([1.0] * self._conditions)
        batch = Batch(torch.arange(count))
        result = self.fitter.plan.loss_and_grad(self._tensors(), batch)
        values = self.fitter.execute(result.coords)
        return float(result.residuals.mean()) / max(float(values.square().mean()), 1e-30)

    def numbers(self) -> dict[str, float]:
        """Numbers that were learned, by name, in own units."""
        parametrisation = self.fitter.parametrisation
        return parametrisation.numbers() if isinstance(parametrisation, WithNumbers) else {}

    def _tensors(self) -> dict[str, Tensor]:
        return dict(self.fitter.parametrisation.materialise(1.0))

    def _rebalance(self, draw: np.random.Generator, *, first: bool) -> None:
        """Bring the gradients of the conditions to one size, times their given weights, at once or by and by."""
        pool, count = self._loss.pool, self._conditions
        if count < 2:
            return
        before = np.array(self._loss.weights)
        self._loss.reweigh([1.0] * count)
        norms = np.zeros(count)
        for which, (start, stop) in enumerate(zip(pool.starts, pool.starts[1:], strict=False)):
            share = max(round(self.fitter.batch * pool.shares[which]), 1)
            rows = np.sort(draw.choice(stop - start, min(share, stop - start), replace=False)) + start
            found = self.fitter.plan.loss_and_grad(self._tensors(), Batch(torch.from_numpy(rows)))
            norms[which] = math.sqrt(sum(float(dense(grad).square().sum()) for grad in found.grads.values()))
        wanted = self._given * norms.sum() / np.maximum(norms, 1e-6 * norms.sum() + 1e-30)
        wanted *= count / wanted.sum()
        self._loss.reweigh((wanted if first else _MEMORY * before + (1 - _MEMORY) * wanted).tolist())

    @property
    def _conditions(self) -> int:
        return len(self._loss.pool.sets)

    def _renew(self, draw: np.random.Generator) -> None:
        """Draw the points of all conditions again."""
        for which, old in enumerate(self._loss.pool.sets):
            size = len(old.coords)
            by_residual = which == 0 and self._adaptive and isinstance(self._loss, EquationLoss)
            found = self._loss.drawn(which, size * (_CANDIDATES if by_residual else 1), draw)
            rows = np.arange(len(found.coords))
            if by_residual:
                rows = self._by_residual(found.coords, found.data, draw)
            elif len(rows) != size:  # boxes round their shares
                rows = np.resize(rows, size)
            rows = rows[:size]
            new = type(old)(found.coords[rows], found.data[rows])
            self._loss.pool.renew(which, np.arange(len(rows)), new)

    def _by_residual(self, coords: np.ndarray, data: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """Candidates in an order in which a part at the front is drawn with the wanted chances."""
        assert isinstance(self._loss, EquationLoss)
        term, plan = self._loss.terms[0], self.fitter.plan
        assert isinstance(plan, DerivativePlan)
        tensors = self._tensors()
        weights = dict(self.fitter.parametrisation.weights())
        numbers = {name.removeprefix(NUMBERS): each for name, each in tensors.items() if name not in weights}
        losses = []
        for start in range(0, len(coords), _BLOCK):
            part = PointSet(
                *(torch.from_numpy(each[start : start + _BLOCK]).to(plan.device) for each in (coords, data))
            )
            _, found = local_loss([term], [part], functools.partial(plan.jet, weights), FUNCTIONS, numbers)
            losses.append(found[:, 0].cpu().numpy())
        sizes = np.sqrt(np.concatenate(losses))
        chances = np.nan_to_num(sizes / (sizes.mean() + 1e-30)) + 1
        return np.argsort(draw.exponential(size=len(chances)) / chances)  # sampling without replacement


def counts(batch: int, conditions: int, pool: int) -> tuple[list[int], list[float]]:
    """Points of each condition's pool, and its share of a step: the equation's is 3/4 beside others.

    Args:
        batch: points a step.
        conditions: how many, the equation included.
        pool: times the points of a step.

    Returns:
        Numbers of points, and shares with the sum 1, the equation's first.
    """
    others = max(conditions - 1, 1)
    shares: Sequence[float] = [_SHARE] + [(1 - _SHARE) / others] * (conditions - 1) if conditions > 1 else [1.0]
    return [max(round(pool * batch * share), 16) for share in shares], list(shares)
