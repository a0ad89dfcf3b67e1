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
    from inr.networks._initialise import Initialisation as Initialisation
    from inr.networks._initialise import balanced_spread as balanced_spread
    from inr.networks._initialise import initialisations as initialisations
    from inr.networks._initialise import mean_squares as mean_squares
    from inr.networks._initialise import steep_spread as steep_spread
    from inr.networks._kronecker import Kronecker as Kronecker
    from inr.networks._linear import Affine as Affine
    from inr.networks._linear import ComplexAffine as ComplexAffine
    from inr.networks._masked import MaskedSine as MaskedSine
    from inr.networks._mfn import MFN as MFN
    from inr.networks._mlp import MLP as MLP
    from inr.networks._modulated import ModulatedSiren as ModulatedSiren
    from inr.networks._normalised import NormalisedMLP as NormalisedMLP
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
        "Initialisation": "._initialise",
        "Kronecker": "._kronecker",
        "MFN": "._mfn",
        "MLP": "._mlp",
        "MaskedSine": "._masked",
        "ModulatedSiren": "._modulated",
        "Network": "._base",
        "NormalisedMLP": "._normalised",
        "SkipMLP": "._skip",
        "Split": "._split",
        "balanced_spread": "._initialise",
        "initialisations": "._initialise",
        "mean_squares": "._initialise",
        "networks": "._base",
        "steep_spread": "._initialise",
    },
)
