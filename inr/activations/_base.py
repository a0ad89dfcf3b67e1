"""What every activation is, and the registry that finds them by name."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias

from torch import Tensor, nn

from inr._parts import Part, Registry
from inr.activations._functions import FUNCTIONS

Position = Literal["first", "hidden", "last"]

activations = Registry(
    "activation",
    "inr.activations._bumps",
    "inr.activations._finer",
    "inr.activations._gabor",
    "inr.activations._gaussian",
    "inr.activations._hosc",
    "inr.activations._hsiren",
    "inr.activations._linear",
    "inr.activations._rectifiers",
    "inr.activations._relu",
    "inr.activations._sinc",
    "inr.activations._sine",
    "inr.activations._snake",
    "inr.activations._spder",
    "inr.activations._tanh",
)

activations.alias("siren", "sine:omega=30")
activations.alias("wire", "gabor:omega=20,scale=30")  # the authors' for representing pictures


# the elementary functions a formula is written in: torch's (`_functions`) or sympy's (`_symbolic`)
Ops: TypeAlias = Any


class Activation(Part):
    """A nonlinearity, applied elementwise to real planes.

    The mathematics stands in one place, `formula`; eager execution calls it with torch's functions, `partial`
    differentiates it symbolically, and engines generate their code from it.

    Attributes:
        planes: how many real planes a value carries (2: real and imaginary part).
        maps: how many affine maps of its input a unit has; the formula takes the planes of all of them, one map
            after the other.
        smoothness: how often the formula can be differentiated everywhere.
        learning_rate: Adam's rate for a network with this activation.
        learning_rate_on_tables: the same for a network on features that are trained along with it, where it
            differs (Instant-NGP's 1e-2 for relu; the others would fall dead at that rate).
        needs_encoding: whether a network with it sees little detail in bare coordinates.
        frequencies: parameters that decide how fine the detail is that a network begins with; a search tries each of
            them at half and twice its value.
    """

    planes: ClassVar[int] = 1
    maps: ClassVar[int] = 1
    smoothness: ClassVar[float] = math.inf
    learning_rate: ClassVar[float] = 1e-3
    learning_rate_on_tables: ClassVar[float | None] = None
    needs_encoding: ClassVar[bool] = False
    frequencies: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """The output planes as a function of the input planes and the constants of a layer.

        A first layer reads real features and gives one plane a map: missing imaginary planes are 0.
        """
        raise NotImplementedError

    def constants(self, position: Position) -> Mapping[str, float]:
        """The numbers that `formula` takes besides the planes.

        Args:
            position: of the layer in its network.
        """
        return {}

    def init_linear_(self, layer: nn.Module, position: Position) -> None:
        """Initialise the parameters of an affine layer that stands before this activation, or after the last one.

        The default is U(±1/sqrt(fan-in)) for weights and biases, torch's own for linear layers.

        Args:
            layer: an affine layer, whose parameters are changed.
            position: of the layer in its network.
        """
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(fan_in(layer)), 1 / math.sqrt(fan_in(layer)))

    def __call__(self, planes: tuple[Tensor, ...], position: Position = "hidden") -> tuple[Tensor, ...]:
        """Apply the formula.

        Args:
            planes: float tensors of one shape, `planes` of them for each of `maps` affine maps; one for each map in a
                first layer, whose features are real.
            position: of the layer in its network, which may have constants of its own.

        Returns:
            The output planes, of the same shape.
        """
        return self.formula(FUNCTIONS, *planes, **self.constants(position))

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self._config.items() if key != "name")
        return f"{type(self).__name__}({settings})"


def fan_in(layer: nn.Module) -> int:
    """Inputs of an affine layer: the second axis of its weights."""
    return next(parameter.shape[1] for parameter in layer.parameters() if parameter.ndim == 2)
