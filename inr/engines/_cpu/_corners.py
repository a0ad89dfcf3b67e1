"""Reading and adding to the table rows around a point, all features of a row at once, written in LLVM's language.

The corners of a point's cell come in pairs along the first axis. A pair is read into one vector, its lower end in
the first half; pairs are weighted by the other axes and summed, and the halves by the first axis at the end. Where a
level is dense the two rows of a pair are neighbours, and one load reads both.
"""

from typing import Any, no_type_check

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

BLOCK = 64  # points whose rows and weights are computed before the first row is read
FLAG_ROWS = 8  # rows that share a flag: a cache line of two features each

_I32, _I64, _F32 = ir.IntType(32), ir.IntType(64), ir.FloatType()


class _Corners:
    """Writes the code for one point: places of its rows, and the weights of their features."""

    def __init__(self, builder: ir.IRBuilder, features: int, pairs: int, joined: bool) -> None:
        self.builder, self.features, self.pairs, self.joined = builder, features, pairs, joined
        self.one, self.two = ir.VectorType(_F32, features), ir.VectorType(_F32, 2 * features)

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        kind = ir.FunctionType(a.type, [a.type] * 3)
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.fma.v{a.type.count}f32")
        return self.builder.call(function, [a, b, c])

    def number(self, address: ir.Value, index: int, kind: ir.Type) -> ir.Value:
        """Number `index` of those that belong to the point at `address`."""
        place = self.builder.add(address, ir.Constant(_I64, 4 * BLOCK * index))
        return self.builder.load(self.builder.inttoptr(place, kind.as_pointer()))

    def row(self, table: ir.Value, rows: ir.Value, index: int) -> ir.Value:
        """Address of a row of the table."""
        row = self.builder.zext(self.number(rows, index, _I32), _I64)
        return self.builder.add(table, self.builder.mul(row, ir.Constant(_I64, 4 * self.features)))

    def load(self, address: ir.Value, kind: ir.Type) -> ir.Value:
        value = self.builder.load(self.builder.inttoptr(address, kind.as_pointer()))
        value.align = 4
        return value

    def store(self, value: ir.Value, address: ir.Value) -> None:
        self.builder.store(value, self.builder.inttoptr(address, value.type.as_pointer())).align = 4

    def join(self, low: ir.Value, high: ir.Value) -> ir.Value:
        return self._shuffle(low, high, range(2 * self.features))

    def halves(self, both: ir.Value) -> tuple[ir.Value, ir.Value]:
        features = self.features
        return self._shuffle(both, both, range(features)), self._shuffle(both, both, range(features, 2 * features))

    def spread(self, number: ir.Value, kind: ir.VectorType) -> ir.Value:
        undefined = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(undefined, number, ir.Constant(_I32, 0))
        return self._shuffle(first, undefined, [0] * kind.count)

    def ends(self, part: ir.Value) -> ir.Value:
        """Weights of the first axis: 1 - part in the first half, part in the second."""
        low = self.builder.fsub(ir.Constant(_F32, 1.0), part)
        return self.join(self.spread(low, self.one), self.spread(part, self.one))

    def _shuffle(self, a: ir.Value, b: ir.Value, which: Any) -> ir.Value:
        mask = ir.Constant(ir.VectorType(_I32, len(which)), list(which))
        return self.builder.shuffle_vector(a, b, mask)

    def blend(self, table: ir.Value, rows: ir.Value, weights: ir.Value, part: ir.Value, out: ir.Value) -> None:
        total = None
        for pair in range(self.pairs):
            if self.joined:
                both = self.load(self.row(table, rows, pair), self.two)
            else:
                low, high = (self.load(self.row(table, rows, 2 * pair + end), self.one) for end in (0, 1))
                both = self.join(low, high)
            if self.pairs > 1:
                weight = self.spread(self.number(weights, pair, _F32), self.two)
                total = self.builder.fmul(weight, both) if total is None else self.fma(weight, both, total)
            else:
                total = both
        low, high = self.halves(self.builder.fmul(total, self.ends(part)))
        self.store(self.builder.fadd(low, high), out)

    def add(
        self, grad: ir.Value, flags: ir.Value, rows: ir.Value, weights: ir.Value, part: ir.Value, given: ir.Value
    ) -> None:
        value = self.load(given, self.one)
        both = self.builder.fmul(self.join(value, value), self.ends(part))
        low, high = self.halves(both)
        for pair in range(self.pairs):
            weight = self.number(weights, pair, _F32) if self.pairs > 1 else ir.Constant(_F32, 1.0)
            spread = self.spread(weight, self.one)
            for end, half in ((0, low), (1, high)):
                row = self.builder.zext(self.number(rows, pair if self.joined else 2 * pair + end, _I32), _I64)
                if self.joined and end:
                    row = self.builder.add(row, ir.Constant(_I64, 1))
                place = self.builder.add(grad, self.builder.mul(row, ir.Constant(_I64, 4 * self.features)))
                self.store(self.fma(spread, half, self.load(place, self.one)), place)
                flag = self.builder.add(flags, self.builder.lshr(row, ir.Constant(_I64, FLAG_ROWS.bit_length() - 1)))
                self.builder.store(ir.Constant(ir.IntType(8), 1), self.builder.inttoptr(flag, ir.IntType(8).as_pointer()))


def _literals(*values: Any) -> bool:
    return all(isinstance(value, types.IntegerLiteral) for value in values)


@intrinsic(prefer_literal=True)
@no_type_check
def blend(typingctx, features, pairs, joined, table, rows, weights, part, out):
    """Write one point's features of one level at `out`; the first three are literal numbers, addresses in bytes."""
    if not _literals(features, pairs, joined):
        return None
    shape = features.literal_value, pairs.literal_value, bool(joined.literal_value)
    signature = types.void(features, pairs, joined, *[types.int64] * 3, types.float32, types.int64)

    def generate(context, builder, signature, arguments):
        _Corners(builder, *shape).blend(*arguments[3:])
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
@no_type_check
def add(typingctx, features, pairs, joined, grad, flags, rows, weights, part, given):
    """Add one point's gradient of one level's features to that of the table, and mark the blocks of rows touched."""
    if not _literals(features, pairs, joined):
        return None
    shape = features.literal_value, pairs.literal_value, bool(joined.literal_value)
    signature = types.void(features, pairs, joined, *[types.int64] * 4, types.float32, types.int64)

    def generate(context, builder, signature, arguments):
        _Corners(builder, *shape).add(*arguments[3:])
        return context.get_dummy_value()

    return signature, generate


@no_type_check
def _scratch(kind, element):
    @intrinsic(prefer_literal=True)
    def scratch(typingctx, count):
        """A pointer to so many numbers (a literal) on the stack, aligned for vectors."""
        if not _literals(count):
            return None

        def generate(context, builder, signature, arguments):
            with builder.goto_entry_block():
                place = builder.alloca(ir.ArrayType(element, signature.args[0].literal_value))
            place.align = 64
            return builder.bitcast(place, element.as_pointer())

        return types.CPointer(kind)(count), generate

    return scratch


float_scratch = _scratch(types.float32, _F32)
int_scratch = _scratch(types.int32, _I32)
