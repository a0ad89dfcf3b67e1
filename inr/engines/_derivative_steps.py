"""Steps of losses that read derivatives, as eager execution has them, and by two passes over many points."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inr.engines._base import DerivativePlan
from inr.engines._batch import Batch, StepResult, Tensors
from inr.engines._objectives import At, Overall, PointSet, Term
from inr.field import Jet, Reads


def overall_step(
    plan: DerivativePlan,
    objective: Overall,
    tensors: Tensors,
    batch: Batch,
    coords: Float[Tensor, "n d"] | None = None,
) -> StepResult:
    """A step of a loss of many points at once: values, the loss's gradient by them, and what that means for weights.

    Args:
        plan: of the field.
        objective: what is minimised.
        tensors: the field's effective weights by name.
        batch: of the step.
        coords: all points that the loss reads, on the plan's device; None asks the objective for them.
    """
    if coords is None:
        coords = objective.coords(batch).to(plan.device)
    found = Jet(*(tensor.requires_grad_(True) for tensor in plan.jet(tensors, coords, objective.reads)))
    with torch.enable_grad():
        loss = objective.total(found, batch)
    adjoint = Jet(*torch.autograd.grad(loss, found, allow_unused=True, materialize_grads=True))
    grads = plan.pull(tensors, coords, adjoint, objective.reads)
    loss = loss.detach()
    return StepResult(loss, grads, coords, coords.new_zeros((len(coords), 0)), squared=float(loss))


def local_loss(
    terms: Sequence[Term],
    sets: Sequence[PointSet],
    jet_of: Callable[[Tensor, Reads], Jet],
    ops: Any,
    numbers: Mapping[str, Tensor],
) -> tuple[Float[Tensor, ""], Float[Tensor, "n 1"]]:
    """The loss of terms, as eager execution has it: the reference for kernels.

    Args:
        terms: of the objective. sets: the points of each.
        jet_of: coordinates and reads to values and derivatives, with their graph.
        ops: torch's functions, `inr.activations.FUNCTIONS`.
        numbers: learned numbers by name.

    Returns:
        The loss, and the losses of points without their weights.
    """
    total: Any = 0.0
    points = []
    for term, (coords, data, importance) in zip(terms, sets, strict=True):
        if not len(coords):
            continue
        found = jet_of(coords, term.reads)
        losses = term.formula(ops, _at(term, found, coords, data, numbers)) + torch.zeros_like(found.values[:, 0])
        points.append(losses.detach()[:, None])
        total = total + term.weight * (losses if importance is None else importance * losses).mean()
    return total, torch.cat(points)


def _at(term: Term, found: Jet, coords: Tensor, data: Tensor, numbers: Mapping[str, Tensor]) -> At:
    return At(
        values=found.values.unbind(1),
        first=[channel.unbind(1) for channel in found.first.unbind(1)],
        second=[channel.unbind(1) for channel in found.second.unbind(1)],
        coords=coords.unbind(1),
        data=dict(zip(term.columns, data.unbind(1), strict=True)),
        numbers={name: numbers[name] for name in term.numbers},
    )
