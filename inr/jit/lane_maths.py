"""Arithmetic and elementary functions of vectors as values: + * and / of `inr.jit.lanes`, and `inr.jit.maths`.

For generated loops over more arrays than a compiler vectorises, since it cannot see that they do not overlap. The
functions are those of `inr.jit.maths`, by the same numbers and steps.
"""

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin

from inr.jit._compile import FASTMATH
from inr.jit.lanes import VECTOR, vector_type
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
from inr.jit.vector import FUSED, LANES

_INTEGERS = ir.VectorType(ir.IntType(32), LANES)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_FLAGS = tuple(sorted(FASTMATH))
_EXP_OVERFLOWS, _EXP_UNDERFLOWS = 88.72283, -87.33654


def _operator(symbol: Any, name: str) -> None:
    """Give vectors one of Python's operators."""

    class Operator(ConcreteTemplate):
        cases = [signature(vector_type, vector_type, vector_type)]  # noqa: RUF012 (numba's own way)

    infer_global(symbol)(Operator)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return getattr(builder, name)(*arguments, flags=_FLAGS)

    lower_builtin(symbol, vector_type, vector_type)(generate)


_operator(operator.add, "fadd")
_operator(operator.mul, "fmul")
_operator(operator.truediv, "fdiv")


class _Maths:
    """Writes vector instructions; nothing of it is taken apart for speed but products and sums within series."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def number(self, number: float) -> ir.Constant:
        return ir.Constant(VECTOR, [number] * LANES)

    def integer(self, number: int) -> ir.Constant:
        return ir.Constant(_INTEGERS, [number] * LANES)

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """a b + c, rounded once, as `inr.jit.maths.fma`."""
        builder = self.builder
        if FUSED:
            return self.call("fma", a, b, c)
        a, b, c = (builder.fpext(each, _DOUBLES) for each in (a, b, c))
        return builder.fptrunc(builder.fadd(builder.fmul(a, b), c), VECTOR)

    def call(self, name: str, *values: ir.Value) -> ir.Value:
        """One of LLVM's own functions."""
        function_type = ir.FunctionType(VECTOR, [VECTOR] * len(values))
        function = cgutils.get_or_insert_function(self.builder.module, function_type, f"llvm.{name}.v{LANES}f32")
        return self.builder.call(function, values)

    def bits(self, value: ir.Value) -> ir.Value:
        return self.builder.bitcast(value, _INTEGERS)

    def from_bits(self, value: ir.Value) -> ir.Value:
        return self.builder.bitcast(value, VECTOR)

    def where(self, condition: str, a: ir.Value, b: ir.Value, then: ir.Value, otherwise: ir.Value) -> ir.Value:
        compare = self.builder.fcmp_unordered if condition == "!=" else self.builder.fcmp_ordered
        return self.builder.select(compare(condition, a, b), then, otherwise)

    def series(self, numbers: tuple[float, ...], x: ir.Value) -> ir.Value:
        """A polynomial from its highest coefficient on."""
        total: ir.Value = self.number(numbers[0])
        for number in numbers[1:]:
            total = self.fma(total, x, self.number(number))
        return total

    def reduced(self, x: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value]:
        """x less whole half turns, its square, and the sign that they bring, in the highest bit."""
        builder = self.builder
        turned = self.fma(x, self.number(PER_PI), self.number(ROUNDING_SHIFT))
        back = builder.fneg(builder.fsub(turned, self.number(ROUNDING_SHIFT)))
        part = self.fma(back, self.number(PI_LOW), self.fma(back, self.number(PI_HIGH), x))
        sign = builder.shl(self.bits(turned), self.integer(31))
        return part, builder.fmul(part, part), sign

    def sin(self, x: ir.Value) -> ir.Value:
        part, square, sign = self.reduced(x)
        value = self.fma(self.series(SINE[::-1], square), self.builder.fmul(part, square), part)
        return self.from_bits(self.builder.xor(self.bits(value), sign))

    def cos(self, x: ir.Value) -> ir.Value:
        _, square, sign = self.reduced(x)
        value = self.fma(self.series(COSINE[::-1], square), square, self.number(-0.5))
        value = self.fma(value, square, self.number(1.0))
        return self.from_bits(self.builder.xor(self.bits(value), sign))

    def split(self, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """exp(x) as power of 2 and the rest's exp(x) - 1."""
        builder = self.builder
        power = self.call("floor", self.fma(x, self.number(LOG2_E), self.number(0.5)))
        back = builder.fneg(power)
        part = self.fma(back, self.number(LN2_LOW), self.fma(back, self.number(LN2_HIGH), x))
        rest = self.fma(self.series(EXPONENTIAL, part), builder.fmul(part, part), part)
        return builder.fptosi(power, _INTEGERS), rest

    def exp(self, x: ir.Value) -> ir.Value:
        builder = self.builder
        most, least = self.number(_EXP_OVERFLOWS), self.number(_EXP_UNDERFLOWS)
        bounded = self.where("<", x, most, x, most)
        bounded = self.where(">", bounded, least, bounded, least)
        power, rest = self.split(bounded)
        mantissa = builder.fadd(rest, self.number(1.0))
        value = self.from_bits(builder.add(self.bits(mantissa), builder.shl(power, self.integer(23))))
        value = self.where(">", x, least, value, self.number(0.0))
        value = self.where("<=", x, most, value, self.number(math.inf))
        return self.where("==", x, x, value, x)

    def tanh(self, x: ir.Value) -> ir.Value:
        builder = self.builder
        magnitude = self.call("fabs", x)
        doubled, bound = builder.fadd(magnitude, magnitude), self.number(SATURATED)
        power, rest = self.split(self.where("<", doubled, bound, doubled, bound))
        scale = self.from_bits(builder.shl(builder.add(power, self.integer(127)), self.integer(23)))
        grown = self.fma(rest, scale, builder.fsub(scale, self.number(1.0)))
        value = builder.fdiv(grown, builder.fadd(grown, self.number(2.0)))
        sign = builder.and_(self.bits(x), self.integer(-(2**31)))
        return self.where("==", x, x, self.from_bits(builder.or_(self.bits(value), sign)), x)

    def root(self, x: ir.Value) -> ir.Value:
        return self.call("sqrt", self.call("fabs", x))

    def reciprocal(self, x: ir.Value) -> ir.Value:
        nothing = self.number(0.0)
        return self.where("!=", x, nothing, self.builder.fdiv(self.number(1.0), x), nothing)

    def relu(self, x: ir.Value) -> ir.Value:
        nothing = self.number(0.0)
        return self.where("<=", x, nothing, nothing, x)

    def step(self, x: ir.Value) -> ir.Value:
        return self.where(">", x, self.number(0.0), self.number(1.0), self.number(0.0))

    def softplus(self, x: ir.Value) -> ir.Value:
        builder = self.builder
        grown, bound = self.exp(builder.fneg(self.call("fabs", x))), self.number(SQRT_TWO_LESS_ONE)
        halved = builder.fmul(self.number(0.5), builder.fsub(grown, self.number(1.0)))
        part = self.where(">", grown, bound, halved, grown)
        square = builder.fmul(part, part)
        value = self.fma(self.number(-0.5), square, part)
        value = self.fma(self.series(LOGARITHM, part), builder.fmul(part, square), value)
        value = self.where(">", grown, bound, builder.fadd(value, self.number(LN2)), value)
        return builder.fadd(self.relu(x), value)

    def erf(self, x: ir.Value) -> ir.Value:
        builder = self.builder
        magnitude, bound, one = self.call("fabs", x), self.number(ERF_SATURATED), self.number(1.0)
        square = self.where(">=", magnitude, bound, one, builder.fmul(magnitude, magnitude))
        above = builder.fmul(magnitude, self.series(ERF_ABOVE, square))
        value = builder.fdiv(above, self.series(ERF_BELOW, square))
        value = self.where(">", value, one, one, value)
        value = self.where(">=", magnitude, bound, one, value)
        sign = builder.and_(self.bits(x), self.integer(-(2**31)))
        return self.where("==", x, x, self.from_bits(builder.or_(self.bits(value), sign)), x)

    def sinc(self, u: ir.Value, order: int) -> ir.Value:
        builder = self.builder
        square, bound = builder.fmul(u, u), self.number(SINC_SQUARE)
        near = self.series(SINC[order], self.where(">=", square, bound, bound, square))
        near = builder.fmul(u, near) if order % 2 else near
        outer = self.where(">=", square, bound, u, self.number(1.0))
        # u s^(k) + k s^(k-1) is the k-th derivative of the sine
        far = builder.fdiv(self.sin(outer), outer)
        for k in range(1, order + 1):
            wave = self.cos(outer) if k % 2 else self.sin(outer)
            wave = builder.fneg(wave) if k in (2, 3) else wave
            far = builder.fdiv(builder.fsub(wave, builder.fmul(self.number(float(k)), far)), outer)
        return self.where(">=", square, bound, far, near)


def _function(write: Callable[[_Maths, ir.Value], ir.Value], docstring: str) -> Any:
    def function(typingctx: Any, x: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            return write(_Maths(builder), arguments[0])

        return vector_type(vector_type), generate

    function.__doc__ = docstring
    return intrinsic(function)


sin = _function(_Maths.sin, "The sines of a vector.")
cos = _function(_Maths.cos, "The cosines of a vector.")
exp = _function(_Maths.exp, "The exponentials of a vector; 0 where they would be denormal.")
tanh = _function(_Maths.tanh, "The hyperbolic tangents of a vector.")
root = _function(_Maths.root, "The square roots of a vector's |x|.")
reciprocal = _function(_Maths.reciprocal, "1/x of a vector, and 0 at 0.")
relu = _function(_Maths.relu, "max(x, 0) of a vector; not a number stays what it is.")
step = _function(_Maths.step, "1 above 0, else 0, of a vector.")
softplus = _function(_Maths.softplus, "log(1 + exp(x)) of a vector.")
erf = _function(_Maths.erf, "The error function of a vector.")
sinc0 = _function(functools.partial(_Maths.sinc, order=0), "sin(u)/u of a vector, and 1 at 0.")
sinc1 = _function(functools.partial(_Maths.sinc, order=1), "The derivatives of sin(u)/u of a vector.")
sinc2 = _function(functools.partial(_Maths.sinc, order=2), "The second derivatives of sin(u)/u of a vector.")
sinc3 = _function(functools.partial(_Maths.sinc, order=3), "The third derivatives of sin(u)/u of a vector.")
