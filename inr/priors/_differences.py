"""How far the weights of fields of similar signals lie from a start that they share, weight by weight."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from inr.compression.encoder.coefficients import octaves_of
from inr.field import Field
from inr.fitting import Group, make_optimiser
from inr.priors._collection import Collection
from inr.priors._inner import errors, values_of
from inr.priors._method import Sampled, Weights
from inr.signals import grid_coords

# Signals that are fitted, and weights of all their fields together, at most; samples of each at most, and in a step;
# steps, their rate, and after how many of them the spread is found anew.
_SIGNALS, _LEAST_SIGNALS, _MOST_WEIGHTS = 16, 4, 1 << 20
_MOST_SAMPLES, _SAMPLES, _STEPS, _RATE, _EVERY = 16_384, 1_024, 100, 1e-3, 20
# What the bits of all weights count together, in the loss's own size.
_WORTH = 1.0
_LEAST = 1e-10  # of squared differences, so that weights that are done without can come back


def sampled(signals: Collection, count: int) -> Sampled:
    """Samples of some signals, evenly chosen, as both are.

    Args:
        signals: of which there may be more.
        count: of signals, at most.
    """
    places = [place * len(signals) // min(count, len(signals)) for place in range(min(count, len(signals)))]
    samples = signals.targets.shape[1]
    indices = torch.arange(0, samples, -(-samples // _MOST_SAMPLES))
    return Sampled(grid_coords(signals.values.shape[1:-1], indices), signals.targets[places][:, indices])


def signals_for(field: Field) -> int:
    """How many signals a spread is found from: fewer where a field has very many weights."""
    return min(_SIGNALS, max(_LEAST_SIGNALS, _MOST_WEIGHTS // field.parameter_count))


def spread_of_differences(
    field: Field, start: Weights, adapted: Mapping[str, Tensor], signals: Sampled, steps: int = _STEPS
) -> dict[str, Tensor]:
    """The spread under which a field's differences from a start take few bits, in quarter octaves.

    Fields of the signals are fitted further, with what their differences take added to the loss: of a weight δ of
    spread σ that is δ² / 2σ² nats, but for a constant. In turn σ² is the mean of δ² over signals (as the prior of
    COMBINER is updated, Guo et al. 2023). Weights that a signal can do without so come to differ by next to nothing.

    Args:
        field: of the architecture.
        start: with its parameters, by name.
        adapted: parameters of fields of the signals, (signals, …), where the fits begin.
        signals: what is fitted.
        steps: at most.

    Returns:
        By the names of the parameters, int8, of their shapes.
    """
    own = {
        name: adapted.get(name, start[name].expand(len(signals.values), *each.shape)).detach().clone()
        for name, each in field.named_parameters()
    }
    optimiser = make_optimiser([Group("network", own, _RATE)])
    count = sum(start[name].numel() for name in own)
    draw = np.random.default_rng(0)
    for step in range(min(steps, _STEPS)):
        if step % _EVERY == 0:
            variances = {name: (each - start[name]).square().mean(0) + _LEAST for name, each in own.items()}
        order = draw.permutation(len(signals.coords))[:_SAMPLES]
        with torch.enable_grad():
            given = {name: each.detach().requires_grad_(True) for name, each in own.items()}
            values = values_of(field, {}, given, signals.coords[order])
            lost = errors(values, signals.values[:, order])
            nats = sum(
                ((each - start[name]).square() / variances[name]).flatten(1).sum(1) / 2 for name, each in given.items()
            )
            worth = _WORTH * lost.detach() / count
            slopes = torch.autograd.grad((lost + worth * nats).sum(), list(given.values()))
        optimiser.step(dict(zip(own, slopes, strict=True)))
    return {name: told_octaves((each - start[name]).double().numpy()) for name, each in own.items()}


def told_octaves(values: np.ndarray) -> Tensor:
    """Root mean squares over the first axis as files hold them: quarter octaves, int8.

    Where a fit diverged, its differences count as none.
    """
    finite = np.where(np.isfinite(values), values, 0.0)
    return torch.from_numpy(octaves_of(finite).clip(-128, 127).astype(np.int8))
