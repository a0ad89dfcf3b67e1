"""Longitude and latitude as points of the sphere."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from inr.encodings._base import Encoding, encodings


@encodings.register(
    "sphere",
    source="Dupont et al., COIN++: neural compression across modalities, TMLR 2022",
    formula="cos φ cos λ, cos φ sin λ, sin φ, λ = πx, φ = πy/2; further coordinates as they are",
    limits="for grids that span the globe from pole to pole",
)
class Sphere(Encoding):
    """Unit vectors (cos φ cos λ, cos φ sin λ, sin φ) of longitudes λ = πx and latitudes φ = πy/2.

    For grids that span the globe: x once around it, y from pole to pole. East and west edge meet, and the samples of a
    row near a pole are as close to each other as on the ground. Further axes stay as they are; an axis alone becomes a
    circle, (cos λ, sin λ).
    """

    searched = False  # only who knows that a grid spans the globe can ask for it

    def __init__(self, in_dim: int) -> None:
        super().__init__(in_dim, in_dim + 1)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Coordinates of the unit vector, then the other axes."""
        if self.in_dim == 1:
            longitude = math.pi * coords
            return torch.cat((longitude.cos(), longitude.sin()), dim=1)
        return torch.cat((unit_vectors(coords[:, :2]), coords[:, 2:]), dim=1)


def unit_vectors(coords: Float[Tensor, "n 2"]) -> Float[Tensor, "n 3"]:
    """Points of the sphere at longitude πx and latitude πy/2."""
    longitude, latitude = math.pi * coords[:, :1], math.pi / 2 * coords[:, 1:]
    parallel = latitude.cos()
    return torch.cat((parallel * longitude.cos(), parallel * longitude.sin(), latitude.sin()), dim=1)
