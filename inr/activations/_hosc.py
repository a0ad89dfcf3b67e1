"""HOSC: a sine driven towards a square wave."""

from collections.abc import Mapping
from typing import Annotated, Any

from inr._parts import Config, Range
from inr.activations._base import Ops, Position, activations
from inr.activations._sine import FirstOmega, Omega, Siren, suited_first_omega
from inr.signals import Signal


@activations.register(
    "hosc",
    source="Serrano et al., HOSC: A Periodic Activation Function for Preserving Sharp Features in Implicit Neural "
    "Representations, 2024",
    formula="tanh(β sin(ω z))",
    limits="its steepest slope is β ω: units saturate with a large beta, and steps must be smaller",
)
class HOSC(Siren):
    """tanh(beta sin(omega z)): a sine for small beta, a square wave for large ones.

    Weights and biases are SIREN's for this omega. `beta` is a constant here; the authors' adaptive form learns it.
    """

    def __init__(
        self,
        *,
        beta: Annotated[float, Range(0, above=True), "sharpness"] = 2.0,
        omega: Omega = 30.0,
        first_omega: FirstOmega = None,
    ) -> None:
        self.beta = beta
        self.omega = omega
        self.first_omega = omega if first_omega is None else first_omega

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """tanh(beta sin(omega z))."""
        return (ops.tanh(constants["beta"] * ops.sin(constants["omega"] * planes[0])),)

    def constants(self, position: Position) -> Mapping[str, float]:
        """Sharpness and frequency of a layer."""
        return {"beta": self.beta, "omega": self.frequency(position)}

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """A fast first layer for sounds."""
        return suited_first_omega(signal)
