"""Elementary functions of one float32, written so that loops over them become vector instructions.

Numba's own call the C library for every number. Errors are within 2 units in the last place of 1 (sin, cos, for
arguments up to 1e5) and of the result (exp); not a number stays what it is.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from inr.engines._cpu._jit import inline

_F32, _I32 = ir.FloatType(), ir.IntType(32)


def _f(number: float) -> np.float32:
    return np.float32(number)


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once; never taken apart for speed, which the range reductions below rely on."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@intrinsic
def _bits(typingctx: Any, number: Any) -> Any:
    """The bits of a float32."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _I32)

    return types.int32(types.float32), generate


@intrinsic
def _from_bits(typingctx: Any, bits: Any) -> Any:
    """The float32 of some bits."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _F32)

    return types.float32(types.int32), generate


# pi / 2 in three parts, of which the first two are exact in float32
_HALF_PI = _f(1.5707963705062866), _f(-4.371138828673793e-08), _f(-1.7151245100058819e-15)
_TWO_OVER_PI = _f(0.6366197723675814)
_ONE, _HALF, _ZERO = _f(1), _f(0.5), _f(0)
_A, _B, _C = _HALF_PI
# minimax polynomials on [-pi/4, pi/4] (Cephes, S. Moshier, single precision)
_S0, _S1, _S2 = _f(-1.9515295891e-4), _f(8.3321608736e-3), _f(-1.6666654611e-1)
_C0, _C1, _C2 = _f(2.443315711809948e-5), _f(-1.388731625493765e-3), _f(4.166664568298827e-2)


@inline
def _turned(x: np.float32, quarters: int) -> np.float32:
    """sin(x + quarters pi/2)."""
    turns = np.floor(fma(x, _TWO_OVER_PI, _HALF))
    part = fma(-turns, _C, fma(-turns, _B, fma(-turns, _A, x)))
    square = part * part
    sine = fma(fma(fma(_S0, square, _S1), square, _S2) * square, part, part)
    cosine = fma(fma(fma(fma(_C0, square, _C1), square, _C2), square, -_HALF), square, _ONE)
    quarter = np.int32(turns) + np.int32(quarters)
    value = cosine if quarter & np.int32(1) else sine
    return _from_bits(_bits(value) ^ ((quarter & np.int32(2)) << np.int32(30)))


@inline
def sin(x: np.float32) -> np.float32:
    """The sine; shares its work with a cosine of the same argument."""
    return _turned(x, 0)


@inline
def cos(x: np.float32) -> np.float32:
    """The cosine; shares its work with a sine of the same argument."""
    return _turned(x, 1)


_LOG2_E = _f(1.4426950408889634)
_LN2_HIGH, _LN2_LOW = _f(0.693359375), _f(-2.12194440e-4)
_LARGEST, _SMALLEST = _f(88.72283), _f(-87.33654)  # beyond, float32 overflows, or is denormal
_E = [_f(c) for c in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5)]
_E0, _E1, _E2, _E3, _E4, _E5 = _E
_INFINITY = _f(np.inf)


@inline
def exp(x: np.float32) -> np.float32:
    """The exponential; 0 where it would be denormal."""
    bounded = x if x < _LARGEST else _LARGEST
    bounded = bounded if bounded > _SMALLEST else _SMALLEST
    power = np.floor(fma(bounded, _LOG2_E, _HALF))
    part = fma(-power, _LN2_LOW, fma(-power, _LN2_HIGH, bounded))
    series = fma(fma(fma(fma(fma(_E0, part, _E1), part, _E2), part, _E3), part, _E4), part, _E5)
    mantissa = fma(series, part * part, part) + _ONE
    value = _from_bits(_bits(mantissa) + (np.int32(power) << np.int32(23)))
    value = value if x > _SMALLEST else _ZERO
    value = value if x <= _LARGEST else _INFINITY
    return value if x == x else x


@inline
def relu(x: np.float32) -> np.float32:
    """max(x, 0); not a number stays what it is."""
    return x if not x <= _ZERO else _ZERO


@inline
def step(x: np.float32) -> np.float32:
    """1 above 0, else 0."""
    return _ONE if x > _ZERO else _ZERO
