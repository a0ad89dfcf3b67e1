"""Chebyshev polynomials of every axis."""

from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from inr._parts import Range
from inr.encodings._base import Encoding, encodings


@encodings.register(
    "chebyshev",
    source="Ke, Xu, Wen and Wang, Content-Aware Frequency Encoding for Implicit Neural Representations with "
    "Fourier-Chebyshev Features, CVPR 2026",
    formula="T_n(x) = cos(n arccos x), n = 0 … order - 1, of every axis; T₀ = 1, T₁ = x, Tₙ₊₁ = 2x Tₙ - Tₙ₋₁",
    limits="waves are narrower towards the ends of an axis; polynomials grow fast beyond them",
)
class Chebyshev(Encoding):
    """Chebyshev polynomials of the coordinates: `order` functions an axis, from the constant on.

    T_n has n/2 waves over an axis, of equal height, and needs no period: smooth parts of a signal take few of them.
    The publication sets 30 an axis beside Fourier features, see `cafe`.

    >>> inr.encodings.Chebyshev(1, order=4)(torch.tensor([[0.5]]))
    tensor([[ 1.0000,  0.5000, -0.5000, -1.0000]])
    """

    def __init__(self, in_dim: int, *, order: Annotated[int, Range(1, 2**12), "functions an axis"] = 30) -> None:
        self.check_in_dim(in_dim)
        super().__init__(in_dim, in_dim * order)
        self.order = order

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """The polynomials of the first axis, then those of the next."""
        functions = [torch.ones_like(coords), coords][: self.order]
        twice = 2 * coords
        while len(functions) < self.order:
            functions.append(twice * functions[-1] - functions[-2])
        return torch.stack(functions, dim=2).flatten(1)
