"""Smooth relatives of the rectifier, which need an encoding to see detail as it does."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from inr._parts import Range
from inr.activations._base import Activation, Ops, Position, activations

_LIMITS = "blurred on bare coordinates: needs an encoding to see detail"


class _Rectifier(Activation):
    """Trained as relu is."""

    learning_rate = 1e-3
    learning_rate_on_tables = 1e-2
    needs_encoding = True


@activations.register(
    "gelu",
    source="Hendrycks & Gimpel, Gaussian Error Linear Units, 2016",
    formula="z Φ(z), Φ the normal distribution function",
    limits=_LIMITS,
)
class GELU(_Rectifier):
    """z Phi(z) with the normal distribution function Phi, not its approximation; torch's default initialisation."""

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """z (1 + erf(z / sqrt(2))) / 2."""
        return (planes[0] * (1 + ops.erf(planes[0] * math.sqrt(0.5))) / 2,)


@activations.register(
    "silu",
    source="Hendrycks & Gimpel 2016; Elfwing et al., Sigmoid-Weighted Linear Units, 2017",
    formula="z / (1 + exp(-z))",
    limits=_LIMITS,
)
class SiLU(_Rectifier):
    """z times the logistic function of z, also called swish; torch's default initialisation."""

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """z (1 + tanh(z / 2)) / 2, which is z / (1 + exp(-z)) and never overflows."""
        return (planes[0] * (1 + ops.tanh(planes[0] / 2)) / 2,)


@activations.register(
    "softplus",
    source="Dugas et al., Incorporating Second-Order Functional Knowledge, NeurIPS 2000; Gropp et al., IGR, ICML 2020",
    formula="log(1 + exp(β z)) / β",
    limits=_LIMITS,
)
class Softplus(_Rectifier):
    """log(1 + exp(beta z)) / beta, a rectifier with a rounded corner; torch's default initialisation.

    beta = 100 is usual for signed distances, whose networks are differentiated in the coordinates.
    """

    def __init__(self, *, beta: Annotated[float, Range(0, above=True), "sharpness of the corner"] = 1.0) -> None:
        self.beta = beta

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """log(1 + exp(beta z)) / beta."""
        return (ops.softplus(constants["beta"] * planes[0]) / constants["beta"],)

    def constants(self, position: Position) -> Mapping[str, float]:
        """The sharpness, the same in every layer."""
        return {"beta": self.beta}
