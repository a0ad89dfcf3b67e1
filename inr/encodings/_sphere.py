"""Longitude and latitude as points of the sphere."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from inr.encodings._base import Encoding, encodings


@encodings.register("sphere", source="Dupont et al., TMLR 2022 (COIN++)")
class Sphere(Encoding):
    """Unit vectors (cos φ cos λ, cos φ sin λ, sin φ) of longitudes λ = πx and latitudes φ = πy/2.

    For grids that span the globe: x once around it, y from pole to pole. East and west edge meet, and the samples of a
    row near a pole are as close to each other as on the ground. Further axes stay as they are; an axis alone becomes a
    circle, (cos λ, sin λ).
    """

    def __init__(self, in_dim: int) -> None:
        super().__init__(in_dim, in_dim + 1)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Coordinates of the unit vector, then the other axes."""
        longitude, latitude = math.pi * coords[:, :1], math.pi / 2 * coords[:, 1:2]
        if self.in_dim == 1:
            return torch.cat((longitude.cos(), longitude.sin()), dim=1)
        parallel = latitude.cos()
        vector = (parallel * longitude.cos(), parallel * longitude.sin(), latitude.sin())
        return torch.cat((*vector, coords[:, 2:]), dim=1)
