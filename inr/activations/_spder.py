"""SPDER: a damped sine."""

from collections.abc import Mapping
from typing import Any

from inr.activations._base import Ops, Position, activations
from inr.activations._sine import Omega, Siren


@activations.register(
    "spder",
    source="Shah & Sitawarin, SPDER: Semiperiodic Damping-Enabled Object Representation, 2023",
    formula="sin(ω z) √|ω z|",
    limits="the second derivative is infinite at 0: no Laplacians near there",
)
class SPDER(Siren):
    """sin(omega z) sqrt(|omega z|): a sine that keeps some of the magnitude of its argument.

    Weights and biases are SIREN's, as in the authors' code.
    """

    smoothness = 1

    def __init__(self, *, omega: Omega = 30.0) -> None:
        self.omega = omega

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """sin(omega z) sqrt(|omega z|)."""
        phase = constants["omega"] * planes[0]
        return (ops.sin(phase) * ops.root(phase),)

    def constants(self, position: Position) -> Mapping[str, float]:
        """The frequency, the same in every layer."""
        return {"omega": self.omega}
