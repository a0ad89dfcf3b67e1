"""Unknown numbers of an equation, learned beside the weights of a field."""

from collections.abc import Mapping

import torch
from torch import Tensor

from inr.engines import NUMBERS, Plan
from inr.field import Field
from inr.fitting import (
    Gradients,
    Group,
    LearningRates,
    Optimiser,
    Parametrisation,
    dense,
    make_optimiser,
    parameter_groups,
)

# Of a number's size in a step, as a share of the network's learning rate: numbers are few, and gradients of them sure.
_RATE = 3.0


class WithNumbers(Parametrisation):
    """A field's own parameters, and numbers that are learned relative to their first guess.

    Args:
        numbers: first guesses by name.
        comparable: whether losses of different steps mean the same, as those of conditions of fixed weights do.
    """

    def __init__(self, numbers: Mapping[str, float], *, comparable: bool = True) -> None:
        self._sizes = {f"{NUMBERS}{name}": abs(guess) or 1.0 for name, guess in numbers.items()}
        self._learned = {
            f"{NUMBERS}{name}": torch.tensor([guess / self._sizes[f"{NUMBERS}{name}"]])
            for name, guess in numbers.items()
        }
        if not comparable:
            self.tolerated_rise = float("inf")  # type: ignore[misc]

    def bind(self, field: Field, plan: Plan) -> None:
        """See `Parametrisation.bind`."""
        self._field = field
        self._learned = {name: each.to(plan.device) for name, each in self._learned.items()}
        self._own = dict(field.named_parameters())
        self.leaves = {**self._own, **self._learned}

    def optimiser(self, learning_rates: LearningRates, threads: int, name: str) -> Optimiser:
        """See `Parametrisation.optimiser`."""
        groups = parameter_groups(self._field, learning_rates)
        if self._learned:
            groups.append(Group("network", self._learned, learning_rates["network"] * _RATE, share=_RATE))
        return make_optimiser(groups, threads, name)

    def materialise(self, fraction: float) -> Mapping[str, Tensor]:
        """The weights as they are, and the numbers in their own units."""
        numbers = {name: each.detach() * self._sizes[name] for name, each in self._learned.items()}
        return {**self._own, **{name: each[0] for name, each in numbers.items()}}

    def backward(self, grads: Gradients) -> Gradients:
        """Gradients of the numbers relative to their sizes."""
        return {
            name: (dense(grad) * self._sizes[name]).reshape(1) if name in self._sizes else grad
            for name, grad in grads.items()
        }

    def weights(self) -> Mapping[str, Tensor]:
        """The field's own."""
        return self._own

    def numbers(self) -> dict[str, float]:
        """The numbers as they stand, in their own units, by name."""
        return {name.removeprefix(NUMBERS): float(each) * self._sizes[name] for name, each in self._learned.items()}
