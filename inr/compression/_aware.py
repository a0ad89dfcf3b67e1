"""Fits that know that their weights will be rounded: first as usual, then with the integers' values in their place."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from inr.compression._step_sizes import balanced_steps, sensitivities, step_of, to_integers
from inr.compression._weights import Rounded, encode_weights
from inr.field import Field, Spec
from inr.fitting import Budget, Event, Fitter
from inr.fitting._defaults import Setup
from inr.fitting._optimiser import Gradients
from inr.signals import Signal

# of the steps, with rounded weights
AWARE = 0.4
# of the learning rate, that those begin with
_LOWER = 0.3
# of the aware steps: between two choices of the steps of quantisation, and before the last one
_INTERVAL, _SETTLED = 1 / 16, 3 / 4
# of the room for weights, that is aimed at: what they take drifts
_AIM = 0.985
# samples by which losses are compared
_JUDGED = 16_384

OnEvent = Callable[[Event], Any]


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
        self._exponent: float | None = None
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
        """Choose the steps: the smallest multiplier under which the weights, coded, are within the room."""
        low, high = (-80.0, 40.0) if self._exponent is None else (self._exponent - 4, self._exponent + 4)
        while high - low > 0.05:
            middle = (low + high) / 2
            self.use(parameters, middle)
            fits = len(encode_weights(self.rounded(parameters))) <= _AIM * self._room
            low, high = (low, middle) if fits else (middle, high)
        self.use(parameters, high)

    def use(self, parameters: Mapping[str, Tensor], exponent: float) -> None:
        """Take the steps of a multiplier, given by its logarithm."""
        self._exponent = exponent
        sizes = {name: tensor.numel() for name, tensor in parameters.items()}
        self.indices = balanced_steps(sizes, self._sensitivity, 2.0**exponent)
        self._steps = {name: step_of(index) for name, index in self.indices.items()}

    def coarsen(self, parameters: Mapping[str, Tensor]) -> bool:
        """Take slightly larger steps; False where all weights are rounded to 0 already."""
        assert self._exponent is not None
        self.use(parameters, self._exponent + 0.05)
        return any(bool((tensor.detach().abs() > self._steps[name] / 2).any()) for name, tensor in parameters.items())

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
    start: Mapping[str, Tensor] | None = None,
    on_event: OnEvent | None = None,
) -> tuple[Field, dict[str, Rounded]]:
    """A field with weights that take at most `room` bytes, and their integers; the field has the integers' values.

    Args:
        setup: parts, batch, and steps of all the fit, of which the last `AWARE` are with rounded weights.
        start: weights to begin with.
    """
    aware = round(AWARE * setup.steps)
    first = Fitter(signal, setup, Budget(steps=setup.steps - aware), engine=engine, seed=seed, start=start)
    _run(first, on_event)
    field = first.field.cpu()
    rates = {part: _LOWER * rate for part, rate in first._rates.items()}
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
    from inr.engines import plan

    _, ready = plan(field, None, engine)
    indices = torch.randperm(signal.size, generator=torch.Generator().manual_seed(seed))[:_JUDGED]
    coords, values = signal.coords(indices), signal.values(indices)

    def loss(tensors: Mapping[str, Tensor]) -> float:
        return float((ready.forward(tensors, coords) - values).square().mean())

    rounded = RoundedWeights(dict(field.named_parameters()), loss, room)
    if setup.steps:
        fitter = Fitter(
            signal, setup, Budget(steps=setup.steps), engine=engine, seed=seed + 1, start=field.state_dict(),
            stand_in=rounded,
        )  # fmt: skip
        _run(fitter, on_event)
        field = fitter.field.cpu()
    parameters = dict(field.named_parameters())
    if not setup.steps:
        rounded.choose(parameters)
    found = rounded.rounded(parameters)
    while len(encode_weights(found)) > room and rounded.coarsen(parameters):
        found = rounded.rounded(parameters)
    field.load_state_dict({**field.state_dict(), **{name: each.values for name, each in found.items()}})
    return field.eval(), found


def _run(fitter: Fitter, on_event: OnEvent | None) -> None:
    for event in fitter.run():
        if on_event is not None:
            on_event(event)
