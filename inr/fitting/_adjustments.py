"""What a step learns from in the place of the plain residuals of its batch, and the registry of such adjustments."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr._parts import Part, Registry
from inr.engines import AnyObjective, Batch, Plan, StepResult
from inr.field import Field
from inr.signals import Signal

adjustments = Registry("adjustment", "inr.fitting._preconditioning", "inr.fitting._prefilter")


class Adjustment(Part):
    """Changes what a step learns from: its residuals, or the weights that they come from.

    It stands between a fit and its engine as a plan of its own, `AdjustedPlan`, that calls the engine's. Whatever
    the field's weights come from, and whatever moves them, stays as it is.
    """

    def check(self, field: Field, signal: Signal, objective: AnyObjective) -> None:
        """Refuse a fit that cannot be adjusted.

        Args:
            field: what is fitted.
            signal: what it is fitted to.
            objective: what is minimised.

        Raises:
            InrError: with the reason, and what would do.
        """
        if not getattr(objective, "squared", False):
            raise InrError(f"adjustment '{self.config()['name']}' is of squared errors: use objective squared")

    def plan(self, field: Field, signal: Signal, objective: Any, plan: Plan, seed: int) -> "AdjustedPlan":
        """What steps are taken by.

        Args:
            field, signal, objective: as of `check`.
            plan: the engine's.
            seed: of the fit; steps are a function of it and their number.

        Returns:
            A plan around the engine's.
        """
        raise NotImplementedError


class AdjustedPlan:
    """An engine's plan whose steps are adjusted.

    Attributes:
        inner: the engine's plan; notes, block, threads, device: see `Plan`.
        step: number of the step that comes next; what is random in it is a function of that and the seed.
    """

    def __init__(self, plan: Plan) -> None:
        self.inner = plan
        self.step = 0
        self.notes, self.block, self.threads, self.device = plan.notes, plan.block, plan.threads, plan.device

    def prepare(self) -> float:
        """See `Plan.prepare`."""
        return self.inner.prepare()

    def forward(self, tensors: Mapping[str, Tensor], coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """See `Plan.forward`; nothing is adjusted there."""
        return self.inner.forward(tensors, coords)

    def loss_and_grad(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        """See `Plan.loss_and_grad`; loss and residuals are such as a fit without adjustment would tell."""
        raise NotImplementedError

    def profile(self) -> dict[str, float]:
        """See `Plan.profile`."""
        return self.inner.profile()

    def roofline(self) -> dict[str, tuple[float, float]]:
        """See `Plan.roofline`."""
        return self.inner.roofline()


def generator_of(seed: int, step: int) -> torch.Generator:
    """Random numbers of a step, on the processor."""
    return torch.Generator().manual_seed(seed << 32 ^ step)


def subset(batch: Batch, rows: slice | Tensor, extra: Tensor | None = None) -> Batch:
    """Some samples of a batch, with further offsets."""
    offsets = None if batch.offsets is None else batch.offsets[rows]
    if extra is not None:
        offsets = extra if offsets is None else offsets + extra
    return Batch(
        batch.indices[rows],
        None if batch.weights is None else batch.weights[rows],
        offsets,
        batch.excess,
        None if batch.shifts is None else batch.shifts[rows],
    )


def pulled(grads: Mapping[str, Any], share: float) -> dict[str, Tensor]:
    """A copy of gradients, dense, times a number."""
    return {name: (grad if isinstance(grad, Tensor) else grad.to_dense()) * share for name, grad in grads.items()}
