"""An initialisation from which a few steps of gradient descent reach any signal of a sort, with learned rates."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from inr._parts import Range
from inr.field import Field
from inr.priors._collection import Collection
from inr.priors._differences import sampled, signals_for, spread_of_differences
from inr.priors._inner import descend, errors, repeated, values_of
from inr.priors._meta import Lost, MetaMethod, Outer, differentiated
from inr.priors._method import Adapted, Learned, Sampled, Weights, methods

_RATES = "rates."


@methods.register(
    "maml",
    source="Finn et al., Model-agnostic meta-learning for fast adaptation of deep networks, ICML 2017; of fields: "
    "Tancik et al., Learned initializations for optimizing coordinate-based neural representations, CVPR 2021; rates "
    "learned for every parameter and step: Sitzmann et al., MetaSDF, NeurIPS 2020",
    formula="θᵢ₊₁ = θᵢ - αᵢ ∇L(θᵢ), i < K; θ₀ and all αᵢ learned so that L(θ_K) is least over signals",
    limits="the steps must be its own, at its rates: Adam gains little from it; slow, by gradients of gradients",
)
class Maml(MetaMethod):
    """Weights from which K steps of gradient descent go far; the rates of these steps are learned with them.

    Published: K = 2 and a fixed rate of 1e-2 with Adam's 1e-5 outside (learnit, pictures of 178 x 178, 150,000 steps of
    3 signals); K = 3 and a rate for every parameter and step, from 1e-5, Adam's 5e-5 outside (Meta-SIREN, 32 signals a
    step); K = 5, rates from 5e-3 (MetaSDF). Where K steps are followed by more, these take the last one's rates. Here
    rates begin at 1e-2, and Adam's of 2e-3 learns in hundreds of steps what published ones learn in thousands.
    """

    steps = 300
    learning_rate = 2e-3

    def __init__(
        self,
        *,
        inner_steps: Annotated[int, Range(1, 64), "steps of gradient descent"] = 3,
        inner_rate: Annotated[float, Range(0, above=True), "their rates, before they are learned"] = 1e-2,
        learned_rates: Annotated[bool, "whether rates are learned, for every parameter and step"] = True,
        signals: Annotated[int, Range(1), "in an outer step"] = 8,
    ) -> None:
        self.inner_steps = inner_steps
        self.inner_rate = inner_rate
        self.learned_rates = learned_rates
        self.signals = signals

    def own(self, field: Field) -> dict[str, Tensor]:
        """The rates, (inner_steps, …) for each parameter; they are free, as in Meta-SIREN."""
        if not self.learned_rates:
            return {}
        return {
            _RATES + name: each.new_full((self.inner_steps, *each.shape), self.inner_rate).detach()
            for name, each in field.named_parameters()
        }

    def outer(
        self,
        field: Field,
        leaves: Mapping[str, Tensor],
        coords: Float[Tensor, "n d"],
        targets: Float[Tensor, "b n c"],
        draw: np.random.Generator,
    ) -> Outer:
        """The loss after the inner steps, differentiated through them."""

        def lose(given: Mapping[str, Tensor]) -> Lost:
            own = self._descended(field, given, coords, targets, self.inner_steps, twice=True)
            values = values_of(field, {}, own, coords)
            return Lost(errors(values, targets).mean(), values)

        return differentiated(leaves, targets, lose)

    def _descended(
        self,
        field: Field,
        leaves: Mapping[str, Tensor],
        coords: Tensor,
        targets: Tensor,
        steps: int,
        *,
        twice: bool,
    ) -> dict[str, Tensor]:
        """Weights of signals after inner steps from the shared ones."""
        names = [name for name, _ in field.named_parameters()]

        def rates(step: int) -> dict[str, Any]:
            at = min(step, self.inner_steps - 1)
            if not self.learned_rates:
                return dict.fromkeys(names, self.inner_rate)
            return {name: leaves[_RATES + name][at] for name in names}

        start = repeated(field, leaves, len(targets))
        return descend(lambda own: values_of(field, {}, own, coords), start, rates, targets, steps, twice=twice)

    def spread(self, learned: Learned, field: Field, signals: Collection, steps: int) -> Weights:
        """Of a field's weights about the start."""
        some = sampled(signals, signals_for(field))
        adapted = self.adapt(learned, field, some, None).weights
        return spread_of_differences(field, learned.weights, adapted, some, steps)

    def adapt(self, learned: Learned, field: Field, signals: Sampled, steps: int | None) -> Adapted:
        """By gradient descent at the learned rates."""
        count = self.inner_steps if steps is None else steps
        leaves = {**learned.weights, **learned.own}
        return Adapted(self._descended(field, leaves, signals.coords, signals.values, count, twice=False))
