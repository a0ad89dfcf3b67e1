"""Pictures and slices from data that are not their samples, each beside its classical method."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.reconstruction._poisson import gradients as gradients
    from inr.reconstruction._poisson import laplacian as laplacian

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "gradients": "._poisson",
        "laplacian": "._poisson",
    },
)
