"""Activations: the nonlinearity of a network, together with the initialisation that belongs to it."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.activations._base import Activation as Activation
    from inr.activations._base import Position as Position
    from inr.activations._base import activations as activations
    from inr.activations._bumps import ExpSin as ExpSin
    from inr.activations._bumps import Laplacian as Laplacian
    from inr.activations._bumps import Multiquadric as Multiquadric
    from inr.activations._bumps import Quadratic as Quadratic
    from inr.activations._derivatives import Expression as Expression
    from inr.activations._derivatives import expression as expression
    from inr.activations._derivatives import partial as partial
    from inr.activations._finer import Finer as Finer
    from inr.activations._finer import FinerGabor as FinerGabor
    from inr.activations._finer import FinerGaussian as FinerGaussian
    from inr.activations._functions import FUNCTIONS as FUNCTIONS
    from inr.activations._gabor import Gabor as Gabor
    from inr.activations._gabor import Gabor2D as Gabor2D
    from inr.activations._gabor import RealGabor as RealGabor
    from inr.activations._gaussian import Gaussian as Gaussian
    from inr.activations._hosc import HOSC as HOSC
    from inr.activations._hsiren import HSiren as HSiren
    from inr.activations._linear import Linear as Linear
    from inr.activations._rectifiers import GELU as GELU
    from inr.activations._rectifiers import SiLU as SiLU
    from inr.activations._rectifiers import Softplus as Softplus
    from inr.activations._relu import ReLU as ReLU
    from inr.activations._sinc import Sinc as Sinc
    from inr.activations._sine import Sine as Sine
    from inr.activations._snake import Snake as Snake
    from inr.activations._spder import SPDER as SPDER
    from inr.activations._symbolic import SYMBOLIC as SYMBOLIC
    from inr.activations._tanh import Tanh as Tanh

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "FUNCTIONS": "._functions",
        "SYMBOLIC": "._symbolic",
        "Activation": "._base",
        "ExpSin": "._bumps",
        "Expression": "._derivatives",
        "Finer": "._finer",
        "FinerGabor": "._finer",
        "FinerGaussian": "._finer",
        "GELU": "._rectifiers",
        "Gabor": "._gabor",
        "Gabor2D": "._gabor",
        "Gaussian": "._gaussian",
        "HOSC": "._hosc",
        "HSiren": "._hsiren",
        "Laplacian": "._bumps",
        "Linear": "._linear",
        "Multiquadric": "._bumps",
        "Position": "._base",
        "Quadratic": "._bumps",
        "ReLU": "._relu",
        "RealGabor": "._gabor",
        "SPDER": "._spder",
        "SiLU": "._rectifiers",
        "Sinc": "._sinc",
        "Sine": "._sine",
        "Snake": "._snake",
        "Softplus": "._rectifiers",
        "Tanh": "._tanh",
        "activations": "._base",
        "expression": "._derivatives",
        "partial": "._derivatives",
    },
)
