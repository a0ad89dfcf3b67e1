"""What every encoding is, and the registry that finds them by name."""

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Config, Part, Registry

encodings = Registry(
    "encoding",
    "inr.encodings._identity",
    "inr.encodings._fourier",
    "inr.encodings._grids",
    "inr.encodings._sape",
    "inr.encodings._sphere",
)


class Encoding(Part, nn.Module):
    """Coordinates (n, in_dim) in [-1, 1] to features (n, out_dim).

    Attributes:
        in_dim, out_dim: number of coordinates and of features.
        smoothness: how often the features can be differentiated in the coordinates before the
            derivative stops existing somewhere (0: continuous only; math.inf: smooth).
        learning_rate: Adam's rate for the encoding's own parameters, None where it has none.
        min_steps: fewest fitting steps with which the encoding can work (progressive ones need many).
    """

    smoothness: float = math.inf
    learning_rate: ClassVar[float | None] = None
    min_steps: int = 1
    _resolved: Config | None = None  # values of parameters that were left to the encoding, set when it is built

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        check_in_dim(in_dim)
        self.in_dim = in_dim
        self.out_dim = out_dim

    def config(self) -> Config:
        """As of every part, with the values of parameters that were left to the encoding filled in."""
        return super().config() | (self._resolved or {})

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Features of coordinates."""
        raise NotImplementedError

    @torch.no_grad()
    def progress(self, fraction: float, coords: Float[Tensor, "n d"], residuals: Float[Tensor, "n c"]) -> None:
        """Told after every step how far the fit is (0 to 1) and what the step's samples still miss.

        Progressive encodings open features here; the others do nothing.
        """


def check_in_dim(in_dim: int) -> None:
    """Raises InrError unless there are 1 to 4 coordinates."""
    if not 1 <= in_dim <= 4:
        raise InrError(f"an encoding takes 1 to 4 coordinates, got {in_dim}")
