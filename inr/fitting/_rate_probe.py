"""Learning rates that suit a field and its signal, found by short trial fits before the fit."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from jaxtyping import Int
from torch import Tensor

from inr.engines import Batch, Plan
from inr.fitting._optimiser import Optimiser
from inr.fitting._parametrisation import Parametrisation
from inr.fitting._schedules import SCHEDULES

# What a neighbour's logarithm of the loss counts for at most: how badly a trial was ruined says nothing of the edge.
_MOST_RISE = 2.0


@dataclass(frozen=True)
class RateProbe:
    """How the factor is found by which a fit's learning rates differ from those that its parts declare.

    A trial is the fit in small: from the weights that the fit begins with, small batches of few samples, which lie
    evenly over the signal, and rates that fall to zero. It gets better with its rates up to the edge of stability
    (Cohen et al., "Adaptive gradient methods at the edge of stability", 2022) or up to where the noise of batches
    limits it, and is ruined beyond. The edge is near that of the fit itself, whose batches are larger and less noisy:
    of rates with which trials end nearly alike, the highest is the best. All trials see the same batches, so that
    their losses can be compared.

    What a trial finds is an estimate, and is taken for one: the best rates of fits spread less than those of trials,
    about an octave above the declared ones. A fit has time to recover from the first steps at a high rate, which a
    trial has not, and is ruined in the end by rates that a trial just outlives.

    Attributes:
        steps: of a trial.
        batch: samples of a step of a trial, as far as they may cost so much.
        least_batch: of a trial; a probe that could not afford it is left out.
        epochs: how often a trial sees each of its samples.
        trials: that a probe is taken to need, for what it costs.
        share: of the samples that the fit learns from, which a probe may cost.
        farthest: octaves from the declared rates that are looked at.
        least_steps: of a fit that is worth a probe.
        slack: of the logarithm of the loss, by which trials may differ that end nearly alike.
        clear: of the logarithm of the loss, by which a trial must end better than that of the declared rates for those
            to be changed where the edge is not seen.
        trust: how much of the way from `usual` to what trials say is gone.
        usual: octaves from the declared rates at which fits do best in the mean.
        density: samples of a signal with tables for one of a trial, at most: entries that trials hit too seldom for
            their loss to say what a fit can bear, which hits them in every step, keep their declared rates.
    """

    steps: int = 48
    batch: int = 256
    least_batch: int = 64
    epochs: int = 24
    trials: int = 4
    share: float = 0.065
    farthest: int = 6
    least_steps: int = 100
    slack: float = 0.25
    clear: float = 0.5
    trust: float = 0.85
    usual: float = 1.0
    density: int = 64

    def affordable_batch(self, steps: int, points: int) -> int:
        """The samples of a step of a trial.

        Args:
            steps: of the fit.
            points: samples that the fit learns from, each counted as often as it is seen.

        Returns:
            Between `least_batch` and `batch`; 0 where the fit is too short for a probe.
        """
        paid = int(self.share * points / (self.trials * self.steps))
        return 0 if steps < self.least_steps or paid < self.least_batch else min(self.batch, paid)

    def batches(self, size: int, count: int, seed: int, device: torch.device) -> list[Batch]:
        """The batches of a trial.

        Args:
            size: samples of the signal.
            count: samples of a batch.
            seed: decides which.
            device: where their indices are to be.
        """
        generator = torch.Generator().manual_seed(seed)
        some = _spread(size, self._samples(count), generator)
        return [Batch(some[_spread(len(some), count, generator)].to(device)) for _ in range(self.steps)]

    def dense_enough(self, size: int, count: int) -> bool:
        """Whether trials hit the entries of tables about as a fit does.

        Args:
            size: samples of the signal.
            count: samples of a batch of a trial.
        """
        return self._samples(count) * self.density >= size

    def _samples(self, count: int) -> int:
        """The samples that a trial learns from, in batches of `count`."""
        return count * self.steps // self.epochs

    def exponent(self, judge: Callable[[float], float], *, up_to_the_edge: bool) -> float:
        """The octaves from the declared rates that are best for the fit.

        Looked for downhill from 0 and 1, octave by octave, and then by a parabola.

        Args:
            judge: the logarithm of the loss of a trial at so many octaves; infinite where nothing was learned.
            up_to_the_edge: whether of trials that end nearly alike the highest rate counts, at most one octave above
                the best. Entries of tables are hit so seldom in a trial that their edge is not seen.

        Returns:
            Octaves between -`farthest` and `farthest`; 0 where nothing is learned anywhere.
        """
        found = {0.0: judge(0.0), 1.0: judge(1.0)}
        direction, at = (1.0, 1.0) if found[1.0] < found[0.0] else (-1.0, 0.0)
        while abs(at) < self.farthest:
            found[at + direction] = judge(at + direction)
            if found[at + direction] > found[at]:
                break
            at += direction
        lowest = _lowest(found)
        if lowest is None or (not up_to_the_edge and found[0.0] - found[lowest] < self.clear):
            return 0.0
        vertex = _vertex(found, lowest)
        if up_to_the_edge:
            vertex = min(max(vertex, _last_within(found, lowest, self.slack)), vertex + 1)
        return self.usual + self.trust * (vertex - self.usual)


def _lowest(found: Mapping[float, float]) -> float | None:
    """Where a function is lowest; nowhere, if it is infinite."""
    lowest = min(found, key=lambda at: found[at])
    return lowest if math.isfinite(found[lowest]) else None


def _vertex(found: Mapping[float, float], lowest: float) -> float:
    """Where the parabola through the lowest value and its neighbours is lowest; that value, where it is at an end."""
    left = max((at for at in found if at < lowest), default=None)
    right = min((at for at in found if at > lowest), default=None)
    if left is None or right is None:
        return lowest
    before, after = lowest - left, right - lowest
    rise, fall = (min(found[at] - found[lowest], _MOST_RISE) for at in (right, left))
    curvature = rise * before + fall * after
    return lowest - 0.5 * (rise * before**2 - fall * after**2) / curvature if curvature > 0 else lowest


def _last_within(found: Mapping[float, float], lowest: float, slack: float) -> float:
    """How far beyond the lowest value a function stays within `slack` of it, by lines between what was found."""
    limit, at = found[lowest] + slack, lowest
    for following in sorted(each for each in found if each > lowest):
        if found[following] > limit:
            rise = min(found[following] - found[at], _MOST_RISE)
            return at + (following - at) * min((limit - found[at]) / rise, 1.0)
        at = following
    return at


def trial_loss(
    parametrisation: Parametrisation,
    plan: Plan,
    optimiser: Optimiser,
    batches: Sequence[Batch],
    rates: Mapping[str, float],
) -> float:
    """The logarithm of the loss that a trial ends with; weights are left where it came to.

    Args:
        parametrisation: whose leaves the optimiser moves.
        plan: gives losses and gradients.
        optimiser: a new one.
        batches: one for every step.
        rates: by part.

    Returns:
        Of the mean over the last quarter; infinite where the loss did not get below nine tenths of the first.
    """
    losses = list(_losses(parametrisation, plan, optimiser, batches, rates))
    if len(losses) < len(batches):
        return math.inf
    mean = fmean(losses[-max(len(losses) // 4, 1) :])
    return math.log(max(mean, 1e-300)) if mean < 0.9 * losses[0] else math.inf


def _losses(
    parametrisation: Parametrisation,
    plan: Plan,
    optimiser: Optimiser,
    batches: Sequence[Batch],
    rates: Mapping[str, float],
) -> Iterator[float]:
    """The loss of every step, as long as it is finite."""
    for step, batch in enumerate(batches):
        optimiser.set_learning_rates(rates, SCHEDULES["cosine"](step / len(batches)))
        result = parametrisation.loss_and_grad(plan, batch, 0.0)
        loss = result.loss.item()
        if not math.isfinite(loss):
            return
        yield loss
        if not result.skipped:
            optimiser.step(result.grads)


def _spread(size: int, count: int, generator: torch.Generator) -> Int[Tensor, " n"]:
    """Indices drawn evenly: one of each of `count` equal runs; all, where there are no more."""
    if count >= size:
        return torch.arange(size)
    begins = torch.arange(count + 1) * size // count
    lengths = begins[1:] - begins[:-1]
    drawn = (torch.rand(count, generator=generator, dtype=torch.float64) * lengths).long()
    return begins[:-1] + drawn
