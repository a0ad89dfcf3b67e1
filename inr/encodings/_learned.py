"""Fourier features whose frequencies are trained."""

import math
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._parts import Automatic, Range, Sizes
from inr.encodings._base import Encoding, encodings


@encodings.register(
    "learned-fourier",
    source="Li et al., Learnable Fourier features for multi-dimensional spatial positional encoding, NeurIPS 2021",
    formula="sin(2πBv), cos(2πBv), v = (x + 1)/2, with B trained",
    limits="frequencies move a few cycles in a fit: sigma still decides",
)
class LearnedFourierFeatures(Encoding):
    """Sines and cosines of trained frequencies: `fourier:kind=gaussian`, which goes on from where it is drawn.

    The rows of B, the parameter `frequencies` (m, in_dim), start at N(0, sigma²), in cycles over the whole extent of an
    axis. Amplitudes are 1: the network's first layer learns them.
    """

    learning_rate = 1e-2
    sizes = Sizes(("frequencies",))
    bandwidth = "sigma"
    automatic: ClassVar[Automatic] = {"sigma": lambda samples: samples / 32}

    def __init__(
        self,
        in_dim: int,
        *,
        frequencies: Annotated[int, Range(1, 2**16), "frequency vectors m"] = 256,
        sigma: Annotated[float, Range(0, 1e6, above=True), "at the start, in cycles (auto: to suit the signal)"] = 10.0,
    ) -> None:
        super().__init__(in_dim, 2 * frequencies)
        self.frequencies = nn.Parameter(sigma * torch.randn(frequencies, in_dim))

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """All m sines, then all m cosines."""
        phases = math.pi * (coords + 1) @ self.frequencies.T
        return torch.cat((phases.sin(), phases.cos()), dim=1)
