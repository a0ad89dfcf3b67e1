"""What every encoding is, and the registry that finds them by name."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Part, Registry

encodings = Registry(
    "encoding",
    "inr.encodings._cafe",
    "inr.encodings._chebyshev",
    "inr.encodings._compose",
    "inr.encodings._factorised",
    "inr.encodings._fourier",
    "inr.encodings._grids",
    "inr.encodings._harmonics",
    "inr.encodings._identity",
    "inr.encodings._integer",
    "inr.encodings._learned",
    "inr.encodings._oneblob",
    "inr.encodings._planes",
    "inr.encodings._sape",
    "inr.encodings._shifted",
    "inr.encodings._sphere",
)


class Encoding(Part, nn.Module):
    """Coordinates (n, in_dim) in [-1, 1] to features (n, out_dim).

    Attributes:
        in_dim, out_dim: number of coordinates and of features.
        dims: numbers of coordinates that it can take.
        smoothness: how often the features can be differentiated in the coordinates before the
            derivative stops existing somewhere (-1: they jump; 0: continuous only; math.inf: smooth).
        learning_rate: Adam's rate for the encoding's own parameters, None where it has none.
        moments: Adam's beta1, beta2 and epsilon for them.
        tables: whether they are tables of features, beside which a network learns at its activation's
            `learning_rate_on_tables`.
        min_steps: fewest fitting steps with which the encoding can work (progressive ones need many).
        default_partners: parts that it stands with unless others are named, by kind.
        default_depth: hidden layers of the network that reads it, where it has no partner.
        bandwidth: name of the parameter that is a highest frequency in cycles over an axis, None where there is none.
    """

    dims: ClassVar[tuple[int, ...]] = (1, 2, 3, 4)
    smoothness: float = math.inf
    learning_rate: float | None = None
    moments: tuple[float, float, float] = (0.9, 0.999, 1e-8)
    tables: bool = False
    min_steps: int = 1
    default_partners: ClassVar[Mapping[str, Any]] = {}
    default_depth: ClassVar[int] = 3
    bandwidth: ClassVar[str | None] = None

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.check_in_dim(in_dim)
        self.in_dim = in_dim
        self.out_dim = out_dim

    @classmethod
    def check_in_dim(cls, in_dim: int) -> None:
        """Refuse a number of coordinates that is not one of `dims`.

        Args:
            in_dim: number of coordinates.

        Raises:
            InrError: the encoding does not take so many.
        """
        if in_dim in cls.dims:
            return
        low, high = min(cls.dims), max(cls.dims)
        span = str(low) if low == high else f"{low} {'or' if high == low + 1 else 'to'} {high}"
        instead = "; with per-axis it can take some of them" if high < in_dim <= 4 else ""
        raise InrError(f"{cls.__name__} takes {span} coordinates, got {in_dim}{instead}")

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Features of coordinates.

        Args:
            coords: float (n, in_dim) in [-1, 1], columns x, y(, z)(, t).

        Returns:
            Float (n, out_dim), of the dtype of the coordinates.
        """
        raise NotImplementedError

    @torch.no_grad()
    def progress(self, fraction: float, coords: Float[Tensor, "n d"], residuals: Float[Tensor, "n c"]) -> None:
        """Told after every step how far the fit is; progressive encodings open features here.

        Args:
            fraction: of the fit that is done, 0 to 1.
            coords: float (n, in_dim), of the step's samples.
            residuals: float (n, c), what the field still misses there.
        """
