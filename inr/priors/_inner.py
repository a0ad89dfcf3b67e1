"""Inner loops: many fields of one architecture at once, and their steps by gradients."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call, vmap

from inr.field import Field
from inr.fitting import Group, make_optimiser

Weights = Mapping[str, Tensor]
Values = Callable[[Weights], Tensor]


def values_of(field: Field, shared: Weights, own: Weights, coords: Float[Tensor, "n d"]) -> Float[Tensor, "b n c"]:
    """Values of many fields, by autograd, which differentiates them as often as is wanted.

    Args:
        field: of the architecture.
        shared: weights that are the same for all, by the names of the field's state.
        own: all others, (fields, …).
        coords: the same for all, float (n, d).

    Returns:
        Normalised values, float (fields, n, c).
    """

    def one(weights: dict[str, Tensor]) -> Tensor:
        return functional_call(field, {**shared, **weights}, (coords,))

    return vmap(one)(dict(own))


def errors(values: Float[Tensor, "b n c"], targets: Float[Tensor, "b n c"]) -> Float[Tensor, " b"]:
    """The mean squared error of every field."""
    return (values - targets).square().flatten(1).mean(1)


def repeated(field: Field, weights: Weights, count: int) -> dict[str, Tensor]:
    """The same parameters for so many fields, (count, …), without memory of their own.

    Args:
        field: of the architecture.
        weights: with its parameters, by name.
        count: of fields.
    """
    return {name: weights[name].expand(count, *weights[name].shape) for name, _ in field.named_parameters()}


def descend(
    values: Values, own: Weights, rates: Callable[[int], Weights], targets: Tensor, steps: int, *, twice: bool
) -> dict[str, Tensor]:
    """Steps of gradient descent of many fields, each by the gradient of its own mean squared error.

    Args:
        values: of all fields (fields, n, c), by their own weights.
        own: to begin with, (fields, …).
        rates: of a step, from 0 on: by the names of `own`, of shapes that go with its tensors.
        targets: (fields, n, c).
        steps: how many.
        twice: keep what a second differentiation needs, so that the result can be differentiated.

    Returns:
        The weights after them.
    """
    with torch.enable_grad():
        own = dict(own) if twice else {name: each.detach().requires_grad_(True) for name, each in own.items()}
        for step in range(steps):
            # the sum over fields, not their mean: a field's step is the same whatever else is in the batch
            loss = errors(values(own), targets).sum()
            slopes = torch.autograd.grad(loss, list(own.values()), create_graph=twice)
            at = rates(step)
            own = {name: each - at[name] * slope for (name, each), slope in zip(own.items(), slopes, strict=True)}
            if not twice:
                own = {name: each.detach().requires_grad_(True) for name, each in own.items()}
    return dict(own) if twice else {name: each.detach() for name, each in own.items()}


def adam(
    field: Field, own: Weights, rate: float, coords: Float[Tensor, "n d"], targets: Float[Tensor, "b n c"], steps: int
) -> dict[str, Tensor]:
    """Steps of Adam of many fields, each by itself.

    Args:
        field: of the architecture.
        own: all its parameters to begin with, (fields, …).
        rate: of all steps.
        coords: the same for all; targets: the values there, of every field.
        steps: how many.

    Returns:
        The weights after them.
    """
    own = {name: each.detach().clone() for name, each in own.items()}
    groups = [Group("network", own, rate)]
    optimiser = make_optimiser(groups)
    for _ in range(steps):
        with torch.enable_grad():
            given = {name: each.detach().requires_grad_(True) for name, each in own.items()}
            values = values_of(field, {}, given, coords)
            slopes = torch.autograd.grad(errors(values, targets).sum(), list(given.values()))
        optimiser.step(dict(zip(own, slopes, strict=True)))
    return own
