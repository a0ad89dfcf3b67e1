"""Networks: features to values."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.networks._axiswise import AxisWise as AxisWise
    from inr.networks._bacon import BACON as BACON
    from inr.networks._base import Network as Network
    from inr.networks._base import networks as networks
    from inr.networks._cam import CAM as CAM
    from inr.networks._conditioned import Conditioned as Conditioned
    from inr.networks._kronecker import Kronecker as Kronecker
    from inr.networks._linear import Affine as Affine
    from inr.networks._linear import ComplexAffine as ComplexAffine
    from inr.networks._mfn import MFN as MFN
    from inr.networks._mlp import MLP as MLP
    from inr.networks._modulated import ModulatedSiren as ModulatedSiren
    from inr.networks._skip import SkipMLP as SkipMLP
    from inr.networks._split import Split as Split

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Affine": "._linear",
        "AxisWise": "._axiswise",
        "BACON": "._bacon",
        "CAM": "._cam",
        "ComplexAffine": "._linear",
        "Conditioned": "._conditioned",
        "Kronecker": "._kronecker",
        "MFN": "._mfn",
        "MLP": "._mlp",
        "ModulatedSiren": "._modulated",
        "Network": "._base",
        "SkipMLP": "._skip",
        "Split": "._split",
        "networks": "._base",
    },
)
