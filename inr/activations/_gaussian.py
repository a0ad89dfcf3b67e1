"""The Gaussian bump."""

from collections.abc import Mapping
from typing import Annotated, Any

from inr._parts import Range
from inr.activations._base import Activation, Ops, Position, activations


@activations.register("gaussian", source="Ramasinghe & Lucey, Beyond Periodicity, ECCV 2022")
class Gaussian(Activation):
    """exp(-(scale z)^2), with torch's default initialisation.

    The paper writes exp(-z^2 / (2 a^2)): scale = 1 / (a sqrt(2)). A scale of 30 is common for 256-wide
    networks on 512x512 pictures; narrower networks start almost dead with it.
    """

    learning_rate = 5e-3

    def __init__(self, *, scale: Annotated[float, Range(0, above=True), "inverse width of the bump"] = 10.0) -> None:
        self.scale = scale

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """exp(-(scale z)^2)."""
        scaled = constants["scale"] * planes[0]
        return (ops.exp(-scaled * scaled),)

    def constants(self, position: Position) -> Mapping[str, float]:
        """The scale, the same in every layer."""
        return {"scale": self.scale}
