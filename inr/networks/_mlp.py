"""The multilayer perceptron."""

from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from inr._parts import Range, Sizes
from inr.activations import Activation, Position
from inr.networks._base import Init, Initialised, networks
from inr.networks._linear import make_layers, position_of, run_layers


@networks.register(
    "mlp",
    source="Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, Nature 1986",
    formula="h₀ = features; hₗ₊₁ = φ(Wₗ hₗ + bₗ); values = W h + b after the last",
    limits="learns low frequencies first: detail needs an encoding, or an activation such as sine",
)
class MLP(Initialised):
    """A multilayer perceptron: `depth` hidden layers of `width` units, then a linear layer.

    The activation initialises every layer by its position and decides whether values are real or complex;
    for a complex activation the width counts complex units, the first layer is real and the output is the
    real part. With `init` another initialisation takes the place of the activation's own.

    >>> network = inr.networks.MLP(2, 3, inr.activations.Sine(), depth=2, width=64)
    >>> network(torch.rand(100, 2)).shape  # features (n, in_dim) to values (n, out_dim)
    torch.Size([100, 3])
    """

    sizes = Sizes(("width",))
    searched = False  # every encoding and activation that is tried has it

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        depth: Annotated[int, Range(1, 64), "hidden layers"] = 3,
        width: Annotated[int, Range(1, 8192), "units in each"] = 256,
        bias: Annotated[bool, "whether layers add a bias"] = True,
        init: Init = None,
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        self.depth = depth
        self.width = width
        self.layers = make_layers(activation, [in_dim, *[width] * depth], [*[width] * depth, out_dim], bias)
        self.begin(init, self.layers)

    def position(self, index: int) -> Position:
        """Where layer `index` stands, for its initialisation and its activation's constants."""
        return position_of(index, self.depth)

    def forward(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n c"]:
        """Values of features."""
        return run_layers(self.layers, self.activation, features)
