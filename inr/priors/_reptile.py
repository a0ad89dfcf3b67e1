"""An initialisation that lies near the weights of every signal of a sort, found without gradients of gradients."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr._parts import Range
from inr.field import Field
from inr.priors._collection import Collection
from inr.priors._differences import sampled, signals_for, spread_of_differences
from inr.priors._inner import descend, errors, repeated, values_of
from inr.priors._meta import MetaMethod, Outer
from inr.priors._method import Adapted, Learned, Sampled, Weights, methods


@methods.register(
    "reptile",
    source="Nichol, Achiam and Schulman, On first-order meta-learning algorithms, 2018; of fields: Tancik et al., "
    "Learned initializations for optimizing coordinate-based neural representations, CVPR 2021",
    formula="Adam takes θ₀ - mean of θ_K for the gradient; θᵢ₊₁ = θᵢ - α ∇L(θᵢ), i < K",
    limits="needs long inner loops",
)
class Reptile(MetaMethod):
    """Weights that move towards what K steps of gradient descent make of them, for some signals in each step.

    Published (learnit): K = 12, a rate of 10 and Adam's 5e-5 outside for tomography by ReLU networks; K = 32, a rate
    of 0.5 and Adam's 5e-4 for views of shapes. Sines bear rates of 1e-2.
    """

    steps = 1_000
    learning_rate = 1e-3

    def __init__(
        self,
        *,
        inner_steps: Annotated[int, Range(1, 256), "steps of gradient descent"] = 12,
        inner_rate: Annotated[float, Range(0, above=True), "their rate"] = 1e-2,
        signals: Annotated[int, Range(1), "in an outer step"] = 8,
    ) -> None:
        self.inner_steps = inner_steps
        self.inner_rate = inner_rate
        self.signals = signals

    def outer(
        self,
        field: Field,
        leaves: Mapping[str, Tensor],
        coords: Float[Tensor, "n d"],
        targets: Float[Tensor, "b n c"],
        draw: np.random.Generator,
    ) -> Outer:
        """The way from the signals' weights back to the shared ones."""
        own = self._descended(field, leaves, coords, targets, self.inner_steps)
        slopes = {name: leaves[name].detach() - own[name].mean(0) for name in own}
        with torch.no_grad():
            values = values_of(field, {}, own, coords)
        return Outer(errors(values, targets).mean(), slopes, values - targets)

    def _descended(
        self, field: Field, leaves: Mapping[str, Tensor], coords: Tensor, targets: Tensor, steps: int
    ) -> dict[str, Tensor]:
        start = repeated(field, leaves, len(targets))
        rates: Any = dict.fromkeys(start, self.inner_rate)
        return descend(
            lambda own: values_of(field, {}, own, coords), start, lambda _: rates, targets, steps, twice=False
        )

    def spread(self, learned: Learned, field: Field, signals: Collection, steps: int) -> Weights:
        """Of a field's weights about the start."""
        some = sampled(signals, signals_for(field))
        adapted = self.adapt(learned, field, some, None).weights
        return spread_of_differences(field, learned.weights, adapted, some, steps)

    def adapt(self, learned: Learned, field: Field, signals: Sampled, steps: int | None) -> Adapted:
        """By gradient descent at the rate that was used for learning."""
        count = self.inner_steps if steps is None else steps
        return Adapted(self._descended(field, learned.weights, signals.coords, signals.values, count))
