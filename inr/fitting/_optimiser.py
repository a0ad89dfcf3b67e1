"""Adam with a learning rate per part, and the schedules."""

import math
from collections.abc import Callable, Mapping

import torch
from torch.optim import Adam

from inr._errors import InrError
from inr.field import Field

Rates = Mapping[str, float]

# factor of the learning rate at a fraction of the horizon
SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda fraction: 0.5 * (1 + math.cos(math.pi * fraction)),
    "exponential": lambda fraction: 0.1**fraction,  # the x0.1 decay of WIRE, FINER and their comparisons
    "constant": lambda fraction: 1.0,
}


def default_rates(field: Field) -> dict[str, float]:
    """Learning rates by part, as the field's encoding and activation recommend them."""
    activation, tables = field.network.activation, field.encoding.learning_rate
    if tables is None:
        return {"network": activation.learning_rate}
    return {"network": activation.learning_rate_on_tables or activation.learning_rate, "encoding": tables}


def check_rates(field: Field, given: Rates | float | None) -> dict[str, float]:
    """The default rates with the given ones in their place; a single number is the network's."""
    rates = default_rates(field)
    overrides = {"network": given} if isinstance(given, (int, float)) else dict(given or {})
    for part, rate in overrides.items():
        if part not in rates:
            raise InrError(f"no learning rate to set for '{part}'; this field learns: {', '.join(rates)}")
        if not (isinstance(rate, (int, float)) and 0 < rate < math.inf):
            raise InrError(f"the learning rate of the {part} must be a positive number, got {rate!r}")
        rates[part] = float(rate)
    return rates


def make_optimiser(field: Field, rates: Rates) -> Adam:
    """Adam with one group per part.

    Tables get the moments of Instant-NGP (beta2 0.99, epsilon 1e-15): entries that collide or are rarely hit
    have tiny gradients and still need full-size steps. Unlike there, an entry that was hit once goes on moving
    by its momentum in steps that do not hit it; one that was never hit stays as it is.
    """
    groups = [{"params": list(field.network.parameters()), "lr": rates["network"], "name": "network"}]
    tables = list(field.encoding.parameters())
    if tables:
        groups.append(
            {"params": tables, "lr": rates["encoding"], "betas": (0.9, 0.99), "eps": 1e-15, "name": "encoding"}
        )
    return Adam(groups, fused=True)


def set_rates(optimiser: Adam, rates: Rates, factor: float) -> None:
    """Set every group's learning rate to its part's, times the schedule's factor."""
    for group in optimiser.param_groups:
        group["lr"] = rates[group["name"]] * factor


def optimiser_tensors(optimiser: Adam, field: Field) -> dict[str, torch.Tensor]:
    """The moments by parameter name, "layers.0.weight/exp_avg"; all of Adam's state."""
    return {
        f"{name}/{key}": value
        for name, parameter in field.named_parameters()
        for key, value in optimiser.state[parameter].items()
    }


def load_optimiser_tensors(optimiser: Adam, field: Field, tensors: Mapping[str, torch.Tensor]) -> None:
    """The inverse of `optimiser_tensors`."""
    parameters = dict(field.named_parameters())
    for full_name, value in tensors.items():
        name, _, key = full_name.rpartition("/")
        optimiser.state[parameters[name]][key] = value
