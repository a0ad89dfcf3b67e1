"""Elementary functions of float32 tensors in kernels: the polynomials of the engine `cpu`, so that both agree.

Besides, they are twice as fast as the library's: sines of networks need no reduction of arguments beyond 1e5. Errors
are within 2 units in the last place of 1 (sin, cos) and of the result (exp), 3 of it (tanh); not a number stays what
it is.
"""

from typing import no_type_check

import triton
import triton.language as tl

from inr.engines._triton import _library
from inr.jit.polynomials import (
    COSINE,
    EXPONENTIAL,
    LN2_HIGH,
    LN2_LOW,
    LOG2_E,
    PER_PI,
    PI_HIGH,
    PI_LOW,
    ROUNDING_SHIFT,
    SATURATED,
    SINE,
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
