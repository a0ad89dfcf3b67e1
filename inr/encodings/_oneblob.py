"""One-blob encoding: a bell about the position, by its share of every bin of an axis."""

import math
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from inr._parts import Range
from inr.encodings._base import Encoding, encodings


@encodings.register(
    "oneblob",
    source="Müller et al., Neural importance sampling, ACM Transactions on Graphics 2019",
    formula="Φ(i + 1 - kv) - Φ(i - kv) for bins i = 0 … k - 1 of every axis, v = (x + 1)/2, Φ the normal distribution",
    limits="detail finer than a bin or so is left to the network; axes are encoded apart",
)
class OneBlob(Encoding):
    """A Gaussian of standard deviation 1/bins about the position, integrated over each bin of every axis.

    The integral is exact, and what lies beyond the ends of an axis is lost: the features of an axis sum to 1 inside and
    to about 1/2 at its ends. (tiny-cuda-nn takes a quartic kernel of like width and lets it come in again at the
    other end.)
    """

    def __init__(self, in_dim: int, *, bins: Annotated[int, Range(1, 2**14), "bins an axis"] = 64) -> None:
        super().__init__(in_dim, in_dim * bins)
        self.bins = bins

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """The bins of the first axis, then those of the next."""
        edges = torch.arange(self.bins + 1, dtype=coords.dtype, device=coords.device)
        position = (coords + 1) * (self.bins / 2)
        distribution = torch.erf((edges - position[:, :, None]) * math.sqrt(0.5))
        return distribution.diff(dim=2).flatten(1) / 2
