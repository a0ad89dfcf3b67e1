"""A block of points in one level of a grid, in LLVM's language: their rows and weights, then the rows' features.

Rows and weights are computed for a vector of points at once. Then every point reads, or adds to, the rows of its
corners with all features of a row as one vector. Corners come in pairs along the first axis, lower end first; pairs
are weighted by the other axes and summed, and the two ends blended at last. Where a level is dense ("adjacent") the
rows of a pair are neighbours, and one load reads both.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, no_type_check

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from inr.encodings import PRIMES
from inr.jit.vector import LANES, multiply_add

BLOCK = 64  # points whose rows and weights are computed before the first row is read
CHUNK = 1024  # points that a level is done for before the next level
FLAG_ROWS = 8  # rows that share a flag: a cache line of two features each

_I8, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
_FLOATS, _INTS = ir.VectorType(_F32, LANES), ir.VectorType(_I32, LANES)


class Writer:
    """Shorthands. Arithmetic is as written, nothing is fused or reordered but by `multiply_add`."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def number(self, value: int) -> ir.Constant:
        return ir.Constant(_I64, value)

    def every(self, kind: ir.VectorType, value: float) -> ir.Constant:
        return ir.Constant(kind, [value] * kind.count)

    def spread(self, value: ir.Value, kind: ir.VectorType) -> ir.Value:
        undefined = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(_I32, 0))
        return self.shuffle(first, undefined, [0] * kind.count)

    def shuffle(self, a: ir.Value, b: ir.Value, which: Any) -> ir.Value:
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(which)), list(which)))

    def load(self, address: ir.Value, kind: ir.Type, step: int = 0) -> ir.Value:
        """What lies so many bytes behind an address."""
        value = self.builder.load(self._pointer(address, kind, step))
        value.align = 4
        return value

    def store(self, value: ir.Value, address: ir.Value, step: int = 0) -> None:
        self.builder.store(value, self._pointer(address, value.type, step)).align = 1 if value.type == _I8 else 4

    def _pointer(self, address: ir.Value, kind: ir.Type, step: int) -> ir.Value:
        return self.builder.inttoptr(self.builder.add(address, self.number(step)), kind.as_pointer())

    def call(self, name: str, *arguments: ir.Value) -> ir.Value:
        """One of LLVM's functions of vectors."""
        kind = arguments[0].type
        function_type = ir.FunctionType(kind, [kind] * len(arguments))
        full = f"llvm.{name}.v{kind.count}f32"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, function_type, full), arguments)

    def scratch(self, vectors: int) -> ir.Value:
        """Address of so many numbers of 32 bits a point of a block, on the stack."""
        place = self.builder.alloca(ir.ArrayType(_I32, vectors * BLOCK))
        place.align = 64
        return self.builder.ptrtoint(place, _I64)

    @contextmanager
    def loop(self, stop: ir.Value, step: int) -> Iterator[ir.Value]:
        with cgutils.for_range_slice(self.builder, self.number(0), stop, self.number(step), _I64) as (index, _):
            yield index


class Block(Writer):
    """The function for a block of points.

    Its arguments: `unit`, the points in [0, 1], an axis every CHUNK; scale, last vertex, first row and mask of the
    level; the table or its gradient; flags to raise, or 0; the features, or their gradient, of the first point;
    bytes from one point's to the next; number of points. Addresses are in bytes.
    """

    arguments: tuple[ir.Type, ...] = (_I64, _F32, *[_I64] * 8)

    def __init__(self, function: ir.Function, in_dim: int, features: int, smoothness: int, adjacent: bool) -> None:
        super().__init__(ir.IRBuilder(function.append_basic_block()))
        self.unit, self.scale, last, offset, mask, *self.rest = function.args
        self.last, self.offset, self.mask = (self.builder.trunc(word, _I32) for word in (last, offset, mask))
        self.in_dim, self.features, self.smoothness, self.adjacent = in_dim, features, smoothness, adjacent
        self.pairs = 2 ** (in_dim - 1)
        self.one, self.two = ir.VectorType(_F32, features), ir.VectorType(_F32, 2 * features)
        self.part, self.weights, self.rows = (self.scratch(count) for count in (1, self.pairs, 2 * self.pairs))

    def write(self, adds: bool) -> None:
        table, flags, data, stride, count = self.rest
        with self.loop(self.number(BLOCK), LANES) as first:
            self._place(self.builder.shl(first, self.number(2)))
        with self.loop(count, 1) as point:
            at = self.builder.shl(point, self.number(2))
            here = self.builder.add(data, self.builder.mul(stride, point))
            if adds:
                self._add(table, at, here)
            else:
                self._blend(table, at, here)
        if adds:
            wanted = self.builder.icmp_unsigned("!=", flags, self.number(0))
            with self.loop(self.builder.select(wanted, count, self.number(0)), 1) as point:
                self._flag(flags, self.builder.shl(point, self.number(2)))
        self.builder.ret_void()

    def _place(self, at: ir.Value) -> None:
        """Rows and weights of a vector of points, `at` bytes from the block's first."""
        lows, highs, places = zip(*(self._cell(at, axis) for axis in range(self.in_dim)), strict=True)
        parts = [self._upper_weight(place) for place in places]
        self._keep(at, self.rows, self._rows(lows, highs))
        self._keep(at, self.part, [self._at_edge(lows, 1.0, parts[0])])
        self._keep(at, self.weights, self._products([self._both_ends(above) for above in parts[1:]]))

    def _keep(self, at: ir.Value, place: ir.Value, vectors: list[ir.Value]) -> None:
        """Store vectors of points, each by itself, in scratch memory."""
        for index, vector in enumerate(vectors):
            self.store(vector, self.builder.add(place, at), 4 * BLOCK * index)

    def _both_ends(self, above: ir.Value) -> tuple[ir.Value, ir.Value]:
        return self.builder.fsub(self.every(_FLOATS, 1.0), above), above

    def _products(self, ends: list[tuple[ir.Value, ir.Value]]) -> list[ir.Value]:
        """What pairs are weighted by, of what the ends of all axes but the first are; nothing where there is one axis.

        Pairs are in the order of their numbers, of which the lowest bit is the second axis's end.
        """
        found: list[ir.Value] = []
        for pair in ends:
            found = [self.builder.fmul(each, end) for end in pair for each in found] or list(pair)
        return found

    def _cell(self, at: ir.Value, axis: int) -> tuple[ir.Value, ir.Value, ir.Value]:
        """The vertices below and above on an axis, and the place between them, from 0 to 1."""
        builder, zero, one = self.builder, self.every(_FLOATS, 0.0), self.every(_FLOATS, 1.0)
        unit = self.load(builder.add(self.unit, at), _FLOATS, 4 * CHUNK * axis)
        position = builder.fadd(builder.fmul(self.spread(self.scale, _FLOATS), unit), self.every(_FLOATS, 0.5))
        cell = self.call("floor", position)
        place = builder.fsub(position, cell)
        # an ordered comparison: 0 where a coordinate is not a number
        cell = builder.select(builder.fcmp_ordered(">", cell, zero), cell, zero)
        last = self.spread(builder.sitofp(self.last, _F32), _FLOATS)
        low, high = (
            builder.fptosi(builder.select(builder.fcmp_ordered("<", end, last), end, last), _INTS)
            for end in (cell, builder.fadd(cell, one))
        )
        return low, high, place

    def _upper_weight(self, part: ir.Value) -> ir.Value:
        """As `inr.encodings` has it, to the bit."""
        builder = self.builder
        if self.smoothness == 0:
            return part
        square = builder.fmul(part, part)
        if self.smoothness == 1:
            return builder.fmul(
                square, builder.fsub(self.every(_FLOATS, 3.0), builder.fmul(self.every(_FLOATS, 2.0), part))
            )
        inner = builder.fsub(builder.fmul(self.every(_FLOATS, 6.0), part), self.every(_FLOATS, 15.0))
        outer = builder.fadd(self.every(_FLOATS, 10.0), builder.fmul(part, inner))
        return builder.fmul(builder.fmul(square, part), outer)

    def _rows(self, lows: Any, highs: Any) -> list[ir.Value]:
        """Where the features of all pairs are: of the lower ends, whose neighbours the upper are; or of both."""
        return self._adjacent_rows(lows, highs) if self.adjacent else self._hashed(lows, highs)

    def _edge(self, lows: Any) -> ir.Value:
        """Whether points lie beyond the last vertex of the first axis."""
        return self.builder.icmp_signed("==", lows[0], self.spread(self.last, _INTS))

    def _at_edge(self, lows: Any, value: float, otherwise: ir.Value) -> ir.Value:
        """A number for points there, where the upper end of a pair that is read is the last vertex."""
        if not self.adjacent:
            return otherwise
        return self.builder.select(self._edge(lows), self.every(_FLOATS, value), otherwise)

    def _adjacent_rows(self, lows: Any, highs: Any) -> list[ir.Value]:
        """Rows of the lower ends of all pairs; the upper end is always the next row, also beyond the last vertex."""
        builder = self.builder
        before = builder.sext(self._edge(lows), _INTS)
        first = builder.add(builder.add(lows[0], self.spread(self.offset, _INTS)), before)
        rows = [first]
        vertices = builder.add(self.last, ir.Constant(_I32, 1))
        stride = vertices
        for low, high in zip(lows[1:], highs[1:], strict=True):
            ends = [builder.mul(end, self.spread(stride, _INTS)) for end in (low, high)]
            rows = [builder.add(row, end) for end in ends for row in rows]
            stride = builder.mul(stride, vertices)
        return rows

    def _hashed(self, lows: Any, highs: Any) -> list[ir.Value]:
        """Rows of both ends of all pairs."""
        builder = self.builder
        rows = [lows[0], highs[0]]
        for axis in range(1, self.in_dim):
            prime = self.every(_INTS, PRIMES[axis])
            ends = [builder.mul(end, prime) for end in (lows[axis], highs[axis])]
            rows = [builder.xor(row, end) for end in ends for row in rows]
        mask, offset = self.spread(self.mask, _INTS), self.spread(self.offset, _INTS)
        return [builder.add(builder.and_(row, mask), offset) for row in rows]

    def _blend(self, table: ir.Value, at: ir.Value, out: ir.Value) -> None:
        """Write the features of a point."""
        total = None
        for pair in range(self.pairs):
            both = self._read(table, at, pair)
            if self.pairs > 1:
                weight = self.spread(self._of_point(self.weights, at, pair, _F32), self.two)
                both = (
                    self.builder.fmul(weight, both)
                    if total is None
                    else multiply_add(self.builder, weight, both, total)
                )
            total = both
        low, high = self._halves(self.builder.fmul(total, self._ends(at)))
        self.store(self.builder.fadd(low, high), out)

    def _add(self, grad: ir.Value, at: ir.Value, given: ir.Value) -> None:
        """Add the gradient of a point's features to that of the table."""
        value = self.load(given, self.one)
        ends = self._halves(self.builder.fmul(self._join(value, value), self._ends(at)))
        for pair in range(self.pairs):
            weight = self._of_point(self.weights, at, pair, _F32) if self.pairs > 1 else ir.Constant(_F32, 1.0)
            for end, row in enumerate(self._pair(at, pair)):
                place = self.builder.add(grad, self.builder.mul(row, self.number(4 * self.features)))
                total = multiply_add(self.builder, self.spread(weight, self.one), ends[end], self.load(place, self.one))
                self.store(total, place)

    def _flag(self, flags: ir.Value, at: ir.Value) -> None:
        """Raise the flags of a point's rows."""
        for pair in range(self.pairs):
            for row in self._pair(at, pair):
                flag = self.builder.add(flags, self.builder.lshr(row, self.number(FLAG_ROWS.bit_length() - 1)))
                self.store(ir.Constant(_I8, 1), flag)

    def _of_point(self, place: ir.Value, at: ir.Value, index: int, kind: ir.Type) -> ir.Value:
        return self.load(self.builder.add(place, at), kind, 4 * BLOCK * index)

    def _pair(self, at: ir.Value, pair: int) -> list[ir.Value]:
        """The rows of a pair."""
        if self.adjacent:
            row = self.builder.zext(self._of_point(self.rows, at, pair, _I32), _I64)
            return [row, self.builder.add(row, self.number(1))]
        return [self.builder.zext(self._of_point(self.rows, at, 2 * pair + end, _I32), _I64) for end in (0, 1)]

    def _read(self, table: ir.Value, at: ir.Value, pair: int) -> ir.Value:
        """The features of a pair."""
        places = [
            self.builder.add(table, self.builder.mul(row, self.number(4 * self.features)))
            for row in self._pair(at, pair)
        ]
        if self.adjacent:
            return self.load(places[0], self.two)
        return self._join(*(self.load(place, self.one) for place in places))

    def _ends(self, at: ir.Value) -> ir.Value:
        """The weights of the lower and of the upper end of the pairs."""
        above = self._of_point(self.part, at, 0, _F32)
        below = self.builder.fsub(ir.Constant(_F32, 1.0), above)
        return self._join(self.spread(below, self.one), self.spread(above, self.one))

    def _join(self, low: ir.Value, high: ir.Value) -> ir.Value:
        return self.shuffle(low, high, range(2 * self.features))

    def _halves(self, both: ir.Value) -> tuple[ir.Value, ir.Value]:
        features = self.features
        return self.shuffle(both, both, range(features)), self.shuffle(both, both, range(features, 2 * features))


def _function(module: ir.Module, shape: tuple[int, ...], adds: bool) -> ir.Function:
    name = f"inr_grid_{'add' if adds else 'blend'}_{'_'.join(map(str, shape))}"
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), Block.arguments), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    in_dim, features, smoothness, adjacent = shape
    Block(function, in_dim, features, smoothness, bool(adjacent)).write(adds)
    return function


@no_type_check
def _block_intrinsic(adds):
    @intrinsic(prefer_literal=True)
    def block(
        typingctx, in_dim, features, smoothness, adjacent,
        unit, scale, last, offset, mask, table, flags, data, stride, count,
    ):  # fmt: skip
        """See `Block`; the first four are literal numbers."""
        literals = (in_dim, features, smoothness, adjacent)
        if not all(isinstance(literal, types.IntegerLiteral) for literal in literals):
            return None
        shape = tuple(literal.literal_value for literal in literals)
        signature = types.void(*literals, types.int64, types.float32, *[types.int64] * 8)

        def generate(context, builder, signature, arguments):
            builder.call(_function(builder.module, shape, adds), arguments[4:])
            return context.get_dummy_value()

        return signature, generate

    return block


blend_block = _block_intrinsic(adds=False)  # writes features
add_block = _block_intrinsic(adds=True)  # adds gradients of features to that of the table
