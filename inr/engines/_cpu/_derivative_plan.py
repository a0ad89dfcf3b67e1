"""Plans of the engine `cpu` for losses that read derivatives."""

from typing import Any

import torch

from inr.engines._batch import Batch, StepResult, Tensors
from inr.engines._cpu._plan import CpuPlan
from inr.engines._derivative_steps import overall_step
from inr.engines._objectives import Local, OfJets
from inr.jit import Stage


class CpuDerivativePlan(CpuPlan):
    """Runs one field, and steps of a loss by terms or of many points; made by `Cpu.plan`.

    Args:
        loss: what to minimise.
        arguments, options: as of `CpuPlan`, without its objective.
    """

    def __init__(self, loss: OfJets, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._loss = loss
        if isinstance(loss, Local) and (names := self.derivatives.untranslated(loss.terms)):
            self.notes = (*self.notes, f"in two passes, since there is no code for their formula: {', '.join(names)}")

    def _stages(self) -> list[Stage]:
        """All that the plan runs: values too, for pictures and scores."""
        reads, terms = ((), self._loss.terms) if isinstance(self._loss, Local) else ([self._loss.reads], ())
        return [*super()._stages(), *self.derivatives.stages(reads, terms)]

    def loss_and_grad(self, tensors: Tensors, batch: Batch) -> StepResult:
        """Loss of a batch and its gradients by the names of `tensors`; the plan's own buffers, good until the next."""
        if not isinstance(self._loss, Local):
            return overall_step(self, self._loss, tensors, batch)
        sets = self._loss.points(batch)
        loss, grads, coords, costs = self.derivatives.step(self._loss.terms, sets, tensors)
        return StepResult(torch.tensor(loss), grads, coords, costs, squared=loss)

    def profile(self) -> dict[str, float]:
        """Seconds by phase since the plan was made."""
        return self.derivatives.profile()

    def roofline(self) -> dict[str, tuple[float, float]]:
        """Not measured."""
        return {}
