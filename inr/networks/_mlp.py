"""The multilayer perceptron."""

from typing import Annotated

from jaxtyping import Float
from torch import Tensor, nn

from inr._parts import Range
from inr.activations import Activation, Position
from inr.networks._base import Network, networks
from inr.networks._linear import Affine, ComplexAffine


@networks.register("mlp")
class MLP(Network):
    """A multilayer perceptron: `depth` hidden layers of `width` units, then a linear layer.

    The activation initialises every layer by its position and decides whether values are real or complex;
    for a complex activation the width counts complex units, the first layer is real and the output is the
    real part.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        *,
        depth: Annotated[int, Range(1, 64), "hidden layers"] = 3,
        width: Annotated[int, Range(1, 8192), "units in each"] = 256,
        bias: Annotated[bool, "whether layers add a bias"] = True,
    ) -> None:
        super().__init__(in_dim, out_dim, activation)
        self.depth = depth
        self.width = width
        layers: list[nn.Module] = []
        for index in range(depth + 1):
            inputs = in_dim if index == 0 else width
            outputs = out_dim if index == depth else width
            layer = self._affine(inputs, outputs, bias, first=index == 0, last=index == depth)
            activation.init_linear_(layer, self.position(index))
            layers.append(layer)
        self.layers = nn.ModuleList(layers)

    def position(self, index: int) -> Position:
        """Where layer `index` stands, for its initialisation and its activation's constants."""
        return "first" if index == 0 else "last" if index == self.depth else "hidden"

    def forward(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n c"]:
        """Values of features."""
        planes: tuple[Tensor, ...] = (features,)
        for index, layer in enumerate(self.layers):
            planes = layer(*planes)
            if index < self.depth:
                planes = self.activation(planes, self.position(index))
        return planes[0]

    def _affine(self, inputs: int, outputs: int, bias: bool, *, first: bool, last: bool) -> nn.Module:
        if self.activation.planes == 1 or first:
            return Affine(inputs, outputs, bias)
        return ComplexAffine(inputs, outputs, bias, real_output=last)
