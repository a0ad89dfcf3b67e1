"""Uniform samples, and those that matter most by their residuals and by the tangent kernel."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inr._parts import Range
from inr.engines import Batch
from inr.signals import Signal
from inr.teaching._base import Scorer, Teacher, teachers
from inr.teaching._choice import largest, others
from inr.teaching._schedules import Schedule, count, ratio, selects

_REFRESHED = (1, 10, 20, 30, 40, 50)  # selections, counted from 1, that score by the tangent kernel


@teachers.register(
    "nint",
    source="Zhang et al., CVPR 2026",
    formula="argmax-k of ‖K(x, ·)(f − y)‖, K the tangent kernel by one VJP and one JVP; then of ‖f(x) − y(x)‖",
    limits="a tangent score costs three evaluations of the whole signal",
)
class NINT(Teacher):
    """A mixture of uniform samples and of those that matter most, at first also by the tangent kernel.

    With N the smaller of the batch and the signal, r the ratio and n = ⌊r N⌋ (at least 1), a step that selects takes

    - ⌊n (1 - uniform) exp(⌊-counter/10⌋)⌋ samples with the largest tangent score, `counter` being the number of
      selections so far, this one included. With R the residuals of all samples and J the Jacobian of all values by
      all parameters, w = J (Jᵀ R) is how the field would move everywhere if it learned from all, and the score is the
      sum over channels of w². It is computed at selections 1, 10, 20, 30, 40 and 50; after the last, where fewer than
      one sample in a thousand would be chosen by it, it plays no part any more;
    - of all others, those with the largest residuals, summed over channels without their signs, until the two are
      ⌊n (1 - uniform)⌋; of equal scores the first;
    - of all that is left, as many at random as are missing from n.

    Without `tangent` the first part is empty from the start: 70 % uniform samples and 30 % of the largest residuals.
    Other steps learn from the samples of the selection before. A ratio of 1 and a batch of the signal's size or more
    take all samples, and score none.

    Candidates are all samples of the signal, even where the batch is smaller: every selection evaluates the whole
    signal, as published (where batches are shares of the signal). With the default interval "dense" that is at every
    step, and may cost more than the step itself. With `cached`, only the first selection and those with tangent
    scores do; all others go by what each sample missed when it was last learned from or evaluated, which costs
    nothing, and uniform samples keep from growing old.
    """

    def __init__(
        self,
        *,
        ratio: Annotated[float, Range(0, 1, above=True), "share of the batch to learn from, at the start"] = 0.2,
        schedule: Annotated[Schedule, "how the ratio changes until the end"] = "constant",
        interval: Annotated[
            Literal["dense", "dense2", "incremental", "decremental"],
            "at which steps samples are chosen anew, as with int; decremental: at all of the last quarter",
        ] = "dense",
        uniform: Annotated[float, Range(0, 1), "share of the samples that is drawn at random"] = 0.7,
        tangent: Annotated[bool, "choose by the tangent kernel too, within the first 50 selections"] = True,
        cached: Annotated[bool, "go by the residuals that steps return, rather than evaluate all for them"] = False,
    ) -> None:
        self._ratio = ratio
        self._schedule = schedule
        self._interval = interval
        self._guided = 1 - uniform
        self._tangent = tangent
        self._cached = cached

    def bind(self, signal: Signal, steps: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """Prepare for fitting `signal` in `steps` steps of at most `batch` samples, wanted on `device` (none: cpu)."""
        self._device = device or torch.device("cpu")
        self._size = signal.size
        self._most = min(batch, signal.size)
        self._steps = steps
        self._seed = seed
        self._counter = 0
        self._subset: Int[Tensor, " n"] | None = None
        self._influence: Float[Tensor, " size"] | None = None
        self._missed: Float[Tensor, " size"] | None = None

    def select(self, step: int, scorer: Scorer) -> Batch:
        """The samples of step `step`, in the signal's order, none twice."""
        if self._subset is None or self._selects(step):
            share = ratio(self._schedule, step / self._steps, self._ratio)
            self._subset = self._chosen(step, max(count(share, self._most), 1), scorer)
        return Batch(self._subset)

    def observe(self, batch: Batch, residuals: Float[Tensor, "n c"]) -> None:
        """Remember what the samples missed, where selections go by that."""
        if self._cached and self._missed is not None:
            self._missed[batch.indices] = _total(residuals)

    def state(self) -> dict[str, Tensor]:
        """Selections so far (1,), the samples being learned from (n,), and the scores (size,) that are kept."""
        held = {"subset": self._subset, "influence": self._influence, "missed": self._missed}
        kept = {name: tensor for name, tensor in held.items() if tensor is not None}
        return {"counter": torch.tensor([self._counter]), **kept}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._counter = int(state["counter"])
        self._subset = state.get("subset")
        self._influence = state.get("influence")
        self._missed = state.get("missed")

    def _selects(self, step: int) -> bool:
        last_quarter = 4 * step >= 3 * self._steps
        return (self._interval == "decremental" and last_quarter) or selects(self._interval, step, self._steps)

    def _chosen(self, step: int, size: int, scorer: Scorer) -> Int[Tensor, " n"]:
        """`size` samples, chosen at a step."""
        if size == self._size:
            return torch.arange(size, device=self._device)
        self._counter += 1
        fading = tangent_share(self._counter) if self._tangent else 0.0
        if not fading:
            self._influence = None
        guided = count(self._guided, size)
        influential = count(self._guided * fading, size)
        chosen = torch.zeros(self._size, dtype=torch.bool, device=self._device)
        if guided:
            missed = self._scored(scorer)
            for scores, number in ((self._influence, influential), (missed, guided - influential)):
                if scores is not None and number:
                    chosen |= largest(scores.masked_fill(chosen, -1), number)
        if size > guided:
            chosen |= others(chosen, size - guided, self._seed << 32 ^ step)
        return chosen.nonzero().squeeze(1)

    def _scored(self, scorer: Scorer) -> Float[Tensor, " size"]:
        """What every sample misses, now or as last seen; scores by the tangent kernel are renewed where due."""
        refreshed = self._tangent and self._counter in _REFRESHED
        if self._cached and self._missed is not None and not refreshed:
            return self._missed
        residuals = scorer.residuals()
        if refreshed:
            self._influence = tangent_scores(scorer, residuals)
        missed = _total(residuals)
        if self._cached:
            self._missed = missed
        return missed


def tangent_share(counter: int) -> float:
    """The share of the tangent kernel in what is not uniform, at a selection counted from 1; 0 after the 50th."""
    return math.exp(-counter // 10) if counter <= _REFRESHED[-1] else 0.0


def tangent_scores(scorer: Scorer, residuals: Float[Tensor, "n c"]) -> Float[Tensor, " n"]:
    """The sum over channels of (J Jᵀ R)² for all samples, R being their residuals."""
    return scorer.tangent(residuals).square().sum(dim=1)


def _total(residuals: Float[Tensor, "n c"]) -> Float[Tensor, " n"]:
    return residuals.abs().sum(dim=1)
