"""Embeddings between the nodes of a grid: what is learned at the nodes is passed on to the points between them."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr.encodings import Basis


class Blended(nn.Module):
    """A basis of one position, embedded as the weighted mean a φ(v₀) + b φ(v₁) at the nodes on both sides.

    The weights solve [D₀₀ D₀₁; D₀₁ D₁₁] [a; b] = [D(v₀, v); D(v₁, v)], with the inner products D of embeddings, and are
    divided by their sum: those of the mean with both neighbours are right, up to that factor. Nodes are the centres
    of `nodes` equal cells; beyond the outermost two nothing changes.
    """

    smoothness = 0.0

    def __init__(self, over: Basis, nodes: int) -> None:
        super().__init__()
        self.over = over
        self.nodes = nodes

    def forward(self, positions: Float[Tensor, " n"]) -> Float[Tensor, "n count"]:
        """Features of positions in [0, 1]."""
        left, right, weight = self._between(positions)
        return weight[:, None] * left + (1 - weight[:, None]) * right

    def weights(self, positions: Float[Tensor, " n"]) -> Float[Tensor, "n 2"]:
        """What the nodes on the left and on the right count; the sum is 1."""
        weight = self._between(positions)[2]
        return torch.stack((weight, 1 - weight), dim=1)

    def _between(self, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The features of both nodes, and the weight of the left one."""
        steps = (positions * self.nodes - 0.5).clamp(0, self.nodes - 1)
        cell = steps.detach().floor().clamp(max=self.nodes - 2)
        left, right, here = (self.over((at + 0.5) / self.nodes) for at in (cell, cell + 1, steps))
        (d00, d01), d11 = (_products(left, each) for each in (left, right)), _products(right, right)
        d0, d1 = _products(left, here), _products(right, here)
        a, b = d0 * d11 - d1 * d01, d1 * d00 - d0 * d01
        # nodes that look alike, or a point that is like neither: by its distance
        clear = (a + b).abs() > 1e-6 * d00 * d11
        return left, right, torch.where(clear, a / torch.where(clear, a + b, 1.0), 1 - (steps - cell))


def _products(one: Tensor, other: Tensor) -> Float[Tensor, " n"]:
    return (one * other).sum(1)
