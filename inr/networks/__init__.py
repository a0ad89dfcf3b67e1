"""Networks: features to values."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.networks._base import Network, networks
    from inr.networks._linear import Affine, ComplexAffine
    from inr.networks._mlp import MLP

__all__ = ["MLP", "Affine", "ComplexAffine", "Network", "networks"]
__getattr__, _ = lazy_exports(
    __name__,
    {
        "MLP": "._mlp",
        "Affine": "._linear",
        "ComplexAffine": "._linear",
        "Network": "._base",
        "networks": "._base",
    },
)
