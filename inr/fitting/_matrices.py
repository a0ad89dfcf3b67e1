"""Optimisers that step along whole matrices, and leave all other parameters to another optimiser."""

from collections.abc import Callable, Collection, Mapping

from torch import Tensor

from inr.fitting._optimiser import Gradients, Group, LearningRates, Optimiser


class MatrixOptimiser(Optimiser):
    """An optimiser of some parameters, beside another one of all others.

    Args:
        groups: of all parameters.
        others: makes the optimiser of those that are not taken.
        taken: names of the parameters that this one moves.
    """

    def __init__(self, groups: list[Group], others: Callable[[list[Group]], Optimiser], taken: Collection[str]) -> None:
        super().__init__(groups)
        left = [
            Group(group.name, parameters, group.learning_rate, group.betas, group.eps, group.share)
            for group in groups
            if (parameters := {name: each for name, each in group.parameters.items() if name not in taken})
        ]
        self._others = others(left) if left else None

    def set_learning_rates(self, learning_rates: LearningRates, factor: float) -> None:
        """See `Optimiser.set_learning_rates`."""
        super().set_learning_rates(learning_rates, factor)
        if self._others:
            self._others.set_learning_rates(learning_rates, factor)

    def prepare(self) -> float:
        """See `Optimiser.prepare`."""
        return self._others.prepare() if self._others else 0.0

    def _step_others(self, grads: Gradients) -> None:
        if self._others:
            self._others.step(grads)

    def _others_state(self) -> dict[str, Tensor]:
        return self._others.state() if self._others else {}

    def _restore_others(self, state: Mapping[str, Tensor]) -> None:
        if self._others:
            self._others.restore(state)
