"""Whether other frequencies of a field's parts would predict samples better that are left out, by tangent kernels."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inr._errors import InrError
from inr.activations import activations
from inr.diagnostics._explain._blocks import blocks_of, sample_by_sample
from inr.encodings import encodings
from inr.field import Field
from inr.fitting import leave_one_out, tangent_kernel
from inr.signals import GridSignal

POINTS, BLOCKS = 400, 2  # of the kernels
_FARTHEST, _PATIENCE = 5, 2  # octaves looked at on either side, and how many that are worse end the search
_WIDTH = 64  # of networks whose kernels stand for those of wider ones
_LEAST = 1e-12


@dataclass(frozen=True)
class Ladder:
    """What a frequency of a part is, and what others an octave apart would predict left-out samples with.

    Attributes:
        part: "encoding" or "activation"; parameter: its name.
        value: that the field has.
        errors: by number, in ascending order: the geometric mean over blocks of the least mean squared error of kernel
            regression on samples that are left out one at a time (`inr.fitting.leave_one_out`).
    """

    part: str
    parameter: str
    value: float
    errors: tuple[tuple[float, float], ...]

    @property
    def best(self) -> float:
        """The number that predicts best."""
        return min(self.errors, key=lambda each: each[1])[0]

    @property
    def octaves(self) -> float:
        """From the field's number up to the best."""
        return math.log2(self.best / self.value)

    @property
    def gain(self) -> float:
        """Decibels by which the best number predicts better than the field's."""
        given = min(self.errors, key=lambda each: abs(math.log2(each[0] / self.value)))
        return 10 * math.log10(given[1] / min(error for _, error in self.errors))


def frequency_ladders(field: Field, signal: GridSignal, *, seed: int = 0) -> tuple[Ladder, ...]:
    """A ladder for every frequency of the field's parts.

    Args:
        field: whose parts are looked at; its weights are not.
        signal: that it was fitted to.
        seed: of weights, and of where the blocks lie.
    """
    config = field.config()
    samples = _samples(signal, seed)
    flat = not any(bool(values.any()) for _, values in samples)
    found = []
    for part, registry in (("encoding", encodings), ("activation", activations)):
        for name in registry.info(config[part]["name"]).cls.automatic:
            value = config[part].get(name)
            if isinstance(value, int | float) and not flat:
                errors = _climb(field, config, part, name, float(value), samples, seed)
                if errors:
                    found.append(Ladder(part, name, float(value), errors))
    return tuple(found)


def lost_by_running_on(field: Field, signal: GridSignal, noise: float, *, seed: int = 0) -> float:
    """Decibels that a signal under noise loses when it is fitted to the end, by kernel regression with a field's parts.

    Ridges stand for lengths of training: the best for the steps that are best, and the least for all that there are.
    What samples are missed by that are left out has the noise in it, which is taken off.

    Args:
        field: whose parts are looked at.
        signal: that it was fitted to.
        noise: its mean square, in normalised values.
        seed: of weights, and of where the blocks lie.

    Returns:
        NaN of tables whose derivatives would be taken value by value, and of samples that are too few.
    """
    samples = _samples(signal, seed)
    if not samples or sample_by_sample(field):
        return math.nan
    errors = _by_ridges(field, {part: dict(each) for part, each in field.config().items()}, samples, seed)
    finite = [each for each in errors if math.isfinite(each)]
    if not finite:
        return math.nan
    best, last = (max(each - noise, 0.1 * noise) for each in (min(finite), finite[-1]))
    return 10 * math.log10(last / best)


def _samples(signal: GridSignal, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Coordinates, and values about their mean, of the blocks that kernels are of."""
    found = [block.samples() for block in blocks_of(signal, points=POINTS, count=BLOCKS, seed=seed + 1)]
    return [(coords, (values - values.mean(0)).double()) for coords, values in found if len(coords) >= 16]


def _climb(
    field: Field,
    config: Mapping[str, Any],
    part: str,
    name: str,
    value: float,
    samples: list[tuple[Tensor, Tensor]],
    seed: int,
) -> tuple[tuple[float, float], ...]:
    """Errors by number, outwards from the field's own until two in a row are worse than the least."""

    def error(octave: int) -> float:
        parts = {each: dict(config[each]) for each in ("encoding", "activation", "network")}
        parts[part][name] = value * 2.0**octave
        return _left_out(field, parts, samples, seed)

    errors = {0: error(0)}
    for direction in (-1, 1):
        for distance in range(1, _FARTHEST + 1):
            octave = direction * distance
            errors[octave] = error(octave)
            least = min(errors, key=lambda each: errors[each])
            if (octave - least) * direction >= _PATIENCE:
                break
    kept = {octave: each for octave, each in errors.items() if math.isfinite(each)}
    return tuple((value * 2.0**octave, kept[octave]) for octave in sorted(kept)) if 0 in kept else ()


def _left_out(field: Field, parts: Mapping[str, Any], samples: list[tuple[Tensor, Tensor]], seed: int) -> float:
    """The geometric mean over blocks of the least error; infinite where parts cannot be built."""
    return min(_by_ridges(field, parts, samples, seed), default=math.inf)


def _by_ridges(field: Field, parts: Mapping[str, Any], samples: list[tuple[Tensor, Tensor]], seed: int) -> list[float]:
    """The geometric mean over blocks of the error with each ridge, large to small; none where parts cannot be built."""
    width = parts["network"].get("width")
    if isinstance(width, int):
        parts["network"]["width"] = min(width, _WIDTH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            fresh = Field.build(field.domain, **parts)
        except InrError:
            return []
    logarithms = []
    for coords, values in samples:
        with torch.enable_grad():
            kernel = tangent_kernel(fresh, coords).double()
        logarithms.append(leave_one_out(kernel, values).clamp(min=_LEAST).log())
    return torch.stack(logarithms).mean(0).exp().tolist() if logarithms else []
