"""Multiplicative filter networks: products of sines, or of Gabor wavelets, of what they read."""

import math
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Gamma
from torch.nn import functional as F

from inr._errors import InrError
from inr._parts import Config, Range, Sizes
from inr.activations import Activation
from inr.networks._base import Network, check_no_activation, networks
from inr.networks._linear import make_layers
from inr.signals import Signal

Kind = Literal["fourier", "gabor"]

MAX_SAMPLES = 2**20  # of an axis: beyond, float32 coordinates no longer tell the phase


class _Sines(nn.Module):
    """g(x) = sin(Ωx + φ), (n, features) to (n, width): Ω in U(±scale/√features), φ in U(±π)."""

    def __init__(self, features: int, width: int, scale: float) -> None:
        super().__init__()
        limit = scale / math.sqrt(features)
        self.frequencies = nn.Parameter(torch.empty(width, features).uniform_(-limit, limit))
        self.phases = nn.Parameter(torch.empty(width).uniform_(-math.pi, math.pi))

    def forward(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n w"]:
        """The sines."""
        return F.linear(features, self.frequencies, self.phases).sin()


class _Wavelets(_Sines):
    """g(x) = exp(-γ‖x - μ‖²/2) sin(Ωx + φ): γ from a Gamma distribution, rows of Ω times √γ, μ in U(±1)."""

    def __init__(self, features: int, width: int, scale: float, shape: float, rate: float) -> None:
        super().__init__(features, width, scale)
        self.centres = nn.Parameter(torch.empty(width, features).uniform_(-1, 1))
        with torch.device("cpu"):  # on no other is it known to be drawn
            drawn = Gamma(torch.full((width,), shape), torch.tensor(rate)).sample()
        self.sharpness = nn.Parameter(torch.empty(width).copy_(drawn))
        with torch.no_grad():
            self.frequencies.mul_(self.sharpness.sqrt()[:, None])

    def forward(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n w"]:
        """The wavelets."""
        # ‖x - μ‖² multiplied out: differences would take a matrix a unit
        squares = features.square().sum(1, keepdim=True) + self.centres.square().sum(1)
        distances = torch.addmm(squares, features, self.centres.T, alpha=-2)
        return torch.exp(-0.5 * self.sharpness * distances) * super().forward(features)


@networks.register(
    "mfn",
    source="Fathony et al., Multiplicative Filter Networks, ICLR 2021",
    formula="z₀ = g₀(x); zₗ = (Wₗ zₗ₋₁ + bₗ) ∘ gₗ(x), l = 1 … L; values = W z_L + b; "
    "g(x) = sin(Ωx + φ), or exp(-γ‖x - μ‖²/2) sin(Ωx + φ)",
    limits="no activation beside its filters, and no fused kernels; `scale` decides the result; noisy at rate 1e-2",
)
class MFN(Network):
    """A multiplicative filter network: every layer multiplies a linear map of the last by a filter of the input.

    With Fourier filters the values are one sum of sines, Σ 2ⁱ widthⁱ⁺¹ of them for i = 0 … L (`depth` is L), of the
    frequencies Ω₀ ± Ω₁ ± … ± Ω_L; with Gabor filters, of wavelets. Ω is drawn from U(±scale/√(d (L+1))), in radians a
    unit of what is read, which is [-1, 1] for the identity encoding: Fourier filters reach scale √((L+1)/d)/π cycles
    over the extent of each axis, and the authors' 256 for pictures of 256 pixels is 0.45 cycles a pixel. φ is U(±π).

    Gabor filters draw μ from U(±1) and γ from Gamma(shape alpha/(L+1), rate beta), and multiply rows of Ω by √γ: small
    γ make wide and slow filters. All of these are learned. W and b of the layers begin at U(±1/√n).

    Raises:
        InrError: an activation other than linear, or alpha or beta for Fourier filters.
    """

    learning_rate: ClassVar[float | None] = 1e-2
    default_partners: ClassVar = {"encoding": "identity", "activation": "linear"}
    sizes = Sizes(("width",))

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        filter: Annotated[Kind, "what the layers multiply by"] = "gabor",
        depth: Annotated[int, Range(1, 64), "hidden layers L; there are L + 1 filters"] = 3,
        width: Annotated[int, Range(1, 8192), "units in each"] = 256,
        scale: Annotated[float, Range(0, 1e6, above=True), "the filters' frequencies, all layers together"] = 256.0,
        alpha: Annotated[
            float | None, Range(0, 1e6, above=True), "gabor: shape of γ's distribution, all layers together (none: 6)"
        ] = None,
        beta: Annotated[float | None, Range(0, 1e6, above=True), "gabor: its rate (none: 1)"] = None,
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        check_no_activation("mfn", activation)
        if filter == "fourier" and not alpha is beta is None:
            raise InrError("network 'mfn': filter=fourier does not read alpha and beta; filter=gabor does")
        self.depth = depth
        self.width = width
        count = depth + 1
        each = scale / math.sqrt(count)
        shape, rate = (6.0 if alpha is None else alpha) / count, 1.0 if beta is None else beta
        self.filters = nn.ModuleList(
            _Sines(in_dim, width, each) if filter == "fourier" else _Wavelets(in_dim, width, each, shape, rate)
            for _ in range(count)
        )
        self.layers = make_layers(activation, [width] * count, [*[width] * depth, out_dim], True)

    def forward(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n c"]:
        """Values of features."""
        first, *others = self.filters
        *hidden, last = self.layers
        values = first(features)
        for layer, each in zip(hidden, others, strict=True):
            values = layer(values)[0] * each(features)
        return last(values)[0]

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """As large a scale as the longest axis has samples."""
        return {"scale": float(min(max(signal.domain.shape), MAX_SAMPLES))} if signal.domain.shape else {}
