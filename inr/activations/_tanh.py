"""The hyperbolic tangent."""

from typing import Any

from inr.activations._base import Activation, Ops, activations


@activations.register(
    "tanh",
    source="Raissi et al., Physics-Informed Neural Networks, 2019, among many",
    formula="tanh(z)",
    limits="blurred on bare coordinates: needs an encoding to see detail",
)
class Tanh(Activation):
    """tanh(z), the activation of physics-informed networks; torch's default initialisation."""

    learning_rate = 1e-3
    needs_encoding = True

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """tanh(z)."""
        return (ops.tanh(planes[0]),)
