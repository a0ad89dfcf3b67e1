"""H-SIREN: a hyperbolic sine in the first layer of SIREN."""

from collections.abc import Mapping
from typing import Any

from inr.activations._base import Ops, Position, activations
from inr.activations._sine import FirstOmega, Omega, Siren


@activations.register(
    "h-siren",
    source="Gao & Jaiman, H-SIREN: Improving Implicit Neural Representations with Hyperbolic Periodic Functions, 2024",
    formula="sin(ω sinh(2 z)) in the first layer, sin(ω z) in the others",
    limits="the first layer's |z| must stay below 44, where sinh(2z) overflows; phases mean nothing from about 8 on",
)
class HSiren(Siren):
    """SIREN with sin(omega sinh(2 z)) in the first layer, which spreads its frequencies.

    Weights and biases are SIREN's. Near 0 the first layer's frequency is twice omega, and more farther out.
    """

    def __init__(self, *, omega: Omega = 30.0, first_omega: FirstOmega = None) -> None:
        self.omega = omega
        self.first_omega = omega if first_omega is None else first_omega

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """sin(omega (sinh(2 first z) + (1 - first) z)): `first` chooses the layer's phase, at 0 exactly z."""
        z, first = planes[0], constants["first"]
        doubled = 2 * first * z
        phase = (ops.exp(doubled) - ops.exp(-doubled)) / 2 + (1 - first) * z
        return (ops.sin(constants["omega"] * phase),)

    def constants(self, position: Position) -> Mapping[str, float]:
        """The frequency of a layer, and 1 for the first layer, 0 for the others."""
        first = position == "first"
        return {"omega": self.frequency(position), "first": float(first)}
