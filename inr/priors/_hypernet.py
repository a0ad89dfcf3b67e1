"""A network that writes the weights of a field, from the samples that were seen."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr._parts import Range
from inr.field import Field
from inr.priors._inner import errors, values_of
from inr.priors._meta import Lost, MetaMethod, Outer, differentiated
from inr.priors._method import Adapted, Learned, Sampled, methods
from inr.priors._set_encoder import drawn_context, encoded, new_layers, through

_OF_CODES, _OF_WEIGHTS = 0.1, 100.0  # shares of mean squared codes and weights in the loss, published


@methods.register(
    "hypernet",
    source="Sitzmann et al., Implicit neural representations with periodic activation functions, NeurIPS 2020",
    formula="z = mean of e(xᵢ, yᵢ) over what is seen; each tensor of weights = θ₀ + h(z)",
    limits="in one pass, of what it has seen alike: hundreds of signals and more; large, for it writes every weight",
)
class Hypernet(MetaMethod):
    """A set encoder and a network for each tensor of weights, which write a field without any step of descent.

    Published: fields of 4 x 256 sines; an encoder of 256 numbers with two hidden layers of sines, and a sine at its
    end; networks of one hidden layer of 256 rectified units, the last layer of a hundredth of Kaiming's size, whose
    biases begin as a sine layer's weights (here these are the field's own parameters, shared by all signals); loss in
    [-1, 1] with 0.1 of the mean squared code and 100 of the mean squared weights; 10 to 199 samples seen of 1,024;
    Adam's 5e-5, batches of 100. Here the numbers are fewer by default, and Adam's rate is higher, for signals of some
    hundred samples.
    """

    steps = 1_500
    learning_rate = 5e-4

    def __init__(
        self,
        *,
        code: Annotated[int, Range(1, 4_096), "numbers that stand for what is seen"] = 64,
        hidden: Annotated[int, Range(1, 4_096), "units of the encoder and of each network"] = 64,
        least: Annotated[int, Range(1), "samples that a step sees"] = 10,
        most: Annotated[float, Range(0, 1, above=True), "the largest share of samples that a step sees"] = 0.5,
        signals: Annotated[int, Range(1), "in a step"] = 16,
    ) -> None:
        self.code = code
        self.hidden = hidden
        self.least_seen = least
        self.most = most
        self.signals = signals

    def own(self, field: Field) -> dict[str, Tensor]:
        """The encoder, and a network for each parameter."""
        like = next(field.parameters())
        sizes = [field.domain.in_dim + field.domain.channels, self.hidden, self.hidden, self.code]
        found = new_layers("encoder", sizes, like)
        for name, each in field.named_parameters():
            found |= new_layers(f"of.{name}", [self.code, self.hidden, each.numel()], like, share=0.01)
        return found

    def outer(
        self,
        field: Field,
        leaves: Mapping[str, Tensor],
        coords: Float[Tensor, "n d"],
        targets: Float[Tensor, "b n c"],
        draw: np.random.Generator,
    ) -> Outer:
        """The loss at all samples, of fields that saw some."""
        seen = drawn_context(draw, len(coords), self.least_seen, self.most)

        def lose(given: Mapping[str, Tensor]) -> Lost:
            codes = self._codes(given, coords, targets, seen)
            own = self._written(field, given, codes)
            values = values_of(field, {}, own, coords)
            size = sum(each.square().sum() for each in own.values()) / sum(each.numel() for each in own.values())
            fitted = errors(values, targets).mean()
            return Lost(fitted + _OF_CODES * codes.square().mean() + _OF_WEIGHTS * size, values, fitted)

        return differentiated(leaves, targets, lose)

    def _codes(self, leaves: Mapping[str, Tensor], coords: Tensor, values: Tensor, seen: Tensor) -> Tensor:
        return encoded(leaves, "encoder", coords, values, seen, torch.sin, last=True)

    def _written(self, field: Field, leaves: Mapping[str, Tensor], codes: Float[Tensor, "b k"]) -> dict[str, Tensor]:
        return {
            name: leaves[name] + through(leaves, f"of.{name}", codes, torch.relu).unflatten(1, each.shape)
            for name, each in field.named_parameters()
        }

    @torch.no_grad()
    def adapt(self, learned: Learned, field: Field, signals: Sampled, steps: int | None) -> Adapted:
        """In one pass; there are no steps."""
        leaves: dict[str, Any] = {**learned.weights, **learned.own}
        codes = self._codes(leaves, signals.coords, signals.values, torch.ones(len(signals.coords)))
        return Adapted(self._written(field, leaves, codes))
