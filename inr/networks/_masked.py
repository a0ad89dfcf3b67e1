"""The sine network whose layers are masked place by place."""

from typing import Annotated, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Range, Sizes
from inr.activations import Activation, Sine
from inr.encodings import HashGrid
from inr.networks._base import Network, networks
from inr.networks._linear import make_layers, position_of


class _Masks(nn.Module):
    """Coordinates (n, d) to numbers (n, count) in (0, 1), by a hash grid and one hidden layer of relu."""

    def __init__(self, grid: HashGrid, width: int, count: int) -> None:
        super().__init__()
        self.grid = grid
        self.hidden = nn.Linear(self.grid.out_dim, width)
        self.out = nn.Linear(width, count)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n count"]:
        """The masks."""
        return torch.sigmoid(self.out(torch.relu(self.hidden(self.grid(coords)))))


@networks.register(
    "masked",
    source="Feng et al., SASNet: spatially-adaptive sinusoidal networks for INRs, CVPR 2026",
    formula="h₀ = m₀(x) ∘ features; hₗ₊₁ = mₗ₊₁(x) ∘ sin(ω(Wₗ hₗ + bₗ)); values = W h + b; m of a hash grid, by groups",
    limits="for networks with fewer numbers than the signal has; sine and integer-fourier only; no fused kernels",
)
class MaskedSine(Network):
    """SASNet: a sine network on frozen frequencies, each layer multiplied by masks in (0, 1) that depend on the place.

    So high frequencies end where the signal is smooth. A small hash grid and a network of one hidden layer give a mask
    for each of `bands` equal groups of features but the lowest, which has none, and for each of `groups` equal groups
    of a layer's units. Defaults are the authors' for pictures of 256 samples, with 15 thousand numbers in the
    masks; they learn at half the network's rate. The authors take beta2 = 0.99 for Adam, which is 0.999 here.

    Raises:
        InrError: an activation other than sine, or a width that is no multiple of groups.
    """

    reads_coords = True
    learning_rate: ClassVar[float | None] = 1e-3
    learning_rates: ClassVar = {"masks": 5e-4}
    default_partners: ClassVar = {"encoding": "integer-fourier", "activation": "sine"}
    required_encoding: ClassVar[str | None] = "integer-fourier"
    sizes = Sizes(("width",))
    _band: Int[Tensor, " f"]

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        depth: Annotated[int, Range(1, 64), "sine layers"] = 3,
        width: Annotated[int, Range(1, 8192), "units in each"] = 256,
        groups: Annotated[int, Range(1, 8192), "of units with a mask of their own, in each layer"] = 8,
        bands: Annotated[int, Range(1, 256), "of features; all but the lowest have a mask"] = 5,
        hidden: Annotated[int, Range(1, 8192), "units that read the hash grid"] = 48,
        levels: Annotated[int, Range(1, 32), "of the hash grid"] = 10,
        log2_size: Annotated[int, Range(0, 24), "of the most rows that a level has"] = 10,
        coarsest: Annotated[int, Range(1, 2**20), "vertices an axis of the first level"] = 8,
        finest: Annotated[int, Range(1, 2**20), "vertices an axis of the last level"] = 128,
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        if not isinstance(activation, Sine):
            name = activation.config()["name"]
            raise InrError(f"network 'masked' masks sines: use activation=sine, not '{name}'")
        if width % groups:
            raise InrError(f"network 'masked': width must be a multiple of groups={groups}, got {width}")
        self.depth = depth
        self.width = width
        self.groups = groups
        self.bands = min(bands, in_dim // 2)
        self.layers = make_layers(activation, [in_dim, *[width] * depth], [*[width] * depth, out_dim], True)
        count = self.bands - 1 + depth * groups
        grid = HashGrid(self.coord_dim, levels=levels, log2_size=log2_size, coarsest=coarsest, finest=finest)
        self.masks = _Masks(grid, hidden, count)
        self.smoothness = grid.smoothness
        frequencies = in_dim // 2
        band = torch.arange(frequencies) * self.bands // frequencies
        self.register_buffer("_band", band.repeat(2), persistent=False)  # of every sine, then of every cosine

    def forward(self, features: Float[Tensor, "n f"], coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values of features and coordinates."""
        first, *others = self.masks(coords).split([self.bands - 1, *[self.groups] * self.depth], dim=1)
        of_bands = torch.cat((torch.ones_like(features[:, :1]), first), dim=1)
        values = features * of_bands.index_select(1, self._band)
        *hidden, last = self.layers
        for index, (layer, mask) in enumerate(zip(hidden, others, strict=True)):
            (values,) = self.activation(layer(values), position_of(index, self.depth))
            values = (values.unflatten(1, (self.groups, -1)) * mask[:, :, None]).flatten(1)
        return last(values)[0]
