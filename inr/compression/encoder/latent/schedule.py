"""How the fit of latent grids goes: several starts, a part at half resolution, one long anneal, and a last phase.

The settings are those of Cool-Chic 5.0.1 (Ladune et al., "COOL-CHIC", ICCV 2023) unless they are said to differ.
"""

import math
from dataclasses import dataclass
from typing import Literal

# Steps that a start is given in each round, by the steps of the fit below which that holds.
_WARM_STEPS = ((4_000, 50), (9_000, 100), (12_000, 200))
_MOST_WARM_STEPS = 400
# Short fits spend no larger part of their steps on a start and round than this.
_WARM_SHARE = 1 / 40
# By the weight of a bit below which it holds, what the latents' learning rate is multiplied by: they are integers here.
_GAINS = ((2e-4, 24.0), (5e-4, 20.0))
_USUAL_GAIN = 16.0
# Fits of as many steps do all of them at full resolution: from there on the rest brought nothing.
_HALF_BELOW = 1_500
# Learning rate, temperature and deviation of the noise at the end of the part at half resolution.
_HALF_ENDS = (6e-3, 0.3, 0.2)
# Fits of as many steps adapt the noise; of 2,400 it makes no difference, and of fewer noise as a line is better.
_ADAPTED_FROM = 4_000
# What a step at half resolution takes of the time of another.
_HALF_TIME = 0.3


def gain_of(weight: float) -> float:
    """How much faster latents in units of integers move than numbers of the size of 1.

    Args:
        weight: of a bit per pixel, against the mean squared error of values in [0, 1].
    """
    return next((gain for below, gain in _GAINS if weight < below), _USUAL_GAIN)


@dataclass(frozen=True)
class Recipe:
    """What may be chosen about a fit.

    Attributes:
        starts: how many starts each round of the warm-up has; the best of one go on to the next, and then one does.
        warm: steps of a start in a round; None: what suits the number of steps.
        half: share of the steps of a short fit that are done at half the resolution after the warm-up, which is too.
        last: share of the steps that only the networks learn in, with whole numbers for latents.
        rate, final_rate: learning rates, which fall as a cosine does; of the latents, times the gain.
        last_rate: of the networks in the last phase, at its beginning.
        latent_scale: what the latents' learning rate is multiplied by besides.
        betas, warm_betas: decay of the moments of latents, in the main phase and the warm-up.
        temperature: of the soft rounding, at the beginning and the end of the main phase.
        deviation: of the noise, in integers, at these moments; in long fits at the first, and then `NoiseControl`
            adapts it.
        optimiser: of the networks' matrices: "soap", or "adam".
        clip: largest norm of the networks' gradient.
        decay: weight decay of the networks.
    """

    starts: tuple[int, ...] = (5, 2)
    warm: int | None = None
    half: float = 0.15
    last: float = 0.05
    rate: float = 1e-2
    final_rate: float = 1e-5
    last_rate: float = 1e-4
    latent_scale: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)
    warm_betas: tuple[float, float] = (0.725, 0.97)
    temperature: tuple[float, float] = (0.35, 0.08)
    deviation: tuple[float, float] = (0.22, 0.15)
    optimiser: Literal["soap", "adam"] = "soap"
    clip: float = 0.3
    decay: float = 0.01


@dataclass(frozen=True)
class Stage:
    """Where in a fit a step is.

    Attributes:
        kind: "warm", "half", "main" or "last".
        round, start: of the warm-up, from 0 on; 0 otherwise.
        place: of the step in its stage, from 0 on. length: steps of the stage.
    """

    kind: Literal["warm", "half", "main", "last"]
    round: int
    start: int
    place: int
    length: int

    @property
    def fraction(self) -> float:
        """How much of the stage is done before the step, below 1."""
        return self.place / self.length


@dataclass(frozen=True)
class Settings:
    """The numbers of a step.

    Attributes:
        temperature: of the soft rounding; None: latents are rounded to whole numbers and stay as they are.
        deviation: of the noise, in integers, where it is not adapted.
        latent_rate: learning rate of the latents, in integers. betas: of their moments.
        network_rate: learning rate of the networks. basis_interval: steps from one turn of SOAP's bases to the next.
    """

    temperature: float | None
    deviation: float
    latent_rate: float
    betas: tuple[float, float]
    network_rate: float
    basis_interval: int


class Schedule:
    """The stages of a fit, and the settings of every step.

    Args:
        recipe: of the fit.
        steps: of all of it, with the warm-up's.
        halving: whether short fits have a part at half resolution.

    Attributes:
        adapts_noise: whether `NoiseControl` says how strong the noise of the main phase is.
    """

    def __init__(self, recipe: Recipe, steps: int, *, halving: bool) -> None:
        self.recipe, self.steps = recipe, steps
        self.adapts_noise = steps >= _ADAPTED_FROM
        by_rule = next((warm for below, warm in _WARM_STEPS if steps < below), _MOST_WARM_STEPS)
        warm = min(by_rule, int(steps * _WARM_SHARE)) if recipe.warm is None else recipe.warm
        self._starts = recipe.starts if sum(recipe.starts) > 1 and warm else ()
        self._warm = warm
        self.warm_steps = warm * sum(self._starts)
        self.last_steps = round(recipe.last * steps)
        self.half_steps = round(recipe.half * steps) if halving and steps < _HALF_BELOW else 0
        self.main_steps = steps - self.warm_steps - self.half_steps - self.last_steps
        # by the time of a step at full resolution
        self.time = steps - (1 - _HALF_TIME) * (self.warm_steps + self.half_steps) * (self.half_steps > 0)

    def stage(self, step: int) -> Stage:
        """The stage of a step, from 0 on."""
        if step < self.warm_steps:
            start, place = divmod(step, self._warm)
            for index, starts in enumerate(self._starts):
                if start < starts:
                    return Stage("warm", index, start, place, self._warm)
                start -= starts
        place = step - self.warm_steps
        if place < self.half_steps:
            return Stage("half", 0, 0, place, self.half_steps)
        place -= self.half_steps
        if place < self.main_steps:
            return Stage("main", 0, 0, place, self.main_steps)
        return Stage("last", 0, 0, place - self.main_steps, self.last_steps)

    def carried(self, stage: Stage) -> int:
        """How many starts of the round before a stage go on in it."""
        return self._starts[stage.round] if stage.kind == "warm" else 1

    def settings(self, stage: Stage, weight: float) -> Settings:
        """The numbers of a step.

        Args:
            stage: where it is.
            weight: of a bit per pixel, which decides how noisy a warm-up is, and the latents' gain.
        """
        recipe = self.recipe
        scale = gain_of(weight) * recipe.latent_scale
        if stage.kind == "warm":
            deviation = min(max((0.747 - 0.432 * math.log10(weight)) / 10, 0.05), 0.3)
            return Settings(recipe.temperature[0], deviation, scale * recipe.rate, recipe.warm_betas, recipe.rate, 1)
        done = stage.fraction
        if stage.kind == "last":
            rate = _cosine(recipe.last_rate, recipe.final_rate, done)
            return Settings(None, 0.0, 0.0, recipe.betas, rate, 10)
        ends = recipe.final_rate, recipe.temperature[1], recipe.deviation[1]
        if stage.kind == "half":
            ends = _HALF_ENDS
        rate = _cosine(recipe.rate, ends[0], done)
        temperature = recipe.temperature[0] + (ends[1] - recipe.temperature[0]) * done
        deviation = recipe.deviation[0] + (ends[2] - recipe.deviation[0]) * done
        return Settings(temperature, deviation, scale * rate, recipe.betas, rate, 10)


def _cosine(first: float, last: float, done: float) -> float:
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * done))
