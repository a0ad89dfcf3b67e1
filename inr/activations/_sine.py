"""SIREN's sine with its initialisation."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from torch import nn

from inr._parts import Range
from inr.activations._base import Activation, Ops, Position, activations, fan_in


@activations.register("sine", source="Sitzmann et al., Implicit Neural Representations with Periodic Activations, 2020")
class Sine(Activation):
    """SIREN: sin(omega z) with weights that keep the spread of values the same at every depth.

    The first layer's weights are U(±1/d), those of the later layers, the linear one at the end included,
    U(±sqrt(6/n)/omega); biases are U(±1/sqrt(n)) and are multiplied by omega too, as in the authors' code.
    Frequencies are per unit of [-1, 1]: sounds need a `first_omega` in the thousands.
    """

    learning_rate = 5e-4

    def __init__(
        self,
        *,
        omega: Annotated[float, Range(0, above=True), "frequency of the hidden layers"] = 30.0,
        first_omega: Annotated[float | None, Range(0, above=True), "frequency of the first layer, none: omega"] = None,
    ) -> None:
        self.omega = omega
        self.first_omega = omega if first_omega is None else first_omega

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """sin(omega z)."""
        return (ops.sin(constants["omega"] * planes[0]),)

    def constants(self, position: Position) -> Mapping[str, float]:
        """The frequency of a layer."""
        return {"omega": self.first_omega if position == "first" else self.omega}

    def init_linear_(self, layer: nn.Module, position: Position) -> None:
        """Draw weights and biases so that hidden values keep their distribution with depth."""
        inputs = fan_in(layer)
        bound = 1 / inputs if position == "first" else math.sqrt(6 / inputs) / self.omega
        for parameter in layer.parameters():
            limit = bound if parameter.ndim == 2 else 1 / math.sqrt(inputs)
            nn.init.uniform_(parameter, -limit, limit)
