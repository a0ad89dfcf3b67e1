"""Fits that know that their weights will be rounded: first as usual, then with the integers' values in their place."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from inr.compression._codec import OnEvent
from inr.compression._polish import polish
from inr.compression._step_sizes import balanced_steps, nearest_index, sensitivities, step_of, to_integers
from inr.compression._weights import Rounded, encode_weights
from inr.engines import Plan, plan
from inr.field import Field, Spec
from inr.fitting import Budget, Event, Fitter
from inr.fitting._defaults import Setup
from inr.fitting._optimiser import Gradients
from inr.signals import Signal

# of the steps, with rounded weights
AWARE = 0.4
# of the learning rate, that those begin with
LOWER = 0.5
# of the aware steps: between two choices of the steps of quantisation, and before the last one
_INTERVAL, _SETTLED = 1 / 8, 3 / 4
# of the room for weights, that is aimed at: what they take drifts
_AIM = 0.985
# log2 of the multipliers of `balanced_steps` that are tried, and how often a choice is made better
_SMALLEST, _LARGEST, _TRIES = -80.0, 40.0, 3
# by how much multipliers grow, as logarithms to base 2, to make what drifted fit: twice as much each time
_WIDER, _WIDEST = 1 / 16, 64
_FLOAT_BITS = 22
# Sweeps over all integers of a polish, and products of weights and samples that it may take: half a minute.
_SWEEPS, _WORK = 10, 5 * 10**10
# samples by which losses are compared
_JUDGED = 16_384


class RoundedWeights:
    """Weights rounded to steps under which they take a given number of bits; gradients pass straight through.

    Which tensor gets which step follows from measured sensitivities, see `balanced_steps`. Steps are chosen anew now
    and then, as the weights move.

    Args:
        parameters: the weights at the beginning.
        loss: of weights in their place.
        room: bytes that all may take.
    """

    def __init__(self, parameters: Mapping[str, Tensor], loss: Callable[[Mapping[str, Tensor]], float], room: int):
        self._sensitivity = sensitivities(loss, parameters)
        self._room = room
        self._wrong = 0.0  # bits that coded weights took beyond what was foretold
        self._next = 0.0
        self.indices: dict[str, int] = {}

    def tensors(self, fraction: float, parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The rounded weights."""
        if fraction >= self._next and (fraction < _SETTLED or not self.indices):
            self._next += _INTERVAL
            self.choose(parameters)
        return {
            name: (tensor.detach() / self._steps[name]).round_().mul_(self._steps[name])
            for name, tensor in parameters.items()
        }

    def grads(self, grads: Gradients) -> Gradients:
        """The same gradients."""
        return grads

    def choose(self, parameters: Mapping[str, Tensor]) -> None:
        """Choose the steps: the smallest multiplier under which the weights, coded, are about within the room.

        Sizes are foretold, by how far that was wrong the last time: coding takes a tenth of a second.
        """
        spreads = {name: (tensor.numel(), _variance(tensor)) for name, tensor in parameters.items()}
        for _ in range(_TRIES):
            low, high = _SMALLEST, _LARGEST
            while high - low > 0.02:
                middle = (low + high) / 2
                self.use(parameters, middle)
                fits = self._foretold(spreads) + self._wrong <= 8 * _AIM * self._room
                low, high = (low, middle) if fits else (middle, high)
            self.use(parameters, high)
            coded = 8 * self.size(parameters)
            self._wrong = coded - self._foretold(spreads)
            if abs(coded / (8 * _AIM * self._room) - 1) < 0.01:
                break

    def _foretold(self, spreads: Mapping[str, tuple[int, float]]) -> float:
        """Bits of the weights if their integers were normally distributed, by how many there are and their variance."""
        return sum(
            0.5 * size * math.log2(2 * math.pi * math.e * (variance / self._steps[name] ** 2 + 1 / 12))
            for name, (size, variance) in spreads.items()
        )

    def use(self, parameters: Mapping[str, Tensor], exponent: float) -> None:
        """Take the steps of a multiplier, given by its logarithm."""
        self._exponent = exponent
        sizes = {name: tensor.numel() for name, tensor in parameters.items()}
        chosen = balanced_steps(sizes, self._sensitivity, 2.0**exponent)
        self.indices = {name: max(chosen[name], _finest(tensor)) for name, tensor in parameters.items()}
        self._steps = {name: step_of(index) for name, index in self.indices.items()}

    @property
    def multiplier(self) -> float:
        """Of the steps as they are, see `balanced_steps`."""
        return float(2.0**self._exponent)

    def settle(self, parameters: Mapping[str, Tensor]) -> None:
        """Take larger steps until the weights, coded, are within the room, or all 0."""
        wider = _WIDER
        while self.size(parameters) > self._room and wider < _WIDEST:
            self.use(parameters, self._exponent + wider)
            wider *= 2

    def size(self, parameters: Mapping[str, Tensor]) -> int:
        """Bytes of the weights, coded."""
        return len(encode_weights(self.rounded(parameters)))

    def rounded(self, parameters: Mapping[str, Tensor]) -> dict[str, Rounded]:
        """The weights' integers."""
        return {
            name: Rounded(to_integers(tensor, self.indices[name]), self.indices[name])
            for name, tensor in parameters.items()
        }


def fit_rounded(
    signal: Signal,
    setup: Setup,
    room: int,
    *,
    engine: Spec = "auto",
    seed: int = 0,
    on_event: OnEvent | None = None,
) -> tuple[Field, dict[str, Rounded]]:
    """A field with weights that take at most `room` bytes, and their integers; the field has the integers' values.

    Args:
        setup: parts, batch, and steps of all the fit, of which the last `AWARE` are with rounded weights.
    """
    aware = round(AWARE * setup.steps)
    first = Fitter(signal, setup, Budget(steps=setup.steps - aware), engine=engine, seed=seed)
    tell(first.run(), on_event)
    field = first.field.cpu()
    rates = {part: LOWER * rate for part, rate in first._rates.items()}
    return round_field(
        field, signal, replace(setup, steps=aware, rates=rates), room, engine=engine, seed=seed, on_event=on_event
    )


def round_field(
    field: Field,
    signal: Signal,
    setup: Setup,
    room: int,
    *,
    engine: Spec = "auto",
    seed: int = 0,
    on_event: OnEvent | None = None,
) -> tuple[Field, dict[str, Rounded]]:
    """As `fit_rounded`, from a fitted field on."""
    field = copy.deepcopy(field)
    _, ready = plan(field, None, engine)
    indices = torch.randperm(signal.size, generator=torch.Generator().manual_seed(seed))[:_JUDGED].to(ready.device)
    coords, values = signal.coords(indices), signal.values(indices)

    def loss(tensors: Mapping[str, Tensor]) -> float:
        there = {name: tensor.detach().to(ready.device) for name, tensor in tensors.items()}
        return float((ready.forward(there, coords) - values).square().mean())

    rounded = RoundedWeights(dict(field.named_parameters()), loss, room)
    if setup.steps:
        fitter = Fitter(
            signal, setup, Budget(steps=setup.steps), engine=engine, seed=seed + 1, start=field.state_dict(),
            stand_in=rounded,
        )  # fmt: skip
        tell(fitter.run(), on_event)
        field = fitter.field.cpu()
    parameters = dict(field.named_parameters())
    if not setup.steps:
        rounded.choose(parameters)
    rounded.settle(parameters)
    found = _polished(field, signal, rounded.rounded(parameters), room, rounded.multiplier, ready, setup.steps)
    field.load_state_dict({**field.state_dict(), **{name: each.values for name, each in found.items()}})
    return field.eval(), found


def _polished(
    field: Field, signal: Signal, found: dict[str, Rounded], room: int, multiplier: float, ready: Plan, steps: int
) -> dict[str, Rounded]:
    """Small networks of small signals with their integers polished, for at most two evaluations a step."""
    count = field.parameter_count
    if 2 * _SWEEPS * count * count * signal.size > _WORK:
        return found
    everything = torch.arange(signal.size, device=ready.device)
    coords, values = signal.coords(everything), signal.values(everything).cpu().numpy()

    def loss(tensors: Mapping[str, Tensor]) -> float:
        there = {name: tensor.to(ready.device) for name, tensor in tensors.items()}
        return float(np.square(ready.forward(there, coords).cpu().numpy() - values).mean())

    for bit in (0.0, 0.3 * multiplier, multiplier):
        better = polish(found, loss, bit, evaluations=min(2 * _SWEEPS * count, 2 * steps))
        if len(encode_weights(better)) <= room:
            return better
    return found


def _finest(tensor: Tensor) -> int:
    """The step below which nothing is gained, for float32 rounds more coarsely."""
    return nearest_index(max(float(tensor.detach().abs().max()) * 2.0**-_FLOAT_BITS, 2.0**-60))


def _variance(tensor: Tensor) -> float:
    return float(tensor.detach().double().var(correction=0))


def tell(events: Iterable[Event], on_event: OnEvent | None) -> None:
    """Hand all events on, as they come."""
    for event in events:
        if on_event is not None:
            on_event(event)
