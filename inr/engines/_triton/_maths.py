"""Elementary functions of float32 tensors in kernels: the polynomials of the engine `cpu`, so that both agree.

Besides, they are twice as fast as the library's: sines of networks need no reduction of arguments beyond 1e5. Errors
are within 2 units in the last place of 1 (sin, cos, sinc and its derivatives) and of the result (exp), 3 of it (tanh,
erf, softplus); not a number stays what it is.
"""

from typing import no_type_check

import triton
import triton.language as tl

from inr.engines._triton import _library
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
    SQRT_TWO_LESS_ONE,
)

# A GPU rounds a fused multiply-add once. Before 3.9, Triton's interpreter rounds the product as well.
_ROUNDS_PRODUCTS = tl.constexpr(_library.interpreting() and tuple(map(int, triton.__version__.split(".")[:2])) < (3, 9))
_PER_PI, _PI_HIGH, _PI_LOW, _ROUNDING_SHIFT = map(tl.constexpr, (PER_PI, PI_HIGH, PI_LOW, ROUNDING_SHIFT))
_S0, _S1, _S2, _S3 = map(tl.constexpr, SINE)
_C0, _C1, _C2, _C3 = map(tl.constexpr, COSINE)
_LOG2_E, _LN2_HIGH, _LN2_LOW, _SATURATED = map(tl.constexpr, (LOG2_E, LN2_HIGH, LN2_LOW, SATURATED))
_E0, _E1, _E2, _E3, _E4, _E5 = map(tl.constexpr, EXPONENTIAL)


@triton.jit
@no_type_check
def _without_half_turns(x, half_turns):
    """x - half_turns * pi, to the last bits of x: the product with the high part of pi must not be rounded."""
    if _ROUNDS_PRODUCTS:
        part = (x.to(tl.float64) - half_turns.to(tl.float64) * _PI_HIGH).to(tl.float32)
    else:
        part = tl.fma(-half_turns, _PI_HIGH, x)
    return tl.fma(-half_turns, _PI_LOW, part)


@triton.jit
@no_type_check
def _reduced(x):
    """The rest of x by half turns, in [-pi/2, pi/2], and a word whose lowest bit says whether their number is odd."""
    turned = tl.fma(x, _PER_PI, _ROUNDING_SHIFT)
    return _without_half_turns(x, turned - _ROUNDING_SHIFT), turned.to(tl.int32, bitcast=True)


@triton.jit
@no_type_check
def _signed(value, turned):
    """Minus the value where the number of half turns is odd."""
    return (value.to(tl.int32, bitcast=True) ^ (turned << 31)).to(tl.float32, bitcast=True)


@triton.jit
@no_type_check
def sin(x):
    """The sine; shares its work with a cosine of the same argument."""
    part, turned = _reduced(x)
    square = part * part
    series = tl.fma(tl.fma(tl.fma(square, _S3, _S2), square, _S1), square, _S0)
    return _signed(tl.fma(series, part * square, part), turned)


@triton.jit
@no_type_check
def cos(x):
    """The cosine; shares its work with a sine of the same argument."""
    part, turned = _reduced(x)
    square = part * part
    series = tl.fma(tl.fma(tl.fma(square, _C3, _C2), square, _C1), square, _C0)
    return _signed(tl.fma(tl.fma(series, square, -0.5), square, 1.0), turned)


@triton.jit
@no_type_check
def exp(x):
    """The exponential."""
    return tl.exp(x)


@triton.jit
@no_type_check
def tanh(x):
    """The hyperbolic tangent, by exp(2|x|) - 1, which keeps its digits near 0."""
    doubled = 2 * tl.abs(x)
    bounded = tl.where(doubled < _SATURATED, doubled, _SATURATED)  # a number, even where x is none
    power = tl.floor(tl.fma(bounded, _LOG2_E, 0.5))
    part = tl.fma(-power, _LN2_LOW, tl.fma(-power, _LN2_HIGH, bounded))
    series = tl.fma(tl.fma(tl.fma(tl.fma(tl.fma(part, _E0, _E1), part, _E2), part, _E3), part, _E4), part, _E5)
    scale = ((power.to(tl.int32) + 127) << 23).to(tl.float32, bitcast=True)
    grown = tl.fma(tl.fma(series, part * part, part), scale, scale - 1)
    value = grown / (grown + 2)
    return tl.where(x == x, tl.where(x < 0, -value, value), x)


@triton.jit
@no_type_check
def root(x):
    """The square root of |x|."""
    return tl.sqrt(tl.abs(x))


@triton.jit
@no_type_check
def reciprocal(x):
    """1/x, and 0 at 0."""
    return tl.where(x == 0, 0.0, 1 / tl.where(x == 0, 1.0, x))


@triton.jit
@no_type_check
def relu(x):
    """max(x, 0); not a number stays what it is."""
    return tl.where(x <= 0, 0.0, x)


@triton.jit
@no_type_check
def step(x):
    """1 above 0, else 0."""
    return tl.where(x > 0, 1.0, 0.0)


_LN2, _SQRT_TWO_LESS_ONE = map(tl.constexpr, (LN2, SQRT_TWO_LESS_ONE))
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7 = map(tl.constexpr, LOGARITHM)


@triton.jit
@no_type_check
def softplus(x):
    """log(1 + exp(x)), which keeps its digits where it is near 0."""
    grown = exp(-tl.abs(x))
    # of 1 + grown, from the square root of 2 on, the logarithm is that of its half, and log(2)
    part = tl.where(grown > _SQRT_TWO_LESS_ONE, 0.5 * (grown - 1), grown)
    series = tl.fma(tl.fma(tl.fma(part, _L0, _L1), part, _L2), part, _L3)
    series = tl.fma(tl.fma(tl.fma(tl.fma(series, part, _L4), part, _L5), part, _L6), part, _L7)
    square = part * part
    value = tl.fma(series, part * square, tl.fma(square, -0.5, part))
    return relu(x) + tl.where(grown > _SQRT_TWO_LESS_ONE, value + _LN2, value)


@triton.jit
@no_type_check
def _quartic(x, c0, c1, c2, c3, c4):
    return tl.fma(tl.fma(tl.fma(tl.fma(x, c0, c1), x, c2), x, c3), x, c4)


_ERF_SATURATED = tl.constexpr(ERF_SATURATED)
_A0, _A1, _A2, _A3, _A4, _A5 = map(tl.constexpr, ERF_ABOVE)
_B0, _B1, _B2, _B3, _B4, _B5 = map(tl.constexpr, ERF_BELOW)


@triton.jit
@no_type_check
def erf(x):
    """The error function; exactly 1 where it is so in float32, by which the gelu of what lies far below 0 is 0."""
    magnitude = tl.abs(x)
    saturated = magnitude >= _ERF_SATURATED
    bounded = tl.where(saturated, 1.0, magnitude)
    square = bounded * bounded
    above = tl.fma(_quartic(square, _A0, _A1, _A2, _A3, _A4), square, _A5)
    below = tl.fma(_quartic(square, _B0, _B1, _B2, _B3, _B4), square, _B5)
    value = bounded * above / below
    value = tl.where(saturated | (value > 1), 1.0, value)
    return tl.where(x < 0, -value, value)


_SINC_SQUARE = tl.constexpr(SINC_SQUARE)
_P0, _P1, _P2, _P3, _P4, _P5 = map(tl.constexpr, SINC[0])
_Q0, _Q1, _Q2, _Q3, _Q4 = map(tl.constexpr, SINC[1])
_R0, _R1, _R2, _R3, _R4, _R5 = map(tl.constexpr, SINC[2])
_T0, _T1, _T2, _T3, _T4 = map(tl.constexpr, SINC[3])


@triton.jit
@no_type_check
def sinc0(u):
    """sin(u)/u, and 1 at 0; shares its work with the derivatives below, which follow from it far from 0."""
    near, far, beyond = _sides(u)
    return tl.where(beyond, _sinc0_far(far), tl.fma(_quartic(near, _P0, _P1, _P2, _P3, _P4), near, _P5))


@triton.jit
@no_type_check
def sinc1(u):
    """The derivative of sin(u)/u."""
    near, far, beyond = _sides(u)
    return tl.where(beyond, _sinc1_far(far), u * _quartic(near, _Q0, _Q1, _Q2, _Q3, _Q4))


@triton.jit
@no_type_check
def sinc2(u):
    """The second derivative of sin(u)/u."""
    near, far, beyond = _sides(u)
    return tl.where(beyond, _sinc2_far(far), tl.fma(_quartic(near, _R0, _R1, _R2, _R3, _R4), near, _R5))


@triton.jit
@no_type_check
def sinc3(u):
    """The third derivative of sin(u)/u."""
    near, far, beyond = _sides(u)
    outer = -(cos(far) + 3 * _sinc2_far(far)) / far
    return tl.where(beyond, outer, u * _quartic(near, _T0, _T1, _T2, _T3, _T4))


@triton.jit
@no_type_check
def _sides(u):
    """The square of u for the series near 0, u for the quotients far from it, and which of the two it is to be."""
    beyond = u * u >= _SINC_SQUARE
    inner = tl.where(beyond, 1.0, u)
    return inner * inner, tl.where(beyond, u, 1.0), beyond


# u s^(k) + k s^(k-1) is the k-th derivative of the sine


@triton.jit
@no_type_check
def _sinc0_far(u):
    return sin(u) / u


@triton.jit
@no_type_check
def _sinc1_far(u):
    return (cos(u) - _sinc0_far(u)) / u


@triton.jit
@no_type_check
def _sinc2_far(u):
    return -(sin(u) + 2 * _sinc1_far(u)) / u
