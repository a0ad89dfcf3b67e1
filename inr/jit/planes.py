"""Matrix products with planes: matrices whose rows are long and whose columns, one for every point, are walked along.

A product takes a small matrix to the planes below each other that are its factor; its sums stay in registers, blocks
of rows by two vectors of points. `product` and `outer` make such functions for fixed sizes: with these known, every
address is one number away from a few.
"""

import itertools
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from inr.jit.vector import LANES, ROWS, load_vector, multiply_add, splat, store_vector

_I64, _F32 = ir.IntType(64), ir.FloatType()
_VECTOR = ir.VectorType(_F32, LANES)
_FLOATS = _F32.as_pointer()
_ZERO = ir.Constant(_VECTOR, [0.0] * LANES)
_UNROLLED = 4  # steps of a loop of `product`
# rows and columns of a block of `outer`: 32 registers hold 24 sums, a column and rows, 16 hold half as many
_OUTER = (4, 6) if ROWS >= 8 else (3, 4)


def _parts(count: int, most: int) -> list[tuple[int, int]]:
    """A number of things in as few, as equal parts as can be: where each begins, and how long it is."""
    parts = -(-count // most)
    bounds = [count * part // parts for part in range(parts + 1)]
    return [(start, stop - start) for start, stop in itertools.pairwise(bounds)]


class _Body:
    """Writes instructions whose addresses are constant distances, in numbers, from a pointer."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def pointer(self, address: ir.Value) -> ir.Value:
        return self.builder.inttoptr(address, _FLOATS)

    def at(self, pointer: ir.Value, distance: int) -> ir.Value:
        return self.builder.gep(pointer, [ir.Constant(_I64, distance)])

    def forward(self, pointer: ir.Value, index: ir.Value, distance: int) -> ir.Value:
        return self.builder.gep(pointer, [self.builder.mul(index, ir.Constant(_I64, distance))])

    def load(self, pointer: ir.Value, distance: int) -> ir.Value:
        return load_vector(self.builder, self.at(pointer, distance), _VECTOR)

    def store(self, value: ir.Value, pointer: ir.Value, distance: int) -> None:
        store_vector(self.builder, value, self.at(pointer, distance))

    def spread(self, pointer: ir.Value, distance: int) -> ir.Value:
        return splat(self.builder, self.builder.load(self.at(pointer, distance)), _VECTOR)

    def where_positive(self, condition: ir.Value, value: ir.Value) -> ir.Value:
        return self.builder.select(self.builder.fcmp_ordered(">", condition, _ZERO), value, _ZERO)

    def steps(self, a: ir.Value, b: ir.Value, count: int, rows: int, stride: int, sums: dict) -> None:
        """Add so many columns of A times rows of B to sums, which are by rows of A and vectors of a row of B."""
        for step in range(count):
            right = [self.load(b, step * stride + column * LANES) for column in range(2)]
            for row in sorted({row for row, _ in sums}):
                left = self.spread(a, step * rows + row)
                for column, other in enumerate(right):
                    total = sums[row, column]
                    self.builder.store(multiply_add(self.builder, left, other, self.builder.load(total)), total)


def _function(module: ir.Module, name: str, arguments: int) -> ir.Function:
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_I64] * arguments), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    return function


def _caller(name: str, define: Callable[[ir.Module], ir.Function]) -> Any:
    """What writes the call of a function of addresses, which is defined where it is missing."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        function = builder.module.globals.get(name) or define(builder.module)
        builder.call(function, arguments)
        return context.get_dummy_value()

    return generate


def product(rows: int, depth: int, stride: int, *, start: str = "zero", relu: int = 0, masked: bool = False) -> Any:
    """The product of a matrix with planes, C = A B, for kernels to call.

    Args:
        rows: of A and C.
        depth: columns of A, rows of B.
        stride: numbers between rows of B, C and the mask.
        start: what the sums start with: "zero", "bias" (a number for every row) or "sum" (what C holds).
        relu: so many of the first rows of C become 0 where they are negative.
        masked: C becomes 0 where the mask is not above 0; the mask may be C as it was.

    Returns:
        A function of the addresses of A, of the bias, B, C and the mask, and of how many pairs of vectors there are:
        A has the numbers of a column next to each other, column after column.
    """
    name = f"inr_planes_product_{rows}x{depth}x{LANES}_{stride}_{start}_{relu}_{masked}"

    def define(module: ir.Module) -> ir.Function:
        function = _function(module, name, 6)
        builder = ir.IRBuilder(function.append_basic_block())
        body = _Body(builder)
        a, bias, *planes = map(body.pointer, function.args[:5])
        for first, count in _parts(rows, ROWS):
            with cgutils.for_range(builder, function.args[5]) as panel:
                b, c, mask = (body.forward(plane, panel.index, 2 * LANES) for plane in planes)
                places = [(row, column) for row in range(first, first + count) for column in range(2)]
                sums = {place: cgutils.alloca_once(builder, _VECTOR) for place in places}
                for (row, column), total in sums.items():
                    if start == "sum":
                        value = body.load(c, row * stride + column * LANES)
                    else:
                        value = body.spread(bias, row) if start == "bias" else _ZERO
                    builder.store(value, total)
                loops, rest = divmod(depth, _UNROLLED)
                with cgutils.for_range(builder, ir.Constant(_I64, loops)) as loop:
                    left = body.forward(a, loop.index, _UNROLLED * rows)
                    body.steps(left, body.forward(b, loop.index, _UNROLLED * stride), _UNROLLED, rows, stride, sums)
                done = loops * _UNROLLED
                body.steps(body.at(a, done * rows), body.at(b, done * stride), rest, rows, stride, sums)
                for (row, column), total in sums.items():
                    value, place = builder.load(total), row * stride + column * LANES
                    if row < relu:
                        value = body.where_positive(value, value)
                    if masked:
                        value = body.where_positive(body.load(mask, place), value)
                    body.store(value, c, place)
        builder.ret_void()
        return function

    @intrinsic
    def planes_product(typingctx: Any, a: Any, bias: Any, b: Any, c: Any, mask: Any, panels: Any) -> Any:
        """C = A B; see `product`."""
        return types.void(*[types.int64] * 6), _caller(name, define)

    return planes_product


def outer(rows: int, columns: int, stride: int, *, sums: bool) -> Any:
    """The product of planes with planes, C += A B^T, for kernels to call.

    Args:
        rows: of A and C.
        columns: of C, rows of B.
        stride: numbers between rows of A and of B.
        sums: whether C has one more column, to which the sums of the rows of A are added.

    Returns:
        A function of the addresses of A, B and C, and of how many vectors there are. Every number of C is a vector,
        whose sum it is.
    """
    name = f"inr_planes_outer_{rows}x{columns}x{LANES}_{stride}_{sums}"
    wide = columns + sums

    def define(module: ir.Module) -> ir.Function:
        function = _function(module, name, 4)
        builder = ir.IRBuilder(function.append_basic_block())
        body = _Body(builder)
        a, b, c = map(body.pointer, function.args[:3])
        for first, high in _parts(rows, _OUTER[0]):
            for left, broad in _parts(wide, _OUTER[1]):
                places = [(row, column) for row in range(first, first + high) for column in range(left, left + broad)]
                totals = {place: cgutils.alloca_once(builder, _VECTOR) for place in places}
                for (row, column), total in totals.items():
                    builder.store(body.load(c, (row * wide + column) * LANES), total)
                with cgutils.for_range(builder, function.args[3]) as step:
                    down, across = (body.forward(plane, step.index, LANES) for plane in (a, b))
                    factors = {row: body.load(down, row * stride) for row in range(first, first + high)}
                    for column in range(left, left + broad):
                        other = body.load(across, column * stride) if column < columns else None
                        for row, factor in factors.items():
                            total = totals[row, column]
                            before = builder.load(total)
                            added = (
                                builder.fadd(factor, before)
                                if other is None
                                else multiply_add(builder, factor, other, before)
                            )
                            builder.store(added, total)
                for (row, column), total in totals.items():
                    body.store(builder.load(total), c, (row * wide + column) * LANES)
        builder.ret_void()
        return function

    @intrinsic
    def planes_outer(typingctx: Any, a: Any, b: Any, c: Any, vectors: Any) -> Any:
        """C += A B^T; see `outer`."""
        return types.void(*[types.int64] * 4), _caller(name, define)

    return planes_outer
