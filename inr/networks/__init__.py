"""Networks: features to values."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.networks._base import Network as Network
    from inr.networks._base import networks as networks
    from inr.networks._linear import Affine as Affine
    from inr.networks._linear import ComplexAffine as ComplexAffine
    from inr.networks._mlp import MLP as MLP

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Affine": "._linear",
        "ComplexAffine": "._linear",
        "MLP": "._mlp",
        "Network": "._base",
        "networks": "._base",
    },
)
