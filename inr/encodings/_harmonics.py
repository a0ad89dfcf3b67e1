"""Real spherical harmonics, of any degree."""

import math
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from inr._parts import Range
from inr.encodings._base import Encoding, encodings
from inr.encodings._sphere import unit_vectors


@encodings.register(
    "spherical",
    source="Müller et al., Instant neural graphics primitives, SIGGRAPH 2022 (directions); "
    "Rußwurm et al., Geographic location encoding with spherical harmonics, ICLR 2024 (longitude and latitude)",
    formula="Y_lm(d), l = 0 … degree - 1, m = -l … l, with d = x/|x|, or of longitude and latitude",
    limits="distance from the origin is not seen; at the origin itself, which has no direction, it jumps",
)
class SphericalHarmonics(Encoding):
    """Real spherical harmonics of a direction: degree² orthonormal functions on the sphere.

    Three coordinates are a vector, of which only the direction counts; two are longitude πx and latitude πy/2, as of
    `sphere`. Features go by l, then m from -l to l, with the Condon-Shortley sign (-1)^m, as tiny-cuda-nn's
    SphericalHarmonics; degree=4, its usual one, is l up to 3.
    """

    dims: ClassVar[tuple[int, ...]] = (2, 3)

    def __init__(self, in_dim: int, *, degree: Annotated[int, Range(1, 32), "bands l = 0 … degree - 1"] = 4) -> None:
        super().__init__(in_dim, degree**2)
        self.degree = degree

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """The functions at each direction."""
        if self.in_dim == 2:
            vectors = unit_vectors(coords)
        else:
            vectors = coords * coords.square().sum(1, keepdim=True).clamp(min=1e-30).rsqrt()
        return _harmonics(vectors, self.degree)


def _harmonics(vectors: Float[Tensor, "n 3"], degree: int) -> Float[Tensor, "n f"]:
    """Y_lm = q_lm(z) times 1, sqrt(2) Re (x + iy)^m or sqrt(2) Im (x + iy)^|m|."""
    x, y, z = vectors.unbind(1)
    bands: list[dict[int, Tensor]] = [{} for _ in range(degree)]
    real, imaginary = torch.ones_like(x), torch.zeros_like(x)
    for order in range(degree):
        for band, polynomial in enumerate(_legendre(z, order, degree), start=order):
            scaled = polynomial if order == 0 else math.sqrt(2) * polynomial
            bands[band][-order] = scaled * imaginary
            bands[band][order] = scaled * real
        real, imaginary = x * real - y * imaginary, x * imaginary + y * real
    return torch.stack([features[order] for features in bands for order in sorted(features)], dim=1)


def _legendre(z: Float[Tensor, " n"], order: int, degree: int) -> list[Float[Tensor, " n"]]:
    """q_lm for l = m … degree - 1: associated Legendre functions over (1 - z²)^(m/2), of norm 1 on the sphere.

    By the recurrence of the normalised ones, whose numbers stay small.
    """
    shares = math.prod([(2 * k - 1) / (2 * k) for k in range(1, order + 1)])
    found = [torch.full_like(z, (-1) ** order * math.sqrt((2 * order + 1) / (4 * math.pi) * shares))]
    for band in range(order + 1, degree):
        following = z * found[-1]
        if band > order + 1:
            following = following - math.sqrt(((band - 1) ** 2 - order**2) / (4 * (band - 1) ** 2 - 1)) * found[-2]
        found.append(following * math.sqrt((4 * band**2 - 1) / (band**2 - order**2)))
    return found
