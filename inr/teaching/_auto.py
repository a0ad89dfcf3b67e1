"""A teacher that finds out by itself which samples matter, how far to trust that, and how many it takes."""

import time
from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from inr._errors import InrError
from inr._parts import Range
from inr.engines import Batch
from inr.jit import kernel
from inr.signals import Signal
from inr.teaching._base import Scorer, Teacher, teachers
from inr.teaching._choice import step_generator
from inr.teaching._uniform import Uniform

_RATIO_SAMPLES = 4_096  # entries by which the ratio is chosen
_MIN_RESIDUAL = 2.0**-20  # below it residuals count as this; logarithms need one
_MAX_RESIDUAL = 2.0**40  # above it a fit is breaking, and sums would overflow
_PERMUTATIONS = 64  # orders in which rounds take their samples, of all that there are
_UNKNOWN_SLOPE = 0.5  # before anything was seen again
_CHANCE_UNIT = 2**44  # parts of a chance: integers, which add up to the same in any order


@teachers.register(
    "auto",
    source="inr, docs/teaching.md",
    formula="p(x) ∝ forecast of ‖f(x) − y(x)‖ from cached residuals, capped, mixed with uniform",
    limits="takes 4 to 12 bytes a sample of the signal",
)
class Auto(Teacher):
    """Samples in proportion to what they are forecast to miss, from the residuals that steps return anyway.

    The memory holds what every sample missed when it was last learned from: the root mean square of its residuals over
    channels, mixed half and half with what was remembered before. Nothing is evaluated for it. Where a signal has more
    than 2^18 samples, runs of consecutive ones share an entry.

    The first steps are those of the teacher "uniform", until three times as many samples were drawn as the memory has
    entries; what was missed in the first third of them is forgotten, for it is of fields that have little in common.
    From then on a plan is made for as many steps as it takes to draw as many samples as there are entries. It is by
    forecasts f, the entries up to 4 times their mean, so that a few outliers are not believed too much:

    - An entry's chance is `uniform` evenly, and the rest in proportion to f^1.5. Where `uniform` is none, it is from
      1/2 to 1/10 by how well the memory has foretold residuals since the last plan: by the slope, from 0 to 1, of the
      regression of their logarithms on the memory's. Ranks that go stale have a small one.
    - On grids, samples that miss much more than both of their neighbours are outliers: pepper and salt, dead pixels.
      Where they held three tenths of all squared residuals at any plan so far, the even share is larger: to run
      after them costs more than it gains. From a half on, batches are those of "uniform" to the end.
    - Chances are met by systematic sampling: over a plan an entry is drawn as often as its chance says, rounded up or
      down, and each step has one sample of every one of equal stretches of the cumulated chances.
    - A sample's weight is in proportion to chance^(-1/3), so that the loss counts samples about in proportion to what
      they miss: it leans towards what is still to be learned. Samples that are drawn more often than that count less,
      which keeps the variance of gradients low.
    - A step takes `ratio` of the batch. Where that is none, it is the share, from 1/4 to 1, at which the gradient is
      about as certain as that of a whole batch drawn evenly: with p the chances and w the weights of all entries, the
      quotient of E_p[w² f²] / E_p[w f]² and E[f²] / E[f]². But no batch gets smaller than 1/16 of the memory: what a
      step costs besides its samples would eat up what is saved. And none is larger than 1/4 of it, or a plan would have
      no steps to spread its samples over.

    All this is the arithmetic of squared errors, whose slope is the residual. Under any other objective to draw samples
    by their residuals would make it one that leans to outliers, and batches are those of "uniform".

    A fit with a batch as large as the signal is thus one with a quarter of it from the fourth step on.
    """

    def __init__(
        self,
        *,
        uniform: Annotated[
            float | None, Range(0, 1), "share of the samples that is drawn evenly; none: as the memory deserves"
        ] = None,
        ratio: Annotated[
            float | None, Range(0, 1, above=True), "share of the batch that a step takes; none: as many as it needs"
        ] = None,
        power: Annotated[float, Range(0, 4), "of a forecast, that chances are in proportion to"] = 1.5,
        leaning: Annotated[
            float, Range(0, 1), "power of chances, in what the loss counts: 0 as all samples do, 1 as they are drawn"
        ] = 2 / 3,
        cap: Annotated[float, Range(1), "largest forecast that is believed, in means of all"] = 4.0,
        kept: Annotated[float, Range(0, 1), "share of what was remembered, when a sample is seen again"] = 0.5,
        entries: Annotated[int, Range(1, 2**28), "of the memory, at most; a plan takes time in proportion"] = 2**18,
        warmup: Annotated[int, Range(1, 1000), "passes over the memory that are drawn evenly at first"] = 3,
        stale: Annotated[float, Range(0, 1), "share drawn evenly where the memory foretells nothing"] = 0.5,
        fresh: Annotated[float, Range(0, 1), "share drawn evenly where the memory foretells everything"] = 0.1,
        least_ratio: Annotated[float, Range(0, 1), "ratio that is not gone below where it is free"] = 0.25,
        least_batch: Annotated[float, Range(0, 1), "batch that is not gone below, as a share of the memory"] = 1 / 16,
        most_batch: Annotated[float, Range(0, 1, above=True), "batch that is not exceeded, likewise"] = 1 / 4,
        isolation: Annotated[
            float, Range(0), "of the sum of what two neighbours miss, above which a sample is an outlier"
        ] = 1.5,
        clean: Annotated[float, Range(0, 1), "share of outliers in squared residuals that changes nothing"] = 0.3,
        noisy: Annotated[float, Range(0, 1), "share of outliers from which on all samples are drawn evenly"] = 0.5,
    ) -> None:
        if not clean < noisy:
            raise InrError(f"teacher 'auto': noisy must be above clean, got {noisy:g} and {clean:g}")
        self._uniform = uniform
        self._ratio = ratio
        self._power, self._leaning, self._cap = power, leaning, cap
        self._kept, self._entries, self._warmup = kept, entries, warmup
        self._stale, self._fresh = stale, fresh
        self._least_ratio, self._least_batch, self._most_batch = least_ratio, least_batch, most_batch
        self._isolation, self._clean, self._noisy = isolation, clean, noisy
        self._even = Uniform()

    def prepare(self) -> float:
        """Compile the kernel that remembers residuals, or load it."""
        start = time.perf_counter()
        self._even.prepare()
        nothing = np.zeros(1, np.float32), np.zeros(5), np.zeros(1, np.int64), 1, np.zeros((1, 1), np.float32)
        _remember(*nothing, np.float32(self._kept))
        return time.perf_counter() - start

    def bind(self, signal: Signal, steps: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """Prepare for fitting `signal` in `steps` steps of at most `batch` samples, wanted on `device` (none: cpu)."""
        self._device = device or torch.device("cpu")
        self._size = signal.size
        self._most = min(batch, signal.size)
        self._seed = seed
        self._even.bind(signal, steps, batch, seed, device)
        self._forecasts = self.objective is None or getattr(self.objective, "squared", False)
        self._run = -(-signal.size // self._entries)
        entries = -(-signal.size // self._run)
        # what is missed, below 0 where that is not known; and of entries seen again since the plan: how many, and the
        # sums of x, y, x², xy, x being the logarithm of what was remembered and y of what is missed
        self._missed = torch.full((entries,), -1.0, device=self._device)
        self._sums = torch.zeros(5, dtype=torch.float64, device=self._device)
        self._planned = torch.empty(0, 0, dtype=torch.int64, device=self._device)
        self._weights: Float[Tensor, "rounds n"] | None = None
        self._excess = 1.0
        self._noise = 0.0
        self._warm = self._warmup * -(-entries // self._most)  # steps
        self._ordered = signal.domain.shape is not None  # else neighbours in the memory are no neighbours
        self._round = 0

    def select(self, step: int, scorer: Scorer | None = None) -> Batch:
        """The samples of step `step`, in the order of their entries; a sample may be there more than once."""
        if not self._forecasts:
            return self._even.select(step)
        if step == self._warm // self._warmup:
            self._missed.fill_(-1.0)
            self._sums.zero_()
        if step >= self._warm and self._round == len(self._planned):
            self._plan(step)
        if step < self._warm or (self._uniform is None and self._noise >= self._noisy):
            return self._even.select(step)
        number = self._round
        self._round += 1
        weights = None if self._weights is None else self._weights[number]
        return Batch(self._planned[number], weights, excess=self._excess)

    def observe(self, batch: Batch, residuals: Float[Tensor, "n c"]) -> None:
        """Remember what the samples missed."""
        if not self._forecasts:
            return
        if self._device.type == "cpu":
            _remember(
                self._missed.numpy(), self._sums.numpy(), batch.indices.numpy(), self._run, residuals.numpy(),
                np.float32(self._kept),
            )  # fmt: skip
        else:
            remember_on(self._missed, self._sums, batch.indices, self._run, residuals, self._kept)

    def state(self) -> dict[str, Tensor]:
        """The memory (entries,), sums of the regression (5,), and the plan.

        That is its indices and weights (rounds, n); and by how much its loss exceeds the signal's, the largest share of
        outliers so far and the next round, (3,).
        """
        held = {"missed": self._missed, "sums": self._sums, "planned": self._planned}
        weights = {} if self._weights is None else {"weights": self._weights}
        return held | weights | {"plan": torch.tensor([self._excess, self._noise, self._round], dtype=torch.float64)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._missed, self._sums, self._planned = (state[name].clone() for name in ("missed", "sums", "planned"))
        self._weights = state.get("weights")
        self._excess, self._noise, number = state["plan"].tolist()
        self._round = int(number)

    def _plan(self, step: int) -> None:
        """Draw the samples of the next steps, and begin anew to measure how well they were foretold."""
        generator = step_generator(self._seed, step, self._device)
        known = (self._missed >= 0) & (self._missed <= _MAX_RESIDUAL)
        if not bool(known.any()):  # of a fit that is about to end
            known, self._missed = ~known, torch.ones_like(self._missed)
        missed = torch.where(known, self._missed, self._missed[known].mean())
        if self._ordered:
            self._noise = min(max(self._noise, outliers(missed, self._isolation)), self._noisy)
        chances, count = self._chances(
            missed.clamp(_MIN_RESIDUAL, max(self._cap * float(missed.mean()), _MIN_RESIDUAL))
        )
        weights = ((self._leaning - 1) * chances.log()).exp_()
        weights /= (chances * weights).mean()
        squares = missed.square() + _MIN_RESIDUAL**2
        self._excess = float((chances * weights * squares).mean() / squares.mean())
        drawn = systematic(chances, max(len(chances) // count, 1), count, generator)
        self._weights = weights[drawn]
        if self._run > 1:
            drawn = drawn * self._run + torch.randint(self._run, drawn.shape, generator=generator, device=self._device)
            drawn.clamp_(max=self._size - 1)
        self._planned = drawn
        self._round = 0
        self._sums.zero_()

    def _chances(self, forecasts: Float[Tensor, " n"]) -> tuple[Float[Tensor, " n"], int]:
        """Chances of the entries, 1 on average, and how many samples a step takes."""
        uniform = self._uniform
        if uniform is None:
            uniform = self._stale + (self._fresh - self._stale) * slope(self._sums)
            uniform += (1 - uniform) * max((self._noise - self._clean) / (self._noisy - self._clean), 0.0)
        powers = (self._power * forecasts.log()).exp_()  # several times as fast as the operator for powers
        chances = uniform + (1 - uniform) / powers.mean() * powers
        ratio = self._ratio
        if ratio is None:
            every = -(-len(forecasts) // _RATIO_SAMPLES)
            ratio = share_needed(forecasts[::every], chances[::every], self._leaning)
            entries = len(chances) / self._most
            ratio = min(max(ratio, self._least_batch * entries, self._least_ratio), self._most_batch * entries, 1.0)
        return chances, max(round(ratio * self._most), 1)


def slope(sums: Float[Tensor, " 5"]) -> float:
    """How far logarithms of residuals follow the memory's, from 0 to 1; 1/2 where nothing was seen again.

    By the number of pairs and the sums of x, y, x² and xy.
    """
    pairs, x, y, xx, xy = sums.tolist()
    spread = pairs * xx - x * x
    if not spread > 1e-9 * pairs * pairs:
        return _UNKNOWN_SLOPE
    return min(max((pairs * xy - x * y) / spread, 0.0), 1.0)


def outliers(missed: Float[Tensor, " n"], isolation: float = 1.5) -> float:
    """The share in squared residuals of samples that miss much more than both neighbours; residuals are magnitudes."""
    if len(missed) < 3:
        return 0.0
    # in dtype float64, whose sums are the same to the last digit that counts
    inner, around = missed[1:-1].double().square(), missed[:-2] + missed[2:]
    return float(inner[missed[1:-1] > isolation * around].sum() / inner.sum().clamp(min=_MIN_RESIDUAL**2))


def share_needed(forecasts: Float[Tensor, " n"], chances: Float[Tensor, " n"], leaning: float = 2 / 3) -> float:
    """The share of a batch drawn by chances at which its gradient is as certain as that of the batch drawn evenly.

    Chances are against even ones, 1 on average; samples are weighted by their power `leaning` - 1.
    """
    counted = chances ** (leaning - 1) * forecasts
    ours = (chances * counted.square()).mean() * chances.mean() / (chances * counted).mean().square()
    evenly = forecasts.square().mean() / forecasts.mean().square()
    return float(ours / evenly)


def systematic(
    chances: Float[Tensor, " n"], rounds: int, count: int, generator: torch.Generator
) -> Int[Tensor, "rounds count"]:
    """Indices drawn by chances in rounds, each round sorted and with one index of each of `count` equal stretches.

    Over all rounds an index is drawn as often as its share of the chances says, rounded up or down.
    """
    device, points = chances.device, rounds * count
    # integers add up to the same in any order, on any device
    ends = (chances.double() * (_CHANCE_UNIT / float(chances.sum(dtype=torch.float64)))).long().cumsum(0)
    spacing = ends[-1] // points
    first = (torch.rand(1, dtype=torch.float64, generator=generator, device=device) * spacing).long()
    hits = ((ends - first + spacing - 1) // spacing).clamp_(0, points)
    hits[-1] = points
    drawn = torch.repeat_interleave(hits.diff(prepend=hits.new_zeros(1)), output_size=points).view(count, rounds)
    # rounds one after the other must not be neighbours in every stretch: they would pull the same way
    orders = torch.rand(_PERMUTATIONS, rounds, generator=generator, device=device).argsort(dim=1)
    orders = orders[torch.randint(_PERMUTATIONS, (count,), generator=generator, device=device)]
    shifts = torch.randint(rounds, (count, 1), generator=generator, device=device)
    return drawn.gather(1, (orders + shifts) % rounds).T.contiguous()


@kernel
def _remember(
    missed: np.ndarray, sums: np.ndarray, indices: np.ndarray, run: int, residuals: np.ndarray, kept: np.float32
) -> None:
    """Mix into the memory what samples missed, their mean where several share an entry, and add to the regression."""
    i, samples, channels = 0, residuals.shape[0], residuals.shape[1]
    while i < samples:
        entry = indices[i] // run
        total, alike = np.float32(0), 0
        while i < samples and indices[i] // run == entry:
            square = np.float32(0)
            for channel in range(channels):
                square += residuals[i, channel] * residuals[i, channel]
            total += np.sqrt(square / np.float32(channels))
            alike += 1
            i += 1
        now = total / np.float32(alike)
        before = missed[entry]
        if before >= 0:
            x, y = np.log(max(before, np.float32(_MIN_RESIDUAL))), np.log(max(now, np.float32(_MIN_RESIDUAL)))
            sums[0] += 1
            sums[1] += x
            sums[2] += y
            sums[3] += x * x
            sums[4] += x * y
            now = kept * before + (np.float32(1) - kept) * now
        missed[entry] = now


def remember_on(
    missed: Float[Tensor, " entries"],
    sums: Float[Tensor, " 5"],
    indices: Int[Tensor, " n"],
    run: int,
    residuals: Float[Tensor, "n c"],
    kept: float = 0.5,
) -> None:
    """What `_remember` does, by operators, for other devices. Indices are sorted."""
    entries, alike = torch.unique_consecutive(indices // run, return_counts=True)
    size = residuals.square().mean(dim=1).sqrt()
    now = torch.segment_reduce(size, "mean", lengths=alike)
    before = missed[entries]
    again = before >= 0
    x, y = (size[again].clamp(min=_MIN_RESIDUAL).log().double() for size in (before, now))
    sums += torch.stack((again.sum(dtype=torch.float64), x.sum(), y.sum(), (x * x).sum(), (x * y).sum()))
    missed[entries] = torch.where(again, kept * before + (1 - kept) * now, now)
