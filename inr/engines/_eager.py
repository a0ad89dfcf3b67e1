"""Eager torch: runs everything, and is the reference for every other engine."""

from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.engines._base import Batch, Engine, Objective, Plan, StepResult, Tensors, engines
from inr.field import Field


@engines.register("eager")
class Eager(Engine):
    """Plain PyTorch with automatic differentiation."""

    def __init__(self, *, device: Annotated[Literal["cpu", "cuda"], "processor or GPU"] = "cpu") -> None:
        self.device = device

    def plan(self, field: Field, objective: Objective | None) -> Plan | str:
        """A plan for any field and objective, or that there is no GPU where one is asked for."""
        if self.device == "cuda" and not torch.cuda.is_available():
            return "torch sees no GPU here; eager without device=cuda works"
        return EagerPlan(field, objective, torch.device(self.device))


class EagerPlan:
    """Evaluates a whole batch at once and differentiates it with autograd."""

    notes: tuple[str, ...] = ()
    block = 16_384  # features of larger ones leave the caches

    def __init__(self, field: Field, objective: Objective | None, device: torch.device) -> None:
        self.device = device
        self._field = field
        self._own = dict(field.named_parameters())
        self._objective = objective
        self.threads = torch.get_num_threads()

    def prepare(self) -> float:
        """Nothing is compiled."""
        return 0.0

    def profile(self) -> dict[str, float]:
        """Automatic differentiation has no phases that could be told apart."""
        return {}

    def roofline(self) -> dict[str, tuple[float, float]]:
        """Not measured."""
        return {}

    @torch.no_grad()
    def forward(self, tensors: Tensors, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates."""
        return self._evaluate(tensors, coords)

    @torch.enable_grad()
    def loss_and_grad(self, tensors: Tensors, batch: Batch) -> StepResult:
        """Loss of a batch and its gradients by the names of `tensors`."""
        if self._objective is None:
            raise InrError("this plan was made without an objective, to evaluate only")
        coords = self._objective.coords(batch)
        if not self._are_own(tensors):
            tensors = {name: tensor.detach().requires_grad_(True) for name, tensor in tensors.items()}
        residuals = self._objective.residuals(self._evaluate(tensors, coords), batch)
        loss = self._objective.loss(residuals, batch)
        grads = torch.autograd.grad(loss, list(tensors.values()), allow_unused=True, materialize_grads=True)
        return StepResult(loss.detach(), dict(zip(tensors, grads, strict=True)), coords, residuals.detach())

    def _evaluate(self, tensors: Tensors, coords: Tensor) -> Tensor:
        if self._are_own(tensors):  # a third of a millisecond cheaper than putting them in
            return self._field(coords)
        # a field that is rendered stays where it is, while weights and coordinates come to this plan's device
        buffers = {name: buffer.to(self.device) for name, buffer in self._field.named_buffers()}
        return torch.func.functional_call(self._field, buffers | dict(tensors), (coords,))

    def _are_own(self, tensors: Tensors) -> bool:
        return all(self._own.get(name) is tensor for name, tensor in tensors.items())
