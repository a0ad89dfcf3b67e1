"""FINER and FINER++: functions of alpha(z) z with alpha(z) = |z| + 1, whose frequency grows with |z|.

So the range of the first layer's biases decides which frequencies a network can reach. The authors keep alpha out of
the gradient, which they call detached. Here all derivatives are exact, because a formula says nothing else and
derivatives in coordinates would be wrong otherwise; detaching makes no measurable difference to fits of pictures.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from torch import nn

from inr._parts import Automatic, Config, Range
from inr.activations._base import Activation, Ops, Position, activations
from inr.activations._gabor import check_ratio
from inr.activations._sine import FirstOmega, Omega, Siren, init_siren_, suited_first_omega
from inr.signals import Signal

FirstBias = Annotated[
    float | None, Range(0, above=True), "the first layer's biases are U(±first_bias), none: U(±1/sqrt(inputs))"
]
_PAPER = "Zhu et al., FINER++: Building a Family of Variable-periodic Functions, 2024"
_GRADIENTS_NOTE = "gradients are exact where the authors' code leaves out that of |z| + 1"


def _warped(ops: Ops, z: Any) -> Any:
    """alpha(z) z, the phase of a sine of frequency 1."""
    return (ops.abs(z) + 1) * z


@activations.register(
    "finer",
    source="Liu et al., FINER: Flexible Spectral-bias Tuning in INR by Variable-periodic Activation Functions, "
    "CVPR 2024",
    formula="sin(ω (|z| + 1) z)",
    limits=f"the second derivative jumps at 0; {_GRADIENTS_NOTE}",
)
class Finer(Siren):
    """FINER: sin(omega (|z| + 1) z), a sine whose frequency grows with |z|.

    Weights and biases are SIREN's. A wider `first_bias` lets in higher frequencies: the authors use the default
    for pictures, 5 to 20 for small networks on detailed ones. Phases grow with the square of z.
    """

    smoothness = 1

    def __init__(self, *, omega: Omega = 30.0, first_omega: FirstOmega = None, first_bias: FirstBias = None) -> None:
        self.omega = omega
        self.first_omega = omega if first_omega is None else first_omega
        self.first_bias = first_bias

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """sin(omega (|z| + 1) z)."""
        return (ops.sin(constants["omega"] * _warped(ops, planes[0])),)

    def constants(self, position: Position) -> Mapping[str, float]:
        """The frequency of a layer."""
        return {"omega": self.frequency(position)}

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """A fast first layer for sounds."""
        return suited_first_omega(signal)


@activations.register(
    "finer-gaussian",
    source=_PAPER,
    formula="exp(-(s sin(ω (|z| + 1) z))²)",
    limits=f"periodic, not a bump; the third derivative jumps at 0; {_GRADIENTS_NOTE}",
)
class FinerGaussian(Siren):
    """FINER++ with a Gaussian: exp(-(scale sin(omega (|z| + 1) z))^2), the bump of a FINER sine.

    Weights are SIREN's for this omega. Defaults are the authors' for pictures.
    """

    smoothness = 2
    learning_rate = 1e-3
    frequencies = ("scale", "omega")
    automatic: ClassVar[Automatic] = {}

    def __init__(
        self,
        *,
        scale: Annotated[float, Range(0, above=True), "inverse width of the bump"] = 3.0,
        omega: Annotated[float, Range(0, above=True), "frequency of the sine"] = 10.0,
        first_bias: FirstBias = 1.0,
    ) -> None:
        self.scale = scale
        self.omega = omega
        self.first_bias = first_bias

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """exp(-(scale sin(omega (|z| + 1) z))^2)."""
        scaled = constants["scale"] * ops.sin(constants["omega"] * _warped(ops, planes[0]))
        return (ops.exp(-scaled * scaled),)

    def constants(self, position: Position) -> Mapping[str, float]:
        """Scale and frequency, the same in every layer."""
        return {"scale": self.scale, "omega": self.omega}


@activations.register(
    "finer-gabor",
    source=_PAPER,
    formula="u = sin(ω ((|a| + 1) a + i (|b| + 1) b)) of z = a + ib, then exp(i ω_w u - |s u|²)",
    limits=f"ω_w / s at most 3, or values overflow; the second derivative jumps where a or b is 0; {_GRADIENTS_NOTE}",
)
class FinerGabor(Activation):
    """FINER++ with WIRE's wavelet: exp(i wavelet_omega u - |scale u|^2) of u, the sine of a warped complex z.

    Carried as real and imaginary plane, each warped by its own |.| + 1; the first layer's z is real. Weights are
    SIREN's for omega times wavelet_omega, in both planes. Defaults are the authors' for pictures. A complex
    unit counts two real ones: 181 complex units cost what 256 real ones do.
    """

    planes = 2
    smoothness = 1
    learning_rate = 1e-3
    frequencies = ("scale", "omega")

    def __init__(
        self,
        *,
        scale: Annotated[float, Range(0, above=True), "inverse width of the wavelet's envelope"] = 2.0,
        wavelet_omega: Annotated[float, Range(0, above=True), "frequency of the wavelet"] = 4.0,
        omega: Annotated[float, Range(0, above=True), "frequency of the sine"] = 5.0,
        first_bias: FirstBias = 1.0,
    ) -> None:
        check_ratio("finer-gabor", "wavelet_omega", wavelet_omega, scale)
        self.scale = scale
        self.wavelet_omega = wavelet_omega
        self.omega = omega
        self.first_bias = first_bias

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """Real and imaginary part, by sin(p + iq) = sin(p) cosh(q) + i cos(p) sinh(q)."""
        scale, wavelet_omega, omega = constants["scale"], constants["wavelet_omega"], constants["omega"]
        phase = omega * _warped(ops, planes[0])
        if len(planes) == 1:
            u = ops.sin(phase)
            envelope = ops.exp(-(scale * scale) * (u * u))
        else:
            growth = _within(ops, omega * _warped(ops, planes[1]))
            grown, shrunk = ops.exp(growth), ops.exp(-growth)
            u, v = ops.sin(phase) * (grown + shrunk) / 2, ops.cos(phase) * (grown - shrunk) / 2
            envelope = ops.exp(-wavelet_omega * v - (scale * scale) * (u * u + v * v))
        return envelope * ops.cos(wavelet_omega * u), envelope * ops.sin(wavelet_omega * u)

    def constants(self, position: Position) -> Mapping[str, float]:
        """Scale and frequencies, the same in every layer."""
        return {"scale": self.scale, "wavelet_omega": self.wavelet_omega, "omega": self.omega}

    def init_linear_(self, layer: nn.Module, position: Position) -> None:
        """SIREN's initialisation, with the biases of the first layer as set."""
        init_siren_(layer, position, self.omega * self.wavelet_omega, self.first_bias)


def _within(ops: Ops, q: Any) -> Any:
    """q in [-20, 20]: beyond, |u| is above 1e8 and the wavelet 0, but its parts would be infinite."""
    return q - ops.relu(q - 20) + ops.relu(-q - 20)
