"""Coordinate-aware modulation: hidden values scaled and shifted by what small grids say at the coordinates."""

from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from inr._errors import InrError
from inr._parts import Range, Sizes
from inr.activations import Activation
from inr.encodings import Corners, blend_rows, grid_corners
from inr.networks._base import Network, networks
from inr.networks._linear import make_layers, position_of

MAX_PARAMETERS = 2**28  # of the grids: 1 GiB in float32
_DEFAULT_RESOLUTION = {1: 64, 2: 32, 3: 16, 4: 8}


class _Grids(nn.Module):
    """Scales γ, 1 at first, and shifts β, 0 at first, of every layer, at the nodes of a grid over [-1, 1]^d.

    The outermost nodes are at -1 and 1, and nodes run with the first axis fastest. Between nodes values are
    interpolated linearly; points outside take those of the nearest point inside.
    """

    def __init__(self, axes: int, layers: int, channels: int, resolution: int) -> None:
        super().__init__()
        self.resolution = resolution
        nodes = resolution**axes
        self.gamma = nn.Parameter(torch.ones(layers, nodes, channels))
        self.beta = nn.Parameter(torch.zeros(layers, nodes, channels))

    def corners(self, coords: Float[Tensor, "n d"]) -> Corners:
        """The nodes around each point, and their weights."""
        return grid_corners(coords, [self.resolution] * coords.shape[1])

    def forward(self, corners: Corners, layer: int) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n c"]]:
        """γ and β of a layer, (n, 1) or (n, units)."""
        rows, weights = corners
        gamma, beta = (blend_rows(grid[layer], rows[None], weights[None]) for grid in (self.gamma, self.beta))
        return gamma, beta


@networks.register(
    "cam",
    source="Lee et al., Coordinate-Aware Modulation for Neural Fields, ICLR 2024",
    formula="h₀ = features; hₗ₊₁ = φ(γₗ(x) · norm(Wₗ hₗ + bₗ) + βₗ(x)); values = W h + b; "
    "norm(z) = (z - mean z)/√(var z + 1e-5) over the units of a point",
    limits="derivatives jump at the grids' nodes; real activations of one map only; no fused kernels",
)
class CAM(Network):
    """Coordinate-aware modulation: a multilayer perceptron whose hidden layers are scaled and shifted by grids.

    Every hidden layer reads a scale γ and a shift β at the coordinates, between its linear map and its activation.
    Grids have `resolution` nodes an axis, the outermost at -1 and 1: half a sample outside the centres of a signal's
    first and last samples, as in the authors' code, where pixels lie at (i + ½)/n of the extent. They are linear
    between nodes, hold their value beyond, and begin at 1 and 0. One pair serves all units of a layer (the authors'
    pictures), or each unit has its own. Normalisation is over the units of each point alone, without factors of its
    own: no point depends on others.

    The authors' pictures: 256 Gaussian Fourier features of σ = 10, 3x256 relu, 32 x 32 nodes, rates 1e-3 and 1e-2 for
    grids, x0.1 after half and three quarters of 2,000 steps. They end in a sigmoid, for values in [0, 1]; values are in
    [-1, 1] here, and the last layer is linear.

    Raises:
        InrError: an activation of several planes or maps, or grids of more than 2^28 numbers.
    """

    reads_coords: ClassVar[bool] = True
    smoothness = 0.0
    learning_rates: ClassVar = {"grids": 1e-2}
    default_partners: ClassVar = {"encoding": "fourier:kind=gaussian,frequencies=256,sigma=10", "activation": "relu"}
    sizes = Sizes(("width", "resolution"))

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        depth: Annotated[int, Range(1, 64), "hidden layers"] = 3,
        width: Annotated[int, Range(1, 8192), "units in each"] = 256,
        resolution: Annotated[
            int | None, Range(2, 2**20), "nodes of the grids an axis (none: 64, 32, 16, 8 for 1 to 4 axes)"
        ] = None,
        per_unit: Annotated[bool, "whether every unit has grids of its own"] = False,
        normalise: Annotated[bool, "whether linear maps are normalised before"] = True,
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        _check_activation(activation)
        self.depth = depth
        self.width = width
        self.normalise = normalise
        resolution = _DEFAULT_RESOLUTION.get(self.coord_dim, 2) if resolution is None else resolution
        channels = width if per_unit else 1
        _check_size(2 * depth * channels * resolution**self.coord_dim)
        self.layers = make_layers(activation, [in_dim, *[width] * depth], [*[width] * depth, out_dim], True)
        self._resolved = {"resolution": resolution}
        self.grids = _Grids(self.coord_dim, depth, channels, resolution)

    def forward(self, features: Float[Tensor, "n f"], coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values of features at coordinates."""
        corners = self.grids.corners(coords)
        values = features
        *hidden, last = self.layers
        for index, layer in enumerate(hidden):
            (mapped,) = layer(values)
            if self.normalise:
                mapped = F.layer_norm(mapped, (self.width,))
            gamma, beta = self.grids(corners, index)
            (values,) = self.activation((gamma * mapped + beta,), position_of(index, self.depth))
        return last(values)[0]


def _check_activation(activation: Activation) -> None:
    if activation.planes != 1 or activation.maps != 1:
        name = activation.config()["name"]
        raise InrError(f"network 'cam' modulates one real number a unit, and '{name}' has more; relu and sine work")


def _check_size(parameters: int) -> None:
    if parameters > MAX_PARAMETERS:
        raise InrError(
            f"network 'cam': grids of {parameters:,} numbers exceed {MAX_PARAMETERS:,}; use a smaller resolution"
        )
