"""Activations: the nonlinearity of a network, together with the initialisation that belongs to it."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.activations._base import Activation as Activation
    from inr.activations._base import Position as Position
    from inr.activations._base import activations as activations
    from inr.activations._derivatives import partial as partial
    from inr.activations._gabor import Gabor as Gabor
    from inr.activations._gaussian import Gaussian as Gaussian
    from inr.activations._relu import ReLU as ReLU
    from inr.activations._sine import Sine as Sine

__getattr__, __all__ = lazy_exports(
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
