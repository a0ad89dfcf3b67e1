"""The samples that a field misses most."""

from collections.abc import Mapping
from typing import Annotated

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inr._parts import Range
from inr.engines import Batch
from inr.signals import Signal
from inr.teaching._base import Scorer, Teacher, teachers
from inr.teaching._choice import largest, others
from inr.teaching._schedules import Interval, Schedule, count, ratio, selects
from inr.teaching._uniform import Uniform

_OTHERS = 0xFFFFFFFF  # turns a step's number into one that no step has, for a second draw


@teachers.register(
    "int",
    source="Zhang et al., ICML 2024",
    formula="argmax-k of ‖f(x) − y(x)‖ over a pool, renewed at intervals",
    limits="scores a pool by forward passes; learns outliers first",
)
class INT(Teacher):
    """Learn from the samples with the largest residuals (nonparametric teaching).

    At a step that selects, the field is evaluated at a pool of samples, each is scored by the sum over channels of
    its absolute residuals, and the ⌊ratio x pool⌋ highest scores (at least one; of equal ones those that come first)
    are learned from. Until the next such step that subset stays as it is, its size too. Where the ratio has reached
    1, or nothing is selected ("void"), steps are those of the teacher "uniform", and nothing is scored.

    The pool is the whole signal where the batch is as large, which is the published setting. Where it is smaller,
    every selection draws a pool of `batch` samples, as the teacher "uniform" does, in the spirit of the published
    protocol for pictures of many megapixels; there, though, one selection goes through all pools of the picture.

    Scores are of the weights as they stand, so a pass is made for each selection: the residuals that the step before
    returned are of the weights before its update.

    With `mix`, ⌊mix x subset⌋ of the subset are not the highest of the pool but drawn from all others of the pool,
    every one as likely: against outliers, which the highest scores would chase. At 1 all are drawn, and none scored.

    The loss of a fit is that of the subset: higher than the whole signal's.
    """

    def __init__(
        self,
        *,
        ratio: Annotated[float, Range(0, 1, above=True), "share of the pool to learn from, at the start"] = 0.2,
        schedule: Annotated[Schedule, "how the ratio changes until the end"] = "step",
        interval: Annotated[Interval, "at which steps samples are chosen anew; void: at none, all are used"] = (
            "incremental"
        ),
        mix: Annotated[float, Range(0, 1), "share of the subset that is drawn at random instead"] = 0.0,
    ) -> None:
        self._ratio = ratio
        self._schedule = schedule
        self._interval = interval
        self._mix = mix
        self._uniform = Uniform()

    def bind(self, signal: Signal, steps: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """Prepare for fitting `signal` in `steps` steps, with pools of at most `batch` samples on `device`."""
        self._uniform.bind(signal, steps, batch, seed, device)
        self._signal = signal
        self._steps = steps
        self._seed = seed
        self._subset: Batch | None = None

    def prepare(self) -> float:
        """Compile the kernel that draws, or load it."""
        return self._uniform.prepare()

    def select(self, step: int, scorer: Scorer) -> Batch:
        """The samples of step `step`, in the signal's order."""
        if selects(self._interval, step, self._steps):
            self._subset = self._chosen(step, scorer)
        return self._subset or self._uniform.select(step)

    def state(self) -> dict[str, Tensor]:
        """The subset that is being learned from: indices (n,) int64, and weights (n, c) where it has them."""
        if self._subset is None:
            return {}
        weights = self._subset.weights
        return {"indices": self._subset.indices} | ({} if weights is None else {"weights": weights})

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on with a subset."""
        self._subset = Batch(state["indices"], state.get("weights")) if state else None

    def _chosen(self, step: int, scorer: Scorer) -> Batch | None:
        """The subset chosen at a step; None where it is the whole pool."""
        pool = self._uniform.select(step).indices
        size = max(count(ratio(self._schedule, step / self._steps, self._ratio), len(pool)), 1)
        if size == len(pool):
            return None
        random = count(self._mix, size)
        if random == size:
            chosen = torch.zeros(len(pool), 1, dtype=torch.bool, device=pool.device)
        else:
            whole = len(pool) == self._signal.size
            scores = self._scores(step, pool, scorer.residuals(None if whole else pool))
            chosen = torch.stack([largest(column, size - random) for column in scores.T], dim=1)
        if random:
            for column in chosen.T:
                column |= others(column, random, self._seed << 32 ^ step ^ _OTHERS)
        return _batch(pool, chosen, size)

    def _scores(
        self, step: int, pool: Int[Tensor, " n"], residuals: Float[Tensor, "n c"]
    ) -> Float[Tensor, "n learners"]:
        """What each learner of the pool's samples goes by; here there is one."""
        return residuals.abs().sum(dim=1, keepdim=True)


def _batch(pool: Int[Tensor, " n"], chosen: Bool[Tensor, "n learners"], size: int) -> Batch:
    """What is chosen for any learner, weighted so that the loss is the mean over learners of that of their own."""
    rows = chosen.any(dim=1).nonzero().squeeze(1)
    if len(rows) == size:  # all have chosen the same
        return Batch(pool[rows])
    return Batch(pool[rows], chosen[rows].float() * (len(rows) / size))
