"""The Gaussian bump."""

from collections.abc import Mapping
from typing import Annotated, Any

from inr._parts import Range
from inr.activations._base import Activation, Ops, Position, activations

Scale = Annotated[float, Range(0, above=True), "inverse width of the bump"]


class Bump(Activation):
    """A function of scale z, with torch's default initialisation.

    Attributes:
        scale: the same in every layer.
    """

    learning_rate = 5e-3
    frequencies = ("scale",)
    scale: float

    def constants(self, position: Position) -> Mapping[str, float]:
        """The scale, the same in every layer."""
        return {"scale": self.scale}


@activations.register(
    "gaussian",
    source="Ramasinghe & Lucey, Beyond Periodicity: Towards a Unifying Framework for Activations in Coordinate-MLPs, "
    "ECCV 2022",
    formula="exp(-(s z)²)",
    limits="with a large scale most units start dead: widths below 64 train unreliably",
)
class Gaussian(Bump):
    """exp(-(scale z)^2), with torch's default initialisation.

    The paper writes exp(-z^2 / (2 a^2)): scale = 1 / (a sqrt(2)). A scale of 30 is common for 256-wide
    networks on 512x512 pictures; narrower networks start almost dead with it.
    """

    def __init__(self, *, scale: Scale = 10.0) -> None:
        self.scale = scale

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """exp(-(scale z)^2)."""
        scaled = constants["scale"] * planes[0]
        return (ops.exp(-scaled * scaled),)
