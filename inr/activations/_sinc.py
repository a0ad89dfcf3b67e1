"""The sinc function."""

from collections.abc import Mapping
from typing import Annotated, Any

from inr._parts import Range
from inr.activations._base import Activation, Ops, Position, activations


@activations.register(
    "sinc",
    source="Saratchandran et al., A Sampling Theory Perspective on Activations for Implicit Neural Representations, "
    "ICML 2024",
    formula="sin(ω z) / (ω z), 1 at 0",
    limits="no published initialisation; its series near 0 makes it slower than a sine",
)
class Sinc(Activation):
    """sin(omega z) / (omega z): shifted copies of it are a basis of band-limited signals.

    Torch's default initialisation; the authors publish none. Exact near 0, derivatives too.
    """

    learning_rate = 5e-3
    frequencies = ("omega",)

    def __init__(self, *, omega: Annotated[float, Range(0, above=True), "its frequency"] = 20.0) -> None:
        self.omega = omega

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """sin(omega z) / (omega z)."""
        return (ops.sinc(constants["omega"] * planes[0]),)

    def constants(self, position: Position) -> Mapping[str, float]:
        """The frequency, the same in every layer."""
        return {"omega": self.omega}
