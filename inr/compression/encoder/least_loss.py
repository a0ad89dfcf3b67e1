"""Fits of which the weights of the least loss are kept, as COIN has it."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from inr.engines import Batch, Plan, StepResult
from inr.fitting import PlainWeights

_BEST = "best/"


class LeastLoss(PlainWeights):
    """The field's own weights, of which those are kept that had the least loss of a fit's second half.

    A step's loss is that of the weights before it. Losses of batches are of other samples each time: there a running
    mean is compared.

    Args:
        whole: whether every step learns from all samples.

    Attributes:
        best: the weights of the least loss, by name; empty before the second half.
    """

    def __init__(self, *, whole: bool) -> None:
        self.best: dict[str, Tensor] = {}
        self._kept = 0.0 if whole else 0.95  # of the running mean, in a step
        self._running, self._least = math.nan, math.inf

    def loss_and_grad(self, plan: Plan, batch: Batch, fraction: float) -> StepResult:
        """See `Parametrisation.loss_and_grad`."""
        result = super().loss_and_grad(plan, batch, fraction)
        loss = result.loss.item()
        before = loss if math.isnan(self._running) else self._running
        self._running = self._kept * before + (1 - self._kept) * loss
        if fraction >= 0.5 and self._running < self._least:
            self._least = self._running
            self.best = {name: leaf.detach().clone() for name, leaf in self.leaves.items()}
        return result

    def state(self) -> dict[str, Tensor]:
        """The best weights so far, their loss, and the running mean."""
        numbers = torch.tensor([self._running, self._least], dtype=torch.float64)
        return {"numbers": numbers} | {_BEST + name: tensor for name, tensor in self.best.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Parametrisation.restore`."""
        self._running, self._least = state["numbers"].tolist()
        self.best = {name.removeprefix(_BEST): each for name, each in state.items() if name.startswith(_BEST)}
