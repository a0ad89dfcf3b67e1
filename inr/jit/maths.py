"""Elementary functions of one float32, written so that loops over them become vector instructions.

Numba's own call the C library for every number. Errors are within 2 units in the last place of 1 (sin, cos, for
arguments up to 1e5; from 1e7 on they mean nothing; sinc and its derivatives) and of the result (exp, log2), 3 of it
(tanh, expm1, erf, softplus); not a number stays what it is.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from inr.jit._compile import inline
from inr.jit.polynomials import (
    COSINE,
    ERF_ABOVE,
    ERF_BELOW,
    ERF_SATURATED,
    EXPONENTIAL,
    LN2,
    LN2_HIGH,
    LN2_LOW,
    LOG2_E,
    LOGARITHM,
    PER_PI,
    PI_HIGH,
    PI_LOW,
    ROUNDING_SHIFT,
    SATURATED,
    SINC,
    SINC_SQUARE,
    SINE,
    SQRT_HALF,
    SQRT_TWO_LESS_ONE,
)
from inr.jit.vector import FUSED

_F32, _I32 = ir.FloatType(), ir.IntType(32)


def _f(number: float) -> np.float32:
    return np.float32(number)


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once; never taken apart for speed, which the range reductions below rely on.

    Without an instruction for that, it is computed in float64, which holds the product exactly.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        if FUSED:
            return builder.fma(*arguments)
        first, second, third = (builder.fpext(argument, ir.DoubleType()) for argument in arguments)
        return builder.fptrunc(builder.fadd(builder.fmul(first, second), third), _F32)

    return types.float32(types.float32, types.float32, types.float32), generate


@intrinsic
def minus(typingctx: Any, a: Any, b: Any) -> Any:
    """a - b, rounded once; never taken apart for speed."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.fsub(*arguments)

    return types.float32(types.float32, types.float32), generate


@intrinsic
def bits(typingctx: Any, number: Any) -> Any:
    """The bits of a float32."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _I32)

    return types.int32(types.float32), generate


@intrinsic
def from_bits(typingctx: Any, bits: Any) -> Any:
    """The float32 of some bits."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _F32)

    return types.float32(types.int32), generate


_ONE, _TWO, _HALF, _ZERO = _f(1), _f(2), _f(0.5), _f(0)
_SIGN, _MAGNITUDE = np.int32(-(2**31)), np.int32(2**31 - 1)
_PER_PI, _PI_HIGH, _PI_LOW, _ROUNDING_SHIFT = map(_f, (PER_PI, PI_HIGH, PI_LOW, ROUNDING_SHIFT))
_S0, _S1, _S2, _S3 = map(_f, SINE)
_C0, _C1, _C2, _C3 = map(_f, COSINE)


@inline
def sin(x: np.float32) -> np.float32:
    """The sine; shares its work with a cosine of the same argument."""
    turned = fma(x, _PER_PI, _ROUNDING_SHIFT)
    half_turns = minus(turned, _ROUNDING_SHIFT)
    part = fma(-half_turns, _PI_LOW, fma(-half_turns, _PI_HIGH, x))
    square = part * part
    series = fma(fma(fma(_S3, square, _S2), square, _S1), square, _S0)
    value = fma(series, part * square, part)
    return from_bits(bits(value) ^ (bits(turned) << np.int32(31)))


@inline
def cos(x: np.float32) -> np.float32:
    """The cosine; shares its work with a sine of the same argument."""
    turned = fma(x, _PER_PI, _ROUNDING_SHIFT)
    half_turns = minus(turned, _ROUNDING_SHIFT)
    part = fma(-half_turns, _PI_LOW, fma(-half_turns, _PI_HIGH, x))
    square = part * part
    series = fma(fma(fma(_C3, square, _C2), square, _C1), square, _C0)
    value = fma(fma(series, square, -_HALF), square, _ONE)
    return from_bits(bits(value) ^ (bits(turned) << np.int32(31)))


_LOG2_E, _LN2_HIGH, _LN2_LOW, _SATURATED = map(_f, (LOG2_E, LN2_HIGH, LN2_LOW, SATURATED))
_EXP_OVERFLOWS, _EXP_UNDERFLOWS = _f(88.72283), _f(-87.33654)  # beyond, float32 overflows, or is denormal
_E0, _E1, _E2, _E3, _E4, _E5 = map(_f, EXPONENTIAL)
_INFINITY = _f(np.inf)


@inline
def exp(x: np.float32) -> np.float32:
    """The exponential; 0 where it would be denormal."""
    bounded = x if x < _EXP_OVERFLOWS else _EXP_OVERFLOWS
    bounded = bounded if bounded > _EXP_UNDERFLOWS else _EXP_UNDERFLOWS
    power = np.floor(fma(bounded, _LOG2_E, _HALF))
    part = fma(-power, _LN2_LOW, fma(-power, _LN2_HIGH, bounded))
    series = fma(fma(fma(fma(fma(_E0, part, _E1), part, _E2), part, _E3), part, _E4), part, _E5)
    mantissa = fma(series, part * part, part) + _ONE
    value = from_bits(bits(mantissa) + (np.int32(power) << np.int32(23)))
    value = value if x > _EXP_UNDERFLOWS else _ZERO
    value = value if x <= _EXP_OVERFLOWS else _INFINITY
    return value if x == x else x


@inline
def expm1(x: np.float32) -> np.float32:
    """The exponential less 1, which keeps its digits near 0."""
    bounded = x if x < _EXP_OVERFLOWS else _EXP_OVERFLOWS
    bounded = bounded if bounded > _EXP_UNDERFLOWS else _EXP_UNDERFLOWS
    power = np.floor(fma(bounded, _LOG2_E, _HALF))
    part = fma(-power, _LN2_LOW, fma(-power, _LN2_HIGH, bounded))
    series = fma(fma(fma(fma(fma(_E0, part, _E1), part, _E2), part, _E3), part, _E4), part, _E5)
    # by half of the scale, which is a number even where the result is infinite
    half = from_bits((np.int32(power) + np.int32(126)) << np.int32(23))
    value = fma(fma(series, part * part, part), half, minus(half, _HALF))
    value = value + value
    value = value if x <= _EXP_OVERFLOWS else _INFINITY
    return value if x == x else x


_SQRT_HALF_BITS, _MANTISSA = np.int32(np.float32(SQRT_HALF).view(np.int32)), np.int32(2**23 - 1)
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7 = map(_f, LOGARITHM)


@inline
def log2(x: np.float32) -> np.float32:
    """The logarithm to base 2 of a positive number that is neither infinite nor denormal."""
    above = np.int32(bits(x) - _SQRT_HALF_BITS)
    power = np.float32(np.int32(above >> np.int32(23)))
    part = minus(from_bits((above & _MANTISSA) + _SQRT_HALF_BITS), _ONE)
    series = fma(fma(fma(_L0, part, _L1), part, _L2), part, _L3)
    series = fma(fma(fma(fma(series, part, _L4), part, _L5), part, _L6), part, _L7)
    square = part * part
    value = fma(series, part * square, fma(-_HALF, square, part))
    value = fma(value, _LOG2_E, power)
    return value if x == x else x


@inline
def tanh(x: np.float32) -> np.float32:
    """The hyperbolic tangent, by exp(2|x|) - 1, which keeps its digits near 0."""
    magnitude = from_bits(bits(x) & _MAGNITUDE)
    bounded = magnitude + magnitude if magnitude + magnitude < _SATURATED else _SATURATED
    power = np.floor(fma(bounded, _LOG2_E, _HALF))
    part = fma(-power, _LN2_LOW, fma(-power, _LN2_HIGH, bounded))
    series = fma(fma(fma(fma(fma(_E0, part, _E1), part, _E2), part, _E3), part, _E4), part, _E5)
    scale = from_bits((np.int32(power) + np.int32(127)) << np.int32(23))
    grown = fma(fma(series, part * part, part), scale, minus(scale, _ONE))
    value = grown / (grown + _TWO)
    value = from_bits(bits(value) | (bits(x) & _SIGN))
    return value if x == x else x


@inline
def root(x: np.float32) -> np.float32:
    """The square root of |x|."""
    return np.sqrt(from_bits(bits(x) & _MAGNITUDE))


@inline
def reciprocal(x: np.float32) -> np.float32:
    """1/x, and 0 at 0."""
    return _ONE / x if x != _ZERO else _ZERO


@inline
def relu(x: np.float32) -> np.float32:
    """max(x, 0); not a number stays what it is."""
    return x if not x <= _ZERO else _ZERO


@inline
def step(x: np.float32) -> np.float32:
    """1 above 0, else 0."""
    return _ONE if x > _ZERO else _ZERO


_LN2, _SQRT_TWO_LESS_ONE = _f(LN2), _f(SQRT_TWO_LESS_ONE)


@inline
def softplus(x: np.float32) -> np.float32:
    """log(1 + exp(x)), which keeps its digits where it is near 0."""
    grown = exp(-from_bits(bits(x) & _MAGNITUDE))
    # of 1 + grown, from the square root of 2 on, the logarithm is that of its half, and log(2)
    upper = grown > _SQRT_TWO_LESS_ONE
    part = _HALF * minus(grown, _ONE) if upper else grown
    series = fma(fma(fma(_L0, part, _L1), part, _L2), part, _L3)
    series = fma(fma(fma(fma(series, part, _L4), part, _L5), part, _L6), part, _L7)
    square = part * part
    value = fma(series, part * square, fma(-_HALF, square, part))
    return relu(x) + (value + _LN2 if upper else value)


@inline
def _quartic(x: np.float32, numbers: Any) -> np.float32:
    return fma(fma(fma(fma(numbers[0], x, numbers[1]), x, numbers[2]), x, numbers[3]), x, numbers[4])


@inline
def _quintic(x: np.float32, numbers: Any) -> np.float32:
    return fma(_quartic(x, numbers), x, numbers[5])


_ERF_SATURATED = _f(ERF_SATURATED)
_ERF_ABOVE, _ERF_BELOW = tuple(map(_f, ERF_ABOVE)), tuple(map(_f, ERF_BELOW))


@inline
def erf(x: np.float32) -> np.float32:
    """The error function; exactly 1 where it is so in float32, by which the gelu of what lies far below 0 is 0."""
    magnitude = from_bits(bits(x) & _MAGNITUDE)
    saturated = magnitude >= _ERF_SATURATED
    square = _ONE if saturated else magnitude * magnitude
    value = magnitude * _quintic(square, _ERF_ABOVE) / _quintic(square, _ERF_BELOW)
    value = _ONE if saturated or value > _ONE else value
    return from_bits(bits(value) | (bits(x) & _SIGN)) if x == x else x


_THREE, _SINC_SQUARE = _f(3), _f(SINC_SQUARE)
_SINC_0, _SINC_1, _SINC_2, _SINC_3 = (tuple(map(_f, numbers)) for numbers in SINC)


@inline
def sinc0(u: np.float32) -> np.float32:
    """sin(u)/u, and 1 at 0; shares its work with the derivatives below, which follow from it far from 0."""
    near, far, beyond = _sides(u)
    return _sinc0_far(far) if beyond else _quintic(near, _SINC_0)


@inline
def sinc1(u: np.float32) -> np.float32:
    """The derivative of sin(u)/u."""
    near, far, beyond = _sides(u)
    return _sinc1_far(far) if beyond else u * _quartic(near, _SINC_1)


@inline
def sinc2(u: np.float32) -> np.float32:
    """The second derivative of sin(u)/u."""
    near, far, beyond = _sides(u)
    return _sinc2_far(far) if beyond else _quintic(near, _SINC_2)


@inline
def sinc3(u: np.float32) -> np.float32:
    """The third derivative of sin(u)/u."""
    near, far, beyond = _sides(u)
    return -(cos(far) + _THREE * _sinc2_far(far)) / far if beyond else u * _quartic(near, _SINC_3)


@inline
def _sides(u: np.float32) -> tuple[np.float32, np.float32, np.bool_]:
    """The square of u for the series near 0, u for the quotients far from it, and which of the two it is to be."""
    square = u * u
    beyond = square >= _SINC_SQUARE
    return _SINC_SQUARE if beyond else square, u if beyond else _ONE, beyond


# u s^(k) + k s^(k-1) is the k-th derivative of the sine


@inline
def _sinc0_far(u: np.float32) -> np.float32:
    return sin(u) / u


@inline
def _sinc1_far(u: np.float32) -> np.float32:
    return (cos(u) - _sinc0_far(u)) / u


@inline
def _sinc2_far(u: np.float32) -> np.float32:
    return -(sin(u) + _TWO * _sinc1_far(u)) / u
