"""Fits that know that their weights will be rounded: first as usual, then with the integers' values in their place."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from inr.compression.bitstream.network import with_weights
from inr.compression.bitstream.weights import QuantisedTensor, values_of
from inr.compression.codecs.base import OnEvent
from inr.compression.encoder.neuron_order import orderable, shorten_biases
from inr.compression.encoder.qat import RoundedWeights
from inr.compression.encoder.refinement import refinable, refine
from inr.engines import plan
from inr.field import Field, Spec
from inr.fitting import Budget, Event, Fitter, Setup
from inr.signals import GridSignal, Signal

# of the steps, with rounded weights
AWARE = 0.7
# Steps of a fit from which on it is worth refining its weights, which takes as long again.
_MIN_STEPS_TO_REFINE = 400
# Samples by which losses are compared.
_COMPARED_SAMPLES = 16_384


def fit_rounded(
    signal: Signal,
    setup: Setup,
    max_bytes: int,
    *,
    engine: Spec = "auto",
    seed: int = 0,
    on_event: OnEvent | None = None,
    reference: Mapping[str, Tensor] | None = None,
) -> tuple[Field, dict[str, QuantisedTensor]]:
    """A field with weights that take at most `max_bytes` bytes, and their integers; the field has the integers' values.

    Args:
        setup: parts, batch, and steps of all the fit, of which the last `AWARE` are with rounded weights.
        reference: weights to begin from, and from which integers count; None: drawn ones, and 0.
    """
    steps = setup.steps or 0
    aware = round(AWARE * steps)
    first = Fitter(signal, setup, Budget(steps=steps - aware), engine=engine, seed=seed, start=reference)
    tell(first.run(), on_event)
    field = first.field.cpu()
    return round_field(
        field,
        signal,
        replace(setup, steps=aware),
        max_bytes,
        engine=engine,
        seed=seed,
        on_event=on_event,
        reference=reference,
    )


def round_field(
    field: Field,
    signal: Signal,
    setup: Setup,
    max_bytes: int,
    *,
    engine: Spec = "auto",
    seed: int = 0,
    on_event: OnEvent | None = None,
    reference: Mapping[str, Tensor] | None = None,
) -> tuple[Field, dict[str, QuantisedTensor]]:
    """As `fit_rounded`, from a fitted field on."""
    field = copy.deepcopy(field)
    ordered = reference is None and orderable(field)
    if ordered:
        shorten_biases(field)
    _, ready = plan(field, None, engine)
    indices = torch.randperm(signal.size, generator=torch.Generator().manual_seed(seed))[:_COMPARED_SAMPLES].to(
        ready.device
    )
    coords, values = signal.coords(indices), signal.values(indices)
    if isinstance(signal, GridSignal) and not setup.lattice_only:
        values = signal.interpolated(indices, torch.zeros_like(coords))

    def loss(tensors: Mapping[str, Tensor]) -> float:
        there = {name: tensor.detach().to(ready.device) for name, tensor in tensors.items()}
        return float((ready.forward(there, coords) - values).square().mean())

    refined = reference is None and refinable(field, signal) and (setup.steps or 0) >= _MIN_STEPS_TO_REFINE
    # networks that small have no weight to spare
    rounded = RoundedWeights(
        dict(field.named_parameters()),
        loss,
        max_bytes,
        reference=reference,
        rate=0.0 if refined else 1.0,
        ordered=ordered,
    )
    if setup.steps:
        fitter = Fitter(
            signal, setup, Budget(steps=setup.steps), engine=engine, seed=seed + 1, start=field.state_dict(),
            parametrisation=rounded,
        )  # fmt: skip
        tell(fitter.run(), on_event)
        field = fitter.field.cpu()
    parameters = dict(field.named_parameters())
    if not setup.steps:
        rounded.choose(parameters)
    rounded.fit_within_limit(parameters)
    found = rounded.rounded(parameters)
    if refined:
        found = refine(field, signal, rounded, found, max_bytes, seed=seed)
    return with_weights(field, values_of(found, reference)).eval(), found


def tell(events: Iterable[Event], on_event: OnEvent | None) -> None:
    """Hand all events on, as they come."""
    for event in events:
        if on_event is not None:
            on_event(event)
