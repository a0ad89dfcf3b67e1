"""Fits that know that their weights will be rounded: first as usual, then with the integers' values in their place."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from inr.compression.bitstream.network import with_weights
from inr.compression.bitstream.weights import QuantisedTensor, Spread, values_of
from inr.compression.encoder.neuron_order import orderable, shorten_biases
from inr.compression.encoder.qat import RoundedWeights
from inr.compression.encoder.refinement import refinable, refine
from inr.compression.fit_series import FitSeries
from inr.engines import plan
from inr.field import Field, Spec
from inr.fitting import Fitter, Setup
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
    fits: FitSeries | None = None,
    reference: Mapping[str, Tensor] | None = None,
    start: Mapping[str, Tensor] | None = None,
    spread: Spread | None = None,
) -> tuple[Field, dict[str, QuantisedTensor]]:
    """A field with weights that take at most `max_bytes` bytes, and their integers; the field has the integers' values.

    Args:
        setup: parts, batch, and steps of all the fit, of which the last `AWARE` are with rounded weights.
        reference: weights from which integers count; None: 0.
        start: weights to begin from; None: the reference, or drawn ones where there is none.
        spread: that was learned of how weights differ from the reference, and that they are coded under.
    """
    fits = fits or FitSeries()
    steps = setup.steps or 0
    aware = round(AWARE * steps)
    budget = fits.budget(steps - aware, 1 - AWARE)
    begun = reference if start is None else start
    first = fits.run(partial(Fitter, signal, setup, budget, engine=engine, seed=seed, start=begun))
    field = first.field.cpu()
    return round_field(
        field,
        signal,
        replace(setup, steps=aware),
        max_bytes,
        share=AWARE,
        engine=engine,
        seed=seed,
        fits=fits,
        reference=reference,
        spread=spread,
    )


def round_field(
    field: Field,
    signal: Signal,
    setup: Setup,
    max_bytes: int,
    *,
    share: float = 1.0,
    engine: Spec = "auto",
    seed: int = 0,
    fits: FitSeries | None = None,
    reference: Mapping[str, Tensor] | None = None,
    spread: Spread | None = None,
) -> tuple[Field, dict[str, QuantisedTensor]]:
    """As `fit_rounded`, from a fitted field on; the fit takes a share of the seconds that there are."""
    fits = fits or FitSeries()
    fits.stage("measuring weights")
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
        spread=spread,
        rate=0.0 if refined else 1.0,
        ordered=ordered,
    )
    if setup.steps and not fits.stopped:
        fitter = fits.run(
            partial(
                Fitter, signal, setup, fits.budget(setup.steps, share), engine=engine, seed=seed + 1,
                start=field.state_dict(), parametrisation=rounded,
            )
        )  # fmt: skip
        field = fitter.field.cpu()
    parameters = dict(field.named_parameters())
    fits.stage("rounding")
    if not rounded.indices:
        rounded.choose(parameters)
    rounded.fit_within_limit(parameters)
    found = rounded.rounded(parameters)
    if refined and not fits.stopped:
        fits.stage("searching better roundings")
        found = refine(field, signal, rounded, found, max_bytes, seed=seed, stopped=lambda: fits.stopped)
    return with_weights(field, values_of(found, reference)).eval(), found
