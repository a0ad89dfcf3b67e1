"""Samples that wander towards errors, with weights that make up for it."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from inr._errors import InrError
from inr._parts import Range
from inr.engines import Batch
from inr.signals import GridSignal, Signal
from inr.teaching._base import Scorer, Teacher, teachers
from inr.teaching._choice import step_generator
from inr.teaching._edges import slopes

_SMALLEST = 2.0**-10  # error, of values from 0 to 1, below which errors count as this
_LEAST_WEIGHT = 0.2
_LEAST_EDGE = 1e-5  # chance of a restart at a sample without an edge, of that at the strongest


@teachers.register(
    "soft",
    source="Kheradmand et al., Soft Mining, CVPR 2024",
    formula="x ← x + a ∇log|f − y| + b ε, ε ~ N(0, 1); loss weights 1/|f − y|^α",
    limits="needs a signal on a grid, and the field's derivatives",
)
class Soft(Teacher):
    """Soft mining: samples are particles that climb the logarithm of the error by Langevin steps, weighted.

    There are floor(ratio * min(batch, size)) particles, at least one, in the box [0, 1] of every axis, and each stands
    for the sample in whose cell it is; several may stand for one. Between two steps:

    - every particle moves by drift / particles times the slope of log(mean squared error), per sample of each axis,
      plus noise times a normal number;
    - `redrawn` of them (always the same ones) are drawn anew, uniformly;
    - of the others, those that left the box and those of the lowest loss, `restarted` of all, start again at samples
      drawn by the strength of their edges (`slopes`).

    A sample's weight is (1 / mean absolute error)^a, at least 0.2 and at most the mean plus one standard deviation of
    the batch, with errors of values from 0 to 1 and a growing from 0 to `alpha` in the first `warmup` steps (evenly;
    the authors' code is there after 1000 alpha steps). Weights are then scaled to a mean of one: Adam hardly sees the
    scale, and the loss stays comparable with a mean squared error. Published: alpha 0.6, and 0.8 for photographed
    scenes (LLFF).

    The authors' slope is the gradient of the batch's mean loss by the place in pixels, over the particle's loss: hence
    the division by the number of particles. Theirs comes from back-propagation and holds the target still; here it
    is a central difference (one-sided at the border) of the error itself, the target's change included, which any
    engine can evaluate. It takes 1 + 2 D evaluations a particle and step, all counted as scored; slopes and losses
    are, as theirs, of the field before the step that learned from the particle.
    """

    def __init__(
        self,
        *,
        ratio: Annotated[float, Range(0, 1, above=True), "share of the batch that a step takes"] = 0.5,
        drift: Annotated[float, Range(0), "how far particles follow the slope of the log error"] = 20.0,
        noise: Annotated[float, Range(0), "random part of a move, as a share of the box"] = 0.02,
        alpha: Annotated[float, Range(0, 1), "power of the weights, once warmed up"] = 0.6,
        warmup: Annotated[int, Range(1), "steps until that power is reached"] = 1000,
        redrawn: Annotated[float, Range(0, 1), "share of particles drawn uniformly in every step"] = 0.1,
        restarted: Annotated[float, Range(0, 1), "share of particles restarted on edges for their low loss"] = 0.1,
    ) -> None:
        self._ratio = ratio
        self._drift = drift
        self._noise = noise
        self._alpha = alpha
        self._warmup = warmup
        self._redrawn = redrawn
        self._restarted = restarted

    def bind(self, signal: Signal, steps: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """Prepare for fitting `signal` with `ratio` of at most `batch` samples a step, on `device` (none: cpu).

        Raises InrError for scattered samples, between which nothing can move.
        """
        self.check(signal)
        assert isinstance(signal, GridSignal)
        self._device = device or torch.device("cpu")
        self._seed = seed
        self._count = max(int(self._ratio * min(batch, signal.size)), 1)
        self._signal = signal
        self._shape = signal.array.shape[:-1]
        self._sizes = torch.tensor(self._shape, device=self._device)
        strengths = slopes(signal).ravel()
        least = _LEAST_EDGE * strengths.max() or 1.0  # no edges at all: anywhere
        chances = np.cumsum(np.maximum(strengths, least), dtype=np.float64)
        self._edges = torch.from_numpy(chances / chances[-1]).to(self._device)
        self._state: dict[str, Tensor] = {}

    def check(self, signal: Signal) -> None:
        """Raise InrError for scattered samples."""
        if not isinstance(signal, GridSignal):
            raise InrError("teacher 'soft' moves samples over a grid; for scattered samples use uniform")

    def select(self, step: int, scorer: Scorer) -> Batch:
        """The samples of step `step` with their weights, sorted; particles have moved since the last step."""
        generator = step_generator(self._seed, step, self._device)
        particles = self._moved(generator) if self._state else self._uniform(generator)
        cells = (particles * self._sizes).long().clamp(min=0).minimum(self._sizes - 1)
        # in the order of the grid, which engines gather faster
        indices, order = self._samples(cells).sort(stable=True)
        errors, slope = self._stencil(cells.index_select(0, order), scorer)
        place = order.argsort()
        losses = errors.square().mean(dim=1).index_select(0, place)
        self._state = {"particles": particles, "losses": losses, "slopes": slope.index_select(0, place)}
        return Batch(indices, importance(errors, self._alpha * min(step / self._warmup, 1.0)))

    def state(self) -> dict[str, Tensor]:
        """Places of the particles (n, d), float64 in [0, 1], and their losses (n,) and slopes (n, d), float32."""
        return dict(self._state)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state; called after `bind`."""
        self._state = dict(state)

    def _samples(self, cells: Int[Tensor, "n d"]) -> Int[Tensor, " n"]:
        """The samples of cells; where one is missing, the nearest that is there."""
        flat = cells[:, 0]
        for axis in range(1, len(self._shape)):
            flat = flat * self._shape[axis] + cells[:, axis]
        return self._signal.samples_of(flat)

    def _stencil(self, cells: Int[Tensor, "n d"], scorer: Scorer) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n d"]]:
        """Errors at cells, of values from 0 to 1, and the slope of their log mean square per sample of every axis."""
        places, distances = [cells], []
        for axis, size in enumerate(self._shape):
            before, after = cells.clone(), cells.clone()
            before[:, axis].sub_(1).clamp_(min=0)
            after[:, axis].add_(1).clamp_(max=size - 1)
            places += [before, after]
            distances.append(after[:, axis] - before[:, axis])
        errors = scorer.residuals(self._samples(torch.cat(places))) / 2
        logs = errors.square().mean(dim=1).clamp(min=_SMALLEST**2).log().view(-1, len(cells))
        rises = (logs[2::2] - logs[1::2]).T
        # 0 where an axis has one sample
        return errors[: len(cells)], rises / torch.stack(distances, dim=1).clamp(min=1)

    def _uniform(self, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Particles anywhere in the box."""
        shape = (self._count, len(self._shape))
        return torch.rand(shape, dtype=torch.float64, generator=generator, device=self._device)

    def _moved(self, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Where the particles are after a Langevin step and what follows it."""
        particles, losses = self._state["particles"], self._state["losses"]
        noise = torch.randn(particles.shape, dtype=torch.float64, generator=generator, device=self._device)
        moved = particles + self._drift / self._count * self._state["slopes"] + self._noise * noise
        kept = self._count - int(self._redrawn * self._count)
        again = ((moved < 0) | (moved > 1)).any(dim=1)
        lowest = min(int(self._restarted * self._count), kept)
        again.index_fill_(0, losses[:kept].topk(lowest, largest=False).indices, True)
        moved = torch.where(again[:, None], self._on_edges(generator), moved)
        moved[kept:] = self._uniform(generator)[kept:]
        return moved

    def _on_edges(self, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Particles at the centres of samples, drawn by the strength of their edges."""
        chances = torch.rand(self._count, dtype=torch.float64, generator=generator, device=self._device)
        drawn = torch.searchsorted(self._edges, chances, right=True).clamp(max=len(self._edges) - 1)
        cells = torch.stack(torch.unravel_index(drawn, self._shape), dim=1)
        return (cells.double() + 0.5) / self._sizes


def importance(errors: Float[Tensor, "n c"], alpha: float) -> Float[Tensor, " n"]:
    """Weights of samples by their errors, of values from 0 to 1, with a mean of one; see `Soft`."""
    weights = errors.abs().mean(dim=1).clamp(min=_SMALLEST).pow(-alpha)
    spread = weights.std() if len(weights) > 1 else 0.0
    weights = weights.clamp(min=_LEAST_WEIGHT).clamp(max=weights.mean() + spread)
    return weights / weights.mean()
