"""Where the weights of a step come from."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from inr.engines import Batch, Plan, StepResult
from inr.field import Field
from inr.fitting._make_optimiser import make_optimiser
from inr.fitting._optimiser import Gradients, LearningRates, Optimiser
from inr.fitting._parameter_groups import parameter_groups


class Parametrisation:
    """Leaf tensors that are learned, and the weights that a step computes with, which follow from them.

    A fit calls `bind` once, and for every step `loss_and_grad`, which gives an engine the weights of `materialise` and
    takes their gradients back to the leaves by `backward`. What else a parametrisation keeps between steps is its
    `state`, for checkpoints.

    Attributes:
        leaves: what is learned, by name; float32 or float64 tensors that an optimiser changes in place.
        tolerated_rise: a fit that did not diverge still ends with the best leaves it had if its last ones are judged
            worse by more than this factor. Infinite where losses of different steps cannot be compared, as when weights
            are rounded more coarsely from some step on.
        keeps_start: whether the leaves that a fit begins with are among those that it may end with.
        bits: for each sample, that the weights would take in a file as they stand; None where that is not known.
    """

    leaves: Mapping[str, Tensor]
    tolerated_rise: ClassVar[float] = 1.05
    keeps_start: ClassVar[bool] = False
    bits: float | None = None

    def bind(self, field: Field, plan: Plan) -> None:
        """Prepare for fitting `field`, which is on the plan's device."""
        raise NotImplementedError

    def begin(self, steps: int) -> None:
        """Told before the first step, and before the first one after a resume, how many the whole fit has.

        Steps taken earlier are measured only, and undone.

        Args:
            steps: the horizon.
        """

    def affordable(self, steps: int) -> int:
        """How many steps of a fit take as long as so many of those that are measured before it."""
        return steps

    def optimiser(self, learning_rates: LearningRates, threads: int, name: str) -> Optimiser:
        """A new optimiser of the leaves.

        Args:
            learning_rates: by part of the field ("network", and "encoding" where that learns).
            threads: that the optimiser may use.
            name: one of `OPTIMISERS`.
        """
        raise NotImplementedError

    def materialise(self, fraction: float) -> Mapping[str, Tensor]:
        """The field's weights for a step, by name, `fraction` of the way from the first step to the last."""
        raise NotImplementedError

    def backward(self, grads: Gradients) -> Gradients:
        """Gradients by the leaves, from those by the weights that `materialise` gave last."""
        raise NotImplementedError

    def weights(self) -> Mapping[str, Tensor]:
        """The field's weights as the leaves stand, by name: what is measured, rendered and saved."""
        return self.leaves

    def prepare(self) -> float:
        """Compile or load what the first step would otherwise wait for, besides the plan and the optimiser.

        Returns:
            Seconds that it took.
        """
        return 0.0

    def write_to(self, field: Field) -> None:
        """Give the bound field the weights that the leaves make, where they are not its parameters themselves."""
        weights = self.weights()
        with torch.no_grad():
            for name, parameter in field.named_parameters():
                if weights[name] is not parameter:
                    parameter.copy_(weights[name])

    def loss_and_grad(self, plan: Plan, batch: Batch, fraction: float) -> StepResult:
        """A step's loss and its gradients by the leaves."""
        result = plan.loss_and_grad(self.materialise(fraction), batch)
        return result if result.skipped else result._replace(grads=dict(self.backward(result.grads)))

    def judged(self, running_loss: float) -> float:
        """The number by which the best leaves are told from others: the lower, the better. It is positive."""
        return running_loss

    def recipe(self) -> dict[str, float | None]:
        """What must be equal for a checkpoint to be continued, besides the kind of parametrisation."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """What later steps depend on besides the leaves; empty where they say it all."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state; called after `bind`."""


class PlainWeights(Parametrisation):
    """The field's own parameters are the leaves, and the weights of every step."""

    def bind(self, field: Field, plan: Plan) -> None:
        """See `Parametrisation.bind`."""
        self._field = field
        self.leaves = dict(field.named_parameters())

    def optimiser(self, learning_rates: LearningRates, threads: int, name: str) -> Optimiser:
        """See `Parametrisation.optimiser`."""
        return make_optimiser(parameter_groups(self._field, learning_rates), threads, name)

    def materialise(self, fraction: float) -> Mapping[str, Tensor]:
        """The leaves."""
        return self.leaves

    def backward(self, grads: Gradients) -> Gradients:
        """The same gradients."""
        return grads
