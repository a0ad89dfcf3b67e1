"""WIRE's Gabor wavelets: complex ones in two real planes, and the real one."""

from collections.abc import Mapping
from typing import Annotated, Any

from inr._errors import InrError
from inr._parts import Range
from inr.activations._base import Activation, Ops, Position, activations

# exp(omega^2 / (4 scale^2)) is the wavelet's largest modulus and so the gain a layer can have: x9.5 at a ratio
# of 3, x55 at 4, where a few layers overflow. The authors advise staying below 1.5, and 2.5 with two maps.
MAX_RATIO = 3.0

_PAPER = "Saragadam et al., WIRE: Wavelet Implicit Neural Representations, CVPR 2023"

Omega = Annotated[float, Range(0, above=True), "frequency of the wavelet"]
Scale = Annotated[float, Range(0, above=True), "inverse width of its envelope"]


def check_ratio(name: str, parameter: str, omega: float, scale: float) -> None:
    """Refuse a wavelet of a complex number that can grow too much."""
    if omega > MAX_RATIO * scale:
        raise InrError(
            f"activation '{name}': {parameter}/scale must be at most {MAX_RATIO:g} or values overflow, "
            f"got {omega:g}/{scale:g}; try scale={omega:g}"
        )


class _Wavelet(Activation):
    """A wave within an envelope, with torch's default initialisation.

    Attributes:
        omega, scale: the same in every layer.
    """

    learning_rate = 5e-3
    frequencies = ("omega", "scale")

    def __init__(self, *, omega: Omega = 10.0, scale: Scale = 10.0) -> None:
        self.omega = omega
        self.scale = scale

    def constants(self, position: Position) -> Mapping[str, float]:
        """Frequency and scale, the same in every layer."""
        return {"omega": self.omega, "scale": self.scale}


@activations.register(
    "gabor",
    source=_PAPER,
    formula="exp(i ω z - |s z|²), z complex",
    limits="ω/s at most 3, or values overflow; needs a learning rate near 5e-3: twice or half that costs decibels",
)
class Gabor(_Wavelet):
    """WIRE: exp(i omega z - |scale z|^2) of a complex z, carried as real and imaginary plane.

    The first layer's z is real. Weights and biases are U(±1/sqrt(n)), independently in both planes.
    A complex unit counts two real ones: 181 complex units cost what 256 real ones do.
    omega = scale = 10 trains well without tuning; the authors use (20, 30) to represent, (5, 5) to denoise.

    >>> real, imaginary = inr.activations.Gabor()((torch.zeros(1), torch.zeros(1)))
    >>> real, imaginary
    (tensor([1.]), tensor([0.]))
    """

    planes = 2

    def __init__(self, *, omega: Omega = 10.0, scale: Scale = 10.0) -> None:
        check_ratio("gabor", "omega", omega, scale)
        super().__init__(omega=omega, scale=scale)

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """Real and imaginary part of exp(i omega (a + ib) - scale^2 (a^2 + b^2))."""
        omega, scale = constants["omega"], constants["scale"]
        a, b = planes if len(planes) == 2 else (planes[0], None)
        if b is None:
            envelope = ops.exp(-(scale * scale) * (a * a))
        else:
            envelope = ops.exp(-omega * b - (scale * scale) * (a * a + b * b))
        return envelope * ops.cos(omega * a), envelope * ops.sin(omega * a)


@activations.register(
    "gabor-2d",
    source=_PAPER,
    formula="exp(i ω z - s² (|z|² + |v|²)), z and v complex, each by its own affine map",
    limits="ω/s at most 3, or values overflow; two affine maps a unit, for which only eager has code",
)
class Gabor2D(_Wavelet):
    """WIRE-2D: exp(i omega z) exp(-scale^2 (|z|^2 + |v|^2)) of two affine maps z and v of the input.

    The second map makes the envelope local across the wave as well as along it. Carried in two real planes; the
    first layer's z and v are real. Weights and biases are U(±1/sqrt(n)). A unit counts four real ones: 128 cost
    what 256 real ones do. The authors use omega = scale = 10 for tomography.
    """

    planes = 2
    maps = 2

    def __init__(self, *, omega: Omega = 10.0, scale: Scale = 10.0) -> None:
        check_ratio("gabor-2d", "omega", omega, scale)
        super().__init__(omega=omega, scale=scale)

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """Real and imaginary part, of z = a + ib and v = c + id; in a first layer b and d are 0."""
        omega, square = constants["omega"], constants["scale"] * constants["scale"]
        if len(planes) == 2:
            a, c = planes
            envelope = ops.exp(-square * (a * a + c * c))
        else:
            a, b, c, d = planes
            envelope = ops.exp(-omega * b - square * (a * a + b * b + c * c + d * d))
        return envelope * ops.cos(omega * a), envelope * ops.sin(omega * a)


@activations.register(
    "real-gabor",
    source=_PAPER,
    formula="cos(ω z) exp(-(s v)²), z and v each by its own affine map",
    limits="two affine maps a unit, for which only eager has code",
)
class RealGabor(_Wavelet):
    """The real Gabor wavelet: cos(omega z) exp(-(scale v)^2) of two affine maps z and v of the input.

    Weights and biases are U(±1/sqrt(n)). A unit counts two ordinary ones: 181 cost what 256 do.
    """

    maps = 2

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """cos(omega z) exp(-(scale v)^2)."""
        scaled = constants["scale"] * planes[1]
        return (ops.cos(constants["omega"] * planes[0]) * ops.exp(-scaled * scaled),)
