"""Activations: the nonlinearity of a network, together with the initialisation that belongs to it."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.activations._base import Activation, Position, activations
    from inr.activations._derivatives import partial
    from inr.activations._gabor import Gabor
    from inr.activations._gaussian import Gaussian
    from inr.activations._relu import ReLU
    from inr.activations._sine import Sine

__all__ = ["Activation", "Gabor", "Gaussian", "Position", "ReLU", "Sine", "activations", "partial"]
__getattr__, _ = lazy_exports(
    __name__,
    {
        "Activation": "._base",
        "Gabor": "._gabor",
        "Gaussian": "._gaussian",
        "Position": "._base",
        "ReLU": "._relu",
        "Sine": "._sine",
        "activations": "._base",
        "partial": "._derivatives",
    },
)
