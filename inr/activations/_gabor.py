"""WIRE's complex Gabor wavelet, in two real planes."""

from collections.abc import Mapping
from typing import Annotated, Any

from inr._errors import InrError
from inr._parts import Range
from inr.activations._base import Activation, Ops, Position, activations

# exp(omega^2 / (4 scale^2)) is the wavelet's largest modulus and so the gain a layer can have: x9.5 at a ratio
# of 3, x55 at 4, where a few layers overflow. The authors advise staying below 1.5.
LARGEST_RATIO = 3.0


@activations.register("gabor", source="Saragadam et al., WIRE: Wavelet Implicit Neural Representations, CVPR 2023")
class Gabor(Activation):
    """WIRE: exp(i omega z - |scale z|^2) of a complex z, carried as real and imaginary plane.

    The first layer's z is real. Weights and biases are U(±1/sqrt(n)), independently in both planes.
    A complex unit counts two real ones: 181 complex units cost what 256 real ones do.
    omega = scale = 10 trains well without tuning; the authors use (20, 30) to represent, (5, 5) to denoise.
    """

    planes = 2
    learning_rate = 5e-3

    def __init__(
        self,
        *,
        omega: Annotated[float, Range(0, above=True), "frequency of the wavelet"] = 10.0,
        scale: Annotated[float, Range(0, above=True), "inverse width of its envelope"] = 10.0,
    ) -> None:
        if omega > LARGEST_RATIO * scale:
            raise InrError(
                f"activation 'gabor': omega/scale must be at most {LARGEST_RATIO:g} or values overflow, "
                f"got {omega:g}/{scale:g}; try scale={omega:g}"
            )
        self.omega = omega
        self.scale = scale

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

    def constants(self, position: Position) -> Mapping[str, float]:
        """Frequency and scale, the same in every layer."""
        return {"omega": self.omega, "scale": self.scale}
