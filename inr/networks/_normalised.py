"""The perceptron whose sums are normalised while it learns, and which is a plain one afterwards."""

from typing import Annotated, Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Range, Sizes
from inr.activations import Activation
from inr.networks._base import Network, networks
from inr.networks._linear import make_layers, position_of
from inr.networks._mlp import MLP

Norm = Literal["batch", "layer", "cross"]

_EPSILON = 1e-5
_MOMENTUM = 0.1  # of the running means


class _Norm(nn.Module):
    """Sums (n, width) to normalised ones: less a mean, divided by a deviation, times a gain, plus a shift."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))


class _RunningNorm(_Norm):
    """One that takes means over the batch while it learns, and running means of these afterwards."""

    mean: Float[Tensor, " w"]
    variance: Float[Tensor, " w"]

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def _keep(self, **found: Tensor) -> None:
        """Move the running means towards what a batch gave."""
        with torch.no_grad():
            for name, each in found.items():
                getattr(self, name).lerp_(each.detach(), _MOMENTUM)


class BatchNorm(_RunningNorm):
    """Every unit by its mean and variance over the batch."""

    def forward(self, sums: Float[Tensor, "n w"]) -> Float[Tensor, "n w"]:
        """The normalised sums."""
        mean, variance = self.mean, self.variance
        if self.training and len(sums):
            mean, variance = sums.mean(0), sums.var(0, correction=0)
            self._keep(mean=mean, variance=variance)
        return (sums - mean) * (self.gain * (variance + _EPSILON).rsqrt()) + self.shift

    def fold(self, layer: Any, plain: Any) -> None:
        """Write into `plain` what an affine layer and this together compute with running means."""
        scale = self.gain * (self.variance + _EPSILON).rsqrt()
        with torch.no_grad():
            plain.weight.copy_(layer.weight * scale[:, None])
            plain.bias.copy_((layer.bias - self.mean) * scale + self.shift)


class LayerNorm(_Norm):
    """Every point by its mean and variance over the units."""

    def forward(self, sums: Float[Tensor, "n w"]) -> Float[Tensor, "n w"]:
        """The normalised sums."""
        return nn.functional.layer_norm(sums, sums.shape[1:], self.gain, self.shift, _EPSILON)


class CrossNorm(_RunningNorm):
    """Every number by the mean of its row and column together, and by the sum of their variances."""

    count: Float[Tensor, " 1"]

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.register_buffer("count", torch.ones(1))  # points of a batch, which are as many numbers of a column

    def forward(self, sums: Float[Tensor, "n w"]) -> Float[Tensor, "n w"]:
        """The normalised sums."""
        width = sums.shape[1]
        mean, variance, count = self.mean, self.variance, self.count
        if self.training and len(sums) > 1:
            mean, variance = sums.mean(0), sums.var(0)
            count = torch.full_like(self.count, len(sums))
            self._keep(mean=mean, variance=variance)
            with torch.no_grad():
                self.count.copy_(count)
        centre = (sums.sum(1, keepdim=True) + count * mean - sums) / (count + width)
        own = (sums - sums.mean(1, keepdim=True)).square().sum(1, keepdim=True) / max(width - 1, 1)
        return (sums - centre) * (variance + own + _EPSILON).rsqrt() * self.gain + self.shift


_NORMS = {"batch": BatchNorm, "layer": LayerNorm, "cross": CrossNorm}


@networks.register(
    "normalised",
    source="Cai et al., Batch normalization alleviates the spectral bias in coordinate networks, CVPR 2024, and "
    "Towards the spectral bias alleviation by normalizations in coordinate networks, 2024",
    formula="hₗ₊₁ = φ(γ (z - m)/√(v + ε) + β), z = Wₗ hₗ + bₗ; m, v of z over the batch, the units, or both; "
    "values = W h + b",
    limits="for deep, narrow networks of relu and many steps; sines are hurt by it; learns on eager only",
)
class NormalisedMLP(Network):
    """A multilayer perceptron that normalises what its layers give, before the activation, while it learns.

    batch: over the batch. Afterwards running means take the place of the batch's, which makes the norm a part of the
    weights: a fitted field holds, and saves, the plain `mlp` that computes the same, and runs on its kernels.
    layer: over the units of a point. cross: by the means and variances of both. These two divide by what differs from
    point to point, which no weights can: they stay as they are.

    The publication's network for pictures has 10 hidden layers of 28, relu, on coordinates or positional features, and
    learns at 1e-2 with all samples in a batch; small batches give noisy means.
    """

    reads_batch = True
    learning_rate: ClassVar[float | None] = 1e-2
    searched = False  # a wide network of few layers gains nothing by it
    sizes = Sizes(("width",))

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        norm: Annotated[Norm, "over what means are taken"] = "batch",
        depth: Annotated[int, Range(1, 64), "hidden layers"] = 10,
        width: Annotated[int, Range(1, 8192), "units in each"] = 28,
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        if activation.planes * activation.maps > 1:
            name = activation.config()["name"]
            raise InrError(f"network 'normalised' has one real number a unit, and activation '{name}' reads more")
        self.depth = depth
        self.width = width
        self.layers = make_layers(activation, [in_dim, *[width] * depth], [*[width] * depth, out_dim], True)
        self.norms = nn.ModuleList(_NORMS[norm](width) for _ in range(depth))
        self.eval()  # means are of a batch only in the steps of a fit

    def forward(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n c"]:
        """Values of features."""
        values = features
        *hidden, last = self.layers
        for index, (layer, norm) in enumerate(zip(hidden, self.norms, strict=True)):
            (values,) = self.activation((norm(layer(values)[0]),), position_of(index, self.depth))
        return last(values)[0]

    def plain(self) -> Network:
        """A perceptron that computes the same, for batch; the network itself for others."""
        if not isinstance(self.norms[0], BatchNorm):
            return self
        first: Tensor = next(self.parameters())
        with torch.device("meta"):
            found = MLP(self.in_dim, self.out_dim, self.activation, self.coord_dim, depth=self.depth, width=self.width)
        found = found.to_empty(device=first.device).to(first.dtype)
        for layer, norm, folded in zip(self.layers, self.norms, found.layers, strict=False):
            assert isinstance(norm, BatchNorm)
            norm.fold(layer, folded)
        found.layers[-1].load_state_dict(self.layers[-1].state_dict())
        return found.train(self.training)
