"""Snake: the identity with a wave on it."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from torch import nn

from inr._parts import Range
from inr.activations._base import Activation, Ops, Position, activations, fan_in


@activations.register(
    "snake",
    source="Ziyin, Hartwig & Ueda, Neural Networks Fail to Learn Periodic Functions and How to Fix It, NeurIPS 2020",
    formula="z + sin²(a z) / a",
    limits="made for extrapolating periodic series: fine detail of pictures needs an encoding, or another activation",
)
class Snake(Activation):
    """z + sin^2(a z) / a: monotone, with a wave of period pi/a on it.

    Weights are U(±sqrt(3/n)), in the layers behind an activation divided by the deviation that Snake gives a standard
    normal z, so that the spread of values stays what it is with depth; biases are 0. The authors use a = 0.5 for
    generic data, 5 to 50 where a fast period is known. Values are not centred: their mean is (1 - exp(-2 a^2))/(2 a).
    """

    learning_rate = 1e-3
    learning_rate_on_tables = 1e-2

    def __init__(self, *, a: Annotated[float, Range(0, above=True), "frequency of the wave"] = 5.0) -> None:
        self.a = a

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """z + sin^2(a z) / a."""
        wave = ops.sin(constants["a"] * planes[0])
        return (planes[0] + wave * wave / constants["a"],)

    def constants(self, position: Position) -> Mapping[str, float]:
        """The frequency, the same in every layer."""
        return {"a": self.a}

    def init_linear_(self, layer: nn.Module, position: Position) -> None:
        """Weights whose outputs have the variance of the inputs; biases of 0."""
        gain = 1.0 if position == "first" else math.sqrt(variance(self.a))
        limit = math.sqrt(3 / fan_in(layer)) / gain
        for parameter in layer.parameters():
            if parameter.ndim == 2:
                nn.init.uniform_(parameter, -limit, limit)
            else:
                nn.init.zeros_(parameter)


def variance(a: float) -> float:
    """Of Snake's value at a standard normal z: between 1, for small and large a, and 1.204."""
    return 1 + math.expm1(-4 * a * a) ** 2 / (8 * a * a)
