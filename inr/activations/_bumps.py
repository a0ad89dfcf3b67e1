"""The Gaussian's relatives: other functions that a coordinate network can be made of without an encoding.

Not among them is the super-Gaussian, [exp(-z^2 / (2 a^2))]^b: it is a Gaussian of another width.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from inr._parts import Range
from inr.activations._base import Activation, Ops, Position, activations
from inr.activations._gaussian import Bump, Scale

_PAPER = "Ramasinghe & Lucey, Beyond Periodicity, ECCV 2022"


@activations.register(
    "quadratic", source=_PAPER, formula="1 / (1 + (s z)²)", limits="long tails: all units overlap everywhere"
)
class Quadratic(Bump):
    """1 / (1 + (scale z)^2), a bump with long tails; torch's default initialisation."""

    def __init__(self, *, scale: Scale = 20.0) -> None:
        self.scale = scale

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """1 / (1 + (scale z)^2)."""
        scaled = constants["scale"] * planes[0]
        return (1 / (1 + scaled * scaled),)


@activations.register(
    "multiquadric", source=_PAPER, formula="1 / √(1 + (s z)²)", limits="longer tails than quadratic, and more blurred"
)
class Multiquadric(Bump):
    """1 / sqrt(1 + (scale z)^2), a bump with the longest tails; torch's default initialisation."""

    def __init__(self, *, scale: Scale = 20.0) -> None:
        self.scale = scale

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """1 / sqrt(1 + (scale z)^2)."""
        scaled = constants["scale"] * planes[0]
        return (1 / ops.root(1 + scaled * scaled),)


@activations.register("laplacian", source=_PAPER, formula="exp(-|s z|)", limits="a kink at 0: no Laplacians")
class Laplacian(Bump):
    """exp(-|scale z|), a bump with a kink; torch's default initialisation."""

    smoothness = 0

    def __init__(self, *, scale: Scale = 10.0) -> None:
        self.scale = scale

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """exp(-|scale z|)."""
        return (ops.exp(-ops.abs(constants["scale"] * planes[0])),)


@activations.register(
    "expsin",
    source=_PAPER,
    formula="exp(-sin(ω z))",
    limits="not centred: its mean is 1.27, which frequencies above 10 make hard to learn with",
)
class ExpSin(Activation):
    """exp(-sin(omega z)), a periodic function of mean 1.27; torch's default initialisation."""

    learning_rate = 5e-3
    frequencies = ("omega",)

    def __init__(self, *, omega: Annotated[float, Range(0, above=True), "its frequency"] = 5.0) -> None:
        self.omega = omega

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """exp(-sin(omega z))."""
        return (ops.exp(-ops.sin(constants["omega"] * planes[0])),)

    def constants(self, position: Position) -> Mapping[str, float]:
        """The frequency, the same in every layer."""
        return {"omega": self.omega}
