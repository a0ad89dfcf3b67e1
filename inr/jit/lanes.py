"""Vectors of float32 as values that kernels compute with, for loops that a compiler would not vectorise by itself.

A vector has `inr.jit.vector.LANES` numbers. Kernels load it from an address, which need not be aligned, and store it;
variables that hold vectors are registers as long as there are some.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from inr.jit._compile import inline_generated
from inr.jit.vector import LANES, POINTERS, load_vector, multiply_add, splat, store_vector

_F32, _I32 = ir.FloatType(), ir.IntType(32)
VECTOR = ir.VectorType(_F32, LANES)


class _Vector(types.Type):
    """What numba calls a vector."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


vector_type = _Vector()


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    """A vector is one value of LLVM."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


@intrinsic
def load(typingctx: Any, address: Any) -> Any:
    """The vector at an address."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return load_vector(builder, builder.inttoptr(arguments[0], _F32.as_pointer()), VECTOR)

    return vector_type(types.int64), generate


@intrinsic
def store(typingctx: Any, value: Any, address: Any) -> Any:
    """Write a vector at an address."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        store_vector(builder, arguments[0], builder.inttoptr(arguments[1], _F32.as_pointer()))
        return context.get_dummy_value()

    return types.void(vector_type, types.int64), generate


@intrinsic
def spread(typingctx: Any, number: Any) -> Any:
    """A vector of one number."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return splat(builder, arguments[0], VECTOR)

    return vector_type(types.float32), generate


@intrinsic
def zero(typingctx: Any) -> Any:
    """A vector of zeros."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return ir.Constant(VECTOR, [0.0] * LANES)

    return vector_type(), generate


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c of vectors; rounded once where there is an instruction for that."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return multiply_add(builder, *arguments)

    return vector_type(vector_type, vector_type, vector_type), generate


def _binary(name: str, docstring: str) -> Any:
    def operation(typingctx: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            return operator.methodcaller(name, *arguments)(builder)

        return vector_type(vector_type, vector_type), generate

    operation.__doc__ = docstring
    return intrinsic(operation)


plus = _binary("fadd", "a + b of vectors.")
minus = _binary("fsub", "a - b of vectors.")
times = _binary("fmul", "a b of vectors.")


@intrinsic
def positive(typingctx: Any, value: Any) -> Any:
    """max(x, 0) of a vector; not a number stays what it is."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        nothing = ir.Constant(VECTOR, [0.0] * LANES)
        return builder.select(builder.fcmp_ordered("<=", arguments[0], nothing), nothing, arguments[0])

    return vector_type(vector_type), generate


@intrinsic
def where_positive(typingctx: Any, condition: Any, value: Any) -> Any:
    """A vector where another is above 0, and 0 elsewhere."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        nothing = ir.Constant(VECTOR, [0.0] * LANES)
        return builder.select(builder.fcmp_ordered(">", arguments[0], nothing), arguments[1], nothing)

    return vector_type(vector_type, vector_type), generate


@intrinsic
def total(typingctx: Any, value: Any) -> Any:
    """The sum of a vector's numbers: of its halves, of their halves, and so on."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        left, count = arguments[0], LANES
        while count > 1:
            count //= 2
            halves = [_shuffle(builder, left, left, range(first, first + count)) for first in (0, count)]
            left = builder.fadd(*halves)
        return builder.extract_element(left, ir.Constant(_I32, 0))

    return types.float32(vector_type), generate


def _shuffle(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, places: Any) -> ir.Value:
    numbers = list(places)
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(numbers)), numbers))


def _pair(places: Callable[[int], int], docstring: str) -> Any:
    def pair(typingctx: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            a, b = arguments
            return _shuffle(builder, a, b, map(places, range(LANES)))

        return vector_type(vector_type, vector_type), generate

    pair.__doc__ = docstring
    return intrinsic(pair)


_HALF = LANES // 2
woven_low = _pair(lambda lane: lane // 2 + LANES * (lane % 2), "The first half of a0 b0 a1 b1 ….")
woven_high = _pair(lambda lane: _HALF + lane // 2 + LANES * (lane % 2), "The second half of a0 b0 a1 b1 ….")
evens = _pair(lambda lane: 2 * lane, "Every other number of a and then b, from the first on.")
odds = _pair(lambda lane: 2 * lane + 1, "Every other number of a and then b, from the second on.")


def generated(lines: list[str], name: str) -> Any:
    """A function for kernels to call, of generated lines.

    Args:
        lines: of the function's text, which may use the functions of this module by their names, and `at` for a
            pointer to the float32 numbers at an address.
        name: what the text calls it.

    Returns:
        The compiled function.
    """
    scope = {
        "load": load, "store": store, "spread": spread, "zero": zero, "fma": fma, "plus": plus, "minus": minus,
        "times": times, "positive": positive, "where_positive": where_positive, "total": total,
        "at": POINTERS["float32"],
    }  # fmt: skip
    return inline_generated("\n".join(lines) + "\n", name, scope)
