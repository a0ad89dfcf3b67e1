"""The sine network that a short vector modulates: one network for many signals, one vector for each."""

import math
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Range, Sizes
from inr.activations import Activation, Sine
from inr.networks._base import Network, networks
from inr.networks._linear import make_layers, position_of


@networks.register(
    "modulated",
    source="Dupont et al., From data to functa: Your data point is a function and you can treat it like one, ICML 2022",
    formula="h₀ = features; hₗ₊₁ = sin(ω(Wₗ hₗ + bₗ + Mₗ z)); values = W h + b; z = `latent`, 0 at first",
    limits="sine only; for a single signal the latent adds nothing that the biases cannot; no fused kernels",
)
class ModulatedSiren(Network):
    """A SIREN whose sine layers are shifted by linear maps of a latent vector.

    The parameter `latent` (latent_dim,) is what differs between signals, everything else the base network that they
    share: at latent = 0, where it begins, the values are the base network's. Shifts add to the phases, nothing is
    scaled. M (depth x width, latent_dim) begins at U(±1/√latent_dim), the rest as the activation has it. Functa are
    depth=15, width=512 with 64 to 1,024 latents; COIN++ is depth=10, width=512, ω = 50 with 4 to 1,024.

    Raises:
        InrError: an activation other than sine.
    """

    default_partners: ClassVar = {"encoding": "identity", "activation": "sine"}
    sizes = Sizes(("width", "latent_dim"))

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        depth: Annotated[int, Range(1, 64), "sine layers"] = 4,
        width: Annotated[int, Range(1, 8192), "units in each"] = 256,
        latent_dim: Annotated[int, Range(1, 2**16), "numbers that differ between signals"] = 128,
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        if not isinstance(activation, Sine):
            name = activation.config()["name"]
            raise InrError(f"network 'modulated' shifts the phases of sines: use activation=sine, not '{name}'")
        self.depth = depth
        self.width = width
        self.layers = make_layers(activation, [in_dim, *[width] * depth], [*[width] * depth, out_dim], True)
        limit = 1 / math.sqrt(latent_dim)
        self.modulation = nn.Parameter(torch.empty(depth * width, latent_dim).uniform_(-limit, limit))
        self.latent = nn.Parameter(torch.zeros(latent_dim))

    def shifts(self) -> Float[Tensor, "depth width"]:
        """What the latent adds to the linear map of every sine layer."""
        return (self.modulation @ self.latent).view(self.depth, self.width)

    def forward(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n c"]:
        """Values of features."""
        values = features
        *hidden, last = self.layers
        for index, (layer, shift) in enumerate(zip(hidden, self.shifts(), strict=True)):
            (values,) = self.activation((layer(values)[0] + shift,), position_of(index, self.depth))
        return last(values)[0]
