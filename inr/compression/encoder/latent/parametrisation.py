"""Latents and networks as what a fit learns: its stages, its noise, and the weight of a bit."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inr.compression.encoder.latent import eager
from inr.compression.encoder.latent.field import LATENTS, PARAMETERS, LatentField
from inr.compression.encoder.latent.half import HalfStep
from inr.compression.encoder.latent.noise_control import NoiseControl
from inr.compression.encoder.latent.optimiser import NetworkOptimiser
from inr.compression.encoder.latent.rate import RateControl
from inr.compression.encoder.latent.schedule import Recipe, Schedule, Stage
from inr.compression.encoder.latent.steps import LatentStep, vector_of
from inr.engines import Batch, Plan, StepResult
from inr.field import Field
from inr.fitting import Gradients, Group, LearningRates, Optimiser, Parametrisation

# Steps of the fit of which a measured one is taken to be.
_MEASURED_HORIZON = 10_000
# While the weight of a bit moves, losses cannot be compared, and the newest leaves are the best. No loss is so large.
_INCOMPARABLE = 1e6


class LatentPlan:
    """Runs the steps of latent grids, which are its own, and evaluates the field: an `inr.engines.Plan`.

    Args:
        step: what computes.
        field: what is fitted.
    """

    notes: tuple[str, ...] = ()
    own_threads = True

    def __init__(self, step: LatentStep, field: LatentField) -> None:
        self.step, self.device, self.threads = step, step.device, step.threads
        self.block = field.layout.height * field.layout.width
        self._field = field

    def prepare(self) -> float:
        """See `Plan.prepare`."""
        return self.step.prepare()

    def forward(self, tensors: Mapping[str, Tensor], coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """See `Plan.forward`; the weights are the field's own."""
        with torch.no_grad():
            return self._field(coords)

    def loss_and_grad(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        """Steps need more than weights and a batch: `LatentWeights` asks for them."""
        raise NotImplementedError

    def profile(self) -> dict[str, float]:
        """See `Plan.profile`."""
        return {}

    def roofline(self) -> dict[str, tuple[float, float]]:
        """Not measured."""
        return {}


class LatentWeights(Parametrisation):
    """The latents and the networks' parameters, one vector each.

    A step rounds the latents softly, adds noise, and takes the mean squared error of the picture and, times a weight,
    the bits per pixel. Latents move within it, by Adam; networks by the fit's optimiser. Several starts compete at
    first, and in the last phase latents are whole numbers, see `Schedule`. The weight is adapted by `RateControl`.
    Until the main phase begins, steps may be done at half resolution, and the latents are those of the halved picture.

    Args:
        step: what computes.
        half: what computes at half resolution; None: nothing is done there.
        rate: the weight of a bit.
        recipe: of the fit.
        seed: of starts and noise.
    """

    tolerated_rise = 1.0

    def __init__(self, step: LatentStep, half: HalfStep | None, rate: RateControl, recipe: Recipe, seed: int) -> None:
        self._step, self._half, self._rate, self._recipe, self._seed = step, half, rate, recipe, seed
        self._noise = NoiseControl(rate, recipe.deviation[0])
        self._halving = half is not None  # whether the latents are those of the halved picture
        self._schedule: Schedule | None = None
        self._count = 0  # steps of the fit
        self._observed = 0  # steps when the weight was adapted last
        self._since = 0  # steps of Adam since its moments were forgotten
        self._kept: list[tuple[float, Tensor, Tensor]] = []  # ends of a round's starts: loss, latents, parameters
        self._carried: list[tuple[float, Tensor, Tensor]] = []  # of the round before, the best first
        self._best: tuple[float, Tensor, Tensor] | None = None
        self._network: NetworkOptimiser | None = None
        layout = step.layout
        pixels = layout.height * layout.width
        self._coords, self._residuals = torch.empty(pixels, 0), torch.empty(pixels, 0)
        self._draw(0)

    @property
    def weight(self) -> float:
        """Of a bit per pixel, as it stands."""
        return self._rate.weight

    def bind(self, field: Field, plan: Plan) -> None:
        """See `Parametrisation.bind`."""
        own = dict(field.named_parameters())
        self.leaves = {LATENTS: own[LATENTS], PARAMETERS: own[PARAMETERS]}

    def begin(self, steps: int) -> None:
        """See `Parametrisation.begin`."""
        self._schedule = Schedule(self._recipe, steps, halving=self._half is not None)
        if not self._schedule.half_steps:
            self._half, self._halving = None, False

    def affordable(self, steps: int) -> int:
        """See `Parametrisation.affordable`: steps at half resolution take less time."""
        found = steps
        while Schedule(self._recipe, found + 1, halving=self._half is not None).time <= steps:
            found += 1
        return found

    def optimiser(self, learning_rates: LearningRates, threads: int, name: str) -> Optimiser:
        """The networks' optimiser; latents move in the step itself."""
        group = Group("network", {PARAMETERS: self._step.parameters}, self._recipe.rate)
        self._network = NetworkOptimiser(
            group, self._step.layout, soap=self._recipe.optimiser == "soap", decay=self._recipe.decay
        )
        return self._network

    def prepare(self) -> float:
        """See `Parametrisation.prepare`."""
        return 0.0 if self._half is None else self._half.step.prepare()

    def materialise(self, fraction: float) -> Mapping[str, Tensor]:
        """The leaves."""
        return self.leaves

    def backward(self, grads: Gradients) -> Gradients:
        """The same gradients."""
        return grads

    def loss_and_grad(self, plan: Plan, batch: Batch, fraction: float) -> StepResult:
        """See `Parametrisation.loss_and_grad`; the latents move here."""
        assert self._network is not None
        if self._schedule is None:  # a step that is measured, of the phase that most are of
            schedule = Schedule(self._recipe, _MEASURED_HORIZON, halving=False)
            stage = schedule.stage(schedule.warm_steps + int(fraction * (schedule.main_steps - 1)))
        else:
            schedule, stage = self._schedule, self._schedule.stage(self._count)
            if stage.place == 0:
                self._enter(schedule, stage)
        half = self._half if self._schedule is not None and self._halving else None
        step, weight = self._step, self._rate.weight
        if half is not None:
            step, weight = half.step, weight * half.weight_share
            half.take(self._step.parameters)
        settings = schedule.settings(stage, weight)
        self._network.groups[0].learning_rate = settings.network_rate
        self._network.basis_interval = settings.basis_interval
        self._since += 1
        if settings.temperature is None:
            error, bits = step.differentiate(weight)
        else:
            adapted = stage.kind == "main" and schedule.adapts_noise
            deviation = self._noise.deviation if adapted else settings.deviation
            error, bits = step.run(
                settings.temperature, deviation, self._seed, self._count, weight, settings.latent_rate,
                settings.betas, self._since,
            )  # fmt: skip
            if adapted:
                self._noise.add(error, bits)
        self._count += 1
        gradient = step.gradient if half is None else half.gradient(self._step.parameters)
        norm = float(torch.linalg.vector_norm(gradient))
        if norm > self._recipe.clip:
            gradient = gradient * (self._recipe.clip / norm)
        loss = torch.tensor(self._rate.loss(error, bits))
        # values in [0, 1] are half as large as normalised ones
        return StepResult(loss, {PARAMETERS: gradient}, self._coords, self._residuals, squared=4 * error)

    def judged(self, running_loss: float) -> float:
        """The loss with whole numbers for latents; by its parts, the weight of a bit is adapted."""
        if self._half is not None and self._halving and self._schedule is not None:
            self._half.lift(self._step.latents)
        error, bits = self._step.measure()
        if not math.isfinite(error + bits):
            return math.inf
        self.bits = self._rate.bits_per_pixel(bits)
        if self._schedule is None:
            return self._rate.loss(error, bits)
        stage = self._schedule.stage(min(self._count, self._schedule.steps) - 1)
        if stage.kind in ("warm", "half"):
            return _INCOMPARABLE * (2 - self._count / self._schedule.steps)
        fraction = stage.fraction if stage.kind == "main" else 1.0
        self._noise.observe(error, bits)
        if not self._rate.frozen(fraction):
            self._rate.observe(fraction, self._schedule.steps, self._count - self._observed, error, bits)
            self._observed = self._count
            return _INCOMPARABLE * (2 - self._count / self._schedule.steps)
        loss = self._rate.loss(error, bits)
        if self._best is None or loss < self._best[0]:
            self._best = (loss, *self._copies())
        return loss

    def recipe(self) -> dict[str, Any]:
        """See `Parametrisation.recipe`."""
        return asdict(self._rate.goal)

    def state(self) -> dict[str, Tensor]:
        """Counts, moments, the weight of a bit, and the leaves that may be gone back to."""
        bits = math.nan if self.bits is None else self.bits
        numbers = [self._count, self._observed, self._since, self._rate.weight, self._rate.effective, bits]
        mean, square = self._now.moments
        found = {"numbers": torch.tensor(numbers, dtype=torch.float64), "mean": mean, "square": square}
        found["noise"] = torch.tensor(self._noise.state(), dtype=torch.float64)
        if self._half is not None and self._halving:
            found["half"] = self._half.step.latents
        best = [] if self._best is None else [self._best]
        for name, kept in (("kept", self._kept), ("carried", self._carried), ("best", best)):
            for index, (loss, latents, parameters) in enumerate(kept):
                found[f"{name}.{index}/loss"] = torch.tensor(loss, dtype=torch.float64)
                found[f"{name}.{index}/latents"] = latents
                found[f"{name}.{index}/parameters"] = parameters
        return found

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        count, observed, since, self._rate.weight, self._rate.effective, bits = state["numbers"].tolist()
        self._count, self._observed, self._since = int(count), int(observed), int(since)
        self.bits = None if math.isnan(bits) else bits
        self._noise.restore(state["noise"].tolist())
        self._halving = "half" in state
        if self._halving:
            self._now.latents.copy_(state["half"])
        for moment, name in zip(self._now.moments, ("mean", "square"), strict=True):
            moment.copy_(state[name])

        def kept(name: str) -> list[tuple[float, Tensor, Tensor]]:
            count = sum(key.startswith(f"{name}.") and key.endswith("/loss") for key in state)
            return [
                (
                    float(state[f"{name}.{index}/loss"]),
                    state[f"{name}.{index}/latents"].to(self._step.device),
                    state[f"{name}.{index}/parameters"].to(self._step.device),
                )
                for index in range(count)
            ]

        self._kept, self._carried = kept("kept"), kept("carried")
        self._best = next(iter(kept("best")), None)

    def _enter(self, schedule: Schedule, stage: Stage) -> None:
        """Before the first step of a stage: keep what the one before led to, and take the leaves to begin with."""
        assert self._network is not None
        if self._count and self._in_warm_up(schedule):
            self._kept.append((self._loss_now(), *self._copies()))
        if stage.kind == "last":
            if self._best is not None and self._rate.loss(*self._step.measure()) > self._best[0]:
                self._take(self._best)
        elif stage.kind == "warm" and stage.round == 0:
            self._draw(stage.start)
        elif stage.start == 0 and self._kept:
            ranked = sorted(self._kept, key=lambda each: each[0] if math.isfinite(each[0]) else math.inf)
            self._carried, self._kept = ranked[: schedule.carried(stage)], []
            self._take(self._carried[0])
        elif self._carried:
            self._take(self._carried[stage.start])
        if stage.kind != "warm":
            self._carried = []
        if stage.kind == "main" and self._half is not None:
            self._half.lift(self._step.latents)
            self._half.begin_finest(self._step.parameters)
            self._halving = False
        self._since = 0
        for moment in self._now.moments:
            moment.zero_()
        self._network.reset()

    @property
    def _now(self) -> LatentStep:
        """The step whose latents are learned at the moment."""
        return self._half.step if self._half is not None and self._halving else self._step

    def _loss_now(self) -> float:
        """The loss at whole numbers, of the halved picture while that is fitted."""
        if self._half is None or not self._halving:
            return self._rate.loss(*self._step.measure())
        self._half.take(self._step.parameters)
        error, bits = self._half.step.measure()
        return self._rate.loss(error, bits)

    def _in_warm_up(self, schedule: Schedule) -> bool:
        """Whether the step before was one of the warm-up."""
        return schedule.stage(self._count - 1).kind == "warm"

    def _draw(self, start: int) -> None:
        """Begin anew."""
        layout = self._step.layout
        drawn = eager.initial_parameters(layout, self._seed * 64 + start)
        with torch.no_grad():
            self._now.latents.zero_()
            self._step.parameters.copy_(vector_of(layout, drawn))

    @torch.no_grad()
    def _copies(self) -> tuple[Tensor, Tensor]:
        return self._now.latents.detach().clone(), self._step.parameters.detach().clone()

    @torch.no_grad()
    def _take(self, kept: tuple[float, Tensor, Tensor]) -> None:
        self._now.latents.copy_(kept[1])
        self._step.parameters.copy_(kept[2])
