"""Survival of the samples that fit worst, with mutation, and with crossover between values and their Laplacians."""

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inr._errors import InrError
from inr._parts import Range
from inr.engines import Batch
from inr.signals import GridSignal, Signal
from inr.teaching._base import Scorer, Teacher, teachers
from inr.teaching._choice import largest, others
from inr.teaching._laplacian import laplacian
from inr.teaching._schedules import Schedule, count, ratio
from inr.teaching._uniform import Uniform

_WEIGHT = 1e-5
# Published weights are for Laplacians of pictures in units of 0..255; values here span 2.
_PER_UNIT = 127.5**2


@teachers.register(
    "evos",
    source="Zhang et al., CVPR 2025",
    formula="survivors argmax-k of the last survey's ‖f(x) − y(x)‖, with mutants; a term on the Laplacian's misfit",
    limits="surveys the whole signal, and needs one on a grid",
)
class EVOS(Teacher):
    """Survival of the samples that fit worst, judged now and then by a survey of all (evolutionary selection).

    The first step is a survey, and one that begins at step s is followed by the next after ⌊first + (last - first)
    s / steps⌋ steps. A survey learns from all samples and takes the squared error of each, the mean over channels.
    With N the smaller of the batch and the signal and r the ratio, every other step learns from ⌊r N⌋ samples (at
    least 1): ⌊mutation x ratio x N⌋ mutants, drawn afresh at every step, and the elite, the same until the next
    survey. `ratio` is the one at the start: mutants stay as many while the elite grows with the schedule. The elite
    are the samples with the largest errors; mutants are as likely to be any other.

    With `cross`, two things differ before `crossover` x steps:

    - The elite are the child of two parents of its size: the samples with the largest errors, and those with the
      largest errors of the Laplacian. What both have stays; what is missing comes from the top of what only one of
      them has, from each in proportion to the mean of its errors over the signal.
    - The loss gets a further term: weight x the mean over the grid of the squared difference between the Laplacians of
      prediction and signal. On steps that see a part of the grid, the rest counts as the last survey saw it. Since the
      Laplacian is linear, that of the residuals says it all.

    Laplacians are of grey values, the mean over channels, in 255ths of the value range (as published, where the weight
    is 1e-5 and grey values are weighted as the eye does), with 0 around the grid. The term's slope must be known before
    the step, since the engines' fused steps know squared errors only: the step's samples are evaluated once more, a
    third of a step's cost that the authors' code does without. Without a weight, only the crossover remains.

    Where the batch is as large as the signal, a survey costs nothing besides its step, except while the loss has its
    further term. Where it is smaller, the whole signal is evaluated, and the step learns from as many samples as the
    batch has, drawn as the teacher "uniform" does.
    """

    def __init__(
        self,
        *,
        ratio: Annotated[float, Range(0, 1, above=True), "share of the batch to learn from, at the start"] = 0.5,
        schedule: Annotated[Schedule, "how the ratio changes until the end"] = "constant",
        mutation: Annotated[float, Range(0, 1), "share of these samples that is drawn at random, at the start"] = 0.5,
        cross: Annotated[bool, "heed errors of the Laplacian too, in choosing and in the loss; needs a grid"] = True,
        crossover: Annotated[float, Range(0, 1), "share of the fit in which errors of the Laplacian count"] = 0.3,
        weight: Annotated[float, Range(0), "weight of the Laplacian's squared error, in 255ths"] = _WEIGHT,
        first: Annotated[int, Range(1), "steps from one survey to the next, at the start"] = 100,
        last: Annotated[int, Range(1), "steps from one survey to the next, at the end"] = 50,
    ) -> None:
        self._ratio = ratio
        self._schedule = schedule
        self._mutation = mutation
        self._cross = cross
        self._crossover = crossover
        self._weight = weight * _PER_UNIT
        # the parents' errors are compared even where the loss knows one kind only
        self._exchange = (weight or _WEIGHT) * _PER_UNIT
        self._intervals = first, last
        self._uniform = Uniform()

    def bind(self, signal: Signal, steps: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """Prepare for fitting `signal` in `steps` steps of at most `batch` samples, wanted on `device` (none: cpu).

        Raises InrError for samples without a grid, unless `cross` is false.
        """
        self.check(signal)
        self._shape = signal.domain.shape or ()
        device = device or torch.device("cpu")
        self._cells = signal.cells.to(device) if isinstance(signal, GridSignal) and signal.cells is not None else None
        self._uniform.bind(signal, steps, batch, seed, device)
        self._size = signal.size
        self._channels = signal.channels
        self._most = min(batch, signal.size)
        self._steps = steps
        self._seed = seed
        self._surveys = frozenset(survey_steps(steps, *self._intervals))
        self._until = count(self._crossover, steps) if self._cross else 0
        self._awaited = False
        # of the last survey: squared errors, and residuals of the grey value
        self._errors, self._grey = torch.zeros(2, signal.size, device=device)
        self._elite: tuple[int, bool, Bool[Tensor, " size"]] | None = None

    def check(self, signal: Signal) -> None:
        """Raise InrError for samples without a grid, unless `cross` is false."""
        if self._cross and signal.domain.shape is None:
            raise InrError(
                "teacher 'evos' takes Laplacians, and scattered samples have no grid for them; use evos:cross=false"
            )

    def prepare(self) -> float:
        """Compile the kernel that draws, or load it."""
        return self._uniform.prepare()

    def select(self, step: int, scorer: Scorer) -> Batch:
        """The samples of step `step`, in the signal's order; with offsets while the loss has its further term."""
        crossing = step < self._until
        supervised = crossing and self._weight > 0
        if step in self._surveys:
            batch = self._uniform.select(step)
            self._awaited = self._most == self._size and not supervised
            if not self._awaited:  # the step itself would tell too little, or too late
                self._assess(scorer.residuals())
            return self._supervised(batch, self._grey) if supervised else batch
        batch = Batch(self._generation(step, crossing))
        if not supervised:
            return batch
        grey = self._grey.clone()
        grey[batch.indices] = scorer.residuals(batch.indices).mean(dim=1)
        return self._supervised(batch, grey)

    def observe(self, batch: Batch, residuals: Float[Tensor, "n c"]) -> None:
        """Take the errors of a survey that has learned from all samples."""
        if self._awaited:
            self._awaited = False
            self._assess(residuals)

    def state(self) -> dict[str, Tensor]:
        """What the last survey saw: squared errors (size,), and with `cross` residuals of the grey value (size,)."""
        return {"errors": self._errors} | ({"grey": self._grey} if self._cross else {})

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._errors = state["errors"]
        self._grey = state.get("grey", self._grey)
        self._elite = None

    def _assess(self, residuals: Float[Tensor, "size c"]) -> None:
        self._errors = residuals.square().mean(dim=1)
        self._grey = residuals.mean(dim=1)
        self._elite = None

    def _generation(self, step: int, crossing: bool) -> Int[Tensor, " n"]:
        """The elite and this step's mutants."""
        share = ratio(self._schedule, step / self._steps, self._ratio)
        size = max(count(share, self._most), 1)
        mutants = min(count(self._mutation * self._ratio, self._most), size)
        if self._elite is None or self._elite[:2] != (size - mutants, crossing):
            self._elite = size - mutants, crossing, self._fittest(size - mutants, crossing)
        chosen = self._elite[2]
        if mutants:
            chosen = chosen | others(chosen, mutants, self._seed << 32 ^ step)
        return chosen.nonzero().squeeze(1)

    def _fittest(self, size: int, crossing: bool) -> Bool[Tensor, " size"]:
        """The samples to keep until the next survey: those that the field fits worst."""
        if size == 0:
            return torch.zeros_like(self._errors, dtype=torch.bool)
        if not crossing:
            return largest(self._errors, size)
        return child(self._errors, self._exchange * self._laplacian(self._grey).square(), size)

    def _laplacian(self, grey: Float[Tensor, " size"]) -> Float[Tensor, " size"]:
        return laplacian(grey, self._shape, self._cells)

    def _supervised(self, batch: Batch, grey: Float[Tensor, " size"]) -> Batch:
        """The batch with the slope of the Laplacian's term at residuals whose grey values on the grid are given.

        By a residual of one of c channels the term's slope is 2 weight / (size c) LᵀL grey, and L is its own transpose.
        """
        slope = self._laplacian(self._laplacian(grey))[batch.indices]
        offsets = slope * (self._weight * len(slope) / self._size)
        return Batch(batch.indices, None, offsets[:, None].repeat(1, self._channels))


def survey_steps(steps: int, first: int, last: int) -> list[int]:
    """The steps of a fit that survey: 0, and from each ⌊first + (last - first) step / steps⌋ steps on the next."""
    found, step = [], 0
    while step < steps:
        found.append(step)
        step += first + (last - first) * step // steps
    return found


def child(errors: Float[Tensor, " n"], others: Float[Tensor, " n"], size: int) -> Bool[Tensor, " n"]:
    """Which `size` samples (from 1 to n) two parents pass on: those that are highest by one and by the other error.

    What both parents have stays. What is missing is filled with the highest of what one parent alone has, from each in
    proportion to the mean of its errors over all samples, the first's share rounded down.
    """
    parents = largest(errors, size), largest(others, size)
    found = parents[0] & parents[1]
    missing = size - int(found.sum())
    means = float(errors.mean()), float(others.mean())
    # errors that are not finite are those of a fit about to end
    ours = math.floor(missing * means[0] / sum(means)) if math.isfinite(sum(means)) and missing else 0
    both = found.clone()
    for scores, parent, number in ((errors, parents[0], ours), (others, parents[1], missing - ours)):
        if number:
            found |= largest(scores.masked_fill(both | ~parent, -1), number)
    return found
