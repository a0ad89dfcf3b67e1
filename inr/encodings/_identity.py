"""The coordinates themselves."""

from jaxtyping import Float
from torch import Tensor

from inr.encodings._base import Encoding, encodings


@encodings.register("identity", formula="x", limits="a relu network on it learns low frequencies only")
class Identity(Encoding):
    """The coordinates themselves, in [-1, 1]: what sine, Gabor and Gaussian networks read."""

    default_depth = 4
    searched = False  # every activation that is tried stands on it

    def __init__(self, in_dim: int) -> None:
        super().__init__(in_dim, in_dim)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The coordinates, as they are."""
        return coords
