"""The multilayer perceptron that reads its features again on the way."""

from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from inr._parts import Range, Sizes
from inr.activations import Activation
from inr.networks._base import Init, Initialised, networks
from inr.networks._linear import make_layers, maps_of, position_of
from inr.networks._lists import ascending


@networks.register(
    "skip",
    source="Park et al., DeepSDF: Learning Continuous Signed Distance Functions for Shape Representation, CVPR 2019",
    formula="h₀ = features; hₗ₊₁ = φ(Wₗ hₗ + bₗ), Wₗ [hₗ; features] + bₗ where l is in `after`; values = W h + b",
    limits="no fused kernels; for deep networks: with three or four layers there is little to remember",
)
class SkipMLP(Initialised):
    """A multilayer perceptron that reads its features again after some of its hidden layers.

    As `mlp`, but the layer that follows hidden layer l (counted from 1) reads the features beside the l-th hidden
    values, for every l in `after`: "4", or "2+4+6" for several. DeepSDF is depth=8, width=512, after=4 (which narrows
    the layer before by as many units as features join it; here widths stay), NeRF is depth=8, width=256, after=5.
    The activation, or `init`, initialises a layer by all that it reads. A complex one takes the features as real ones.
    """

    sizes = Sizes(("width",))

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        depth: Annotated[int, Range(2, 64), "hidden layers"] = 8,
        width: Annotated[int, Range(1, 8192), "units in each"] = 256,
        after: Annotated[
            int | str | None, "hidden layers after which features are read again, as in 2+4 (none: the middle one)"
        ] = None,
        bias: Annotated[bool, "whether layers add a bias"] = True,
        init: Init = None,
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        self.depth = depth
        self.width = width
        after = depth // 2 if after is None else after
        self.after = ascending(after, 1, depth, "network 'skip': after")
        self._resolved = {"after": after}
        inputs = [in_dim, *(width + in_dim * (layer in self.after) for layer in range(1, depth + 1))]
        self.layers = make_layers(activation, inputs, [*[width] * depth, out_dim], bias)
        self.begin(init, self.layers)

    def forward(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n c"]:
        """Values of features."""
        planes: tuple[Tensor, ...] = (features,)
        for index, layer in enumerate(self.layers):
            if index in self.after:
                planes = _joined(planes, features)
            planes = layer(*planes)
            if index < self.depth:
                planes = self.activation(maps_of(planes, self.activation.maps), position_of(index, self.depth))
        return planes[0]


def _joined(planes: tuple[Tensor, ...], features: Tensor) -> tuple[Tensor, ...]:
    """Hidden values followed by the features, which have no imaginary part."""
    real, *others = planes
    nothing = torch.zeros_like(features)
    return torch.cat((real, features), dim=1), *(torch.cat((other, nothing), dim=1) for other in others)
