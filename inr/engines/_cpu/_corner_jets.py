"""A block of points in one level of a grid with derivatives: as `_corners`, with more weights for the same rows.

A feature is a sum over the corners of a cell of a row times a product of weights, one an axis; its derivatives are sums
over the same rows with the weights of some axes differentiated. Rows are read, and added to, once for all of them.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple, no_type_check

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from inr.engines._cpu._corners import CHUNK, Block
from inr.jit.vector import LANES, multiply_add

_I64, _F32 = ir.IntType(64), ir.FloatType()
_FLOATS = ir.VectorType(_F32, LANES)

# weights of pairs: products of those of the axes, by how often each is differentiated, the first axis left out; or what
# an operator makes of such products, by its number
_Weights = tuple[int, ...] | int


class Derivatives(NamedTuple):
    """Which derivatives a block has besides the features themselves.

    Attributes:
        axes: those of first derivatives.
        operators: for every operator of second order the pairs (i, j), i <= j, of axes whose second derivatives it
            sums. The factors are given when it runs: float32 (operators, in_dim, in_dim), of which it reads [i][j].
    """

    axes: tuple[int, ...]
    operators: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def planes(self) -> int:
        """Rows of features that a point has."""
        return 1 + len(self.axes) + len(self.operators)


class _Plane(NamedTuple):
    """A plane as sums over the corners.

    Attributes:
        ends: weights of the pairs whose ends are blended; None where none are.
        across: weights of the pairs whose ends' differences are taken, each with the place of a factor for that.
    """

    ends: _Weights | None
    across: Sequence[tuple[_Weights, ir.Value]]


class _JetBlock(Block):
    """The function for a block of points.

    Its arguments: those of `Block`, where features are those of a point's plane 0; then half a unit of [-1, 1] on each
    axis, in [0, 1], or 0 where a point lies beyond it, an axis every CHUNK; the factors of operators; and the bytes
    from one plane to the next.
    """

    arguments = (*Block.arguments, _I64, _I64, _I64)

    def __init__(
        self, function: ir.Function, in_dim: int, features: int, smoothness: int, adjacent: bool, wanted: Derivatives
    ) -> None:
        super().__init__(function, in_dim, features, smoothness, adjacent)
        *self.rest, self.reach, self.factors, self.plane_stride = self.rest
        self.wanted = wanted
        self.slope = self.scratch(1)
        self.plain = (0,) * (in_dim - 1)
        self.places: dict[_Weights, ir.Value] = {self.plain: self.weights}
        self.planes = [_Plane(self.plain, ()), *(self._first(axis) for axis in wanted.axes)]
        self.curvatures: dict[tuple[int, int], ir.Value] = {}  # of an operator's share, by operator and axis
        self.planes += [self._second(index) for index in range(len(wanted.operators))]

    def _weights_at(self, which: _Weights) -> _Weights:
        """Have weights of pairs placed in scratch memory."""
        if which not in self.places:
            self.places[which] = self.scratch(self.pairs)
        return which

    def _differentiated(self, *axes: int) -> tuple[int, ...]:
        return tuple(axes.count(axis) for axis in range(1, self.in_dim))

    def _first(self, axis: int) -> _Plane:
        if axis == 0:
            return _Plane(None, [(self.plain, self.slope)])
        return _Plane(self._weights_at(self._differentiated(axis)), ())

    def _second(self, index: int) -> _Plane:
        pattern = self.wanted.operators[index]
        across = []
        for first, axis in pattern:
            if first == 0:
                place = self.curvatures[index, axis] = self.scratch(1)
                across.append((self._weights_at(self._differentiated(axis)), place))
        ends = self._weights_at(index) if any(first > 0 for first, _ in pattern) else None
        return _Plane(ends, across)

    def _place(self, at: ir.Value) -> None:
        lows, highs, places = zip(*(self._cell(at, axis) for axis in range(self.in_dim)), strict=True)
        self._keep(at, self.rows, self._rows(lows, highs))
        above = [self._above(at, axis, place) for axis, place in enumerate(places)]
        on_first = [self._at_edge(lows, float(order == 0), each) for order, each in enumerate(above[0])]
        self._keep(at, self.part, on_first[:1])
        self._keep(at, self.slope, on_first[1:2])
        for (index, axis), place in self.curvatures.items():
            factor = self.spread(self._factor(index, 0, axis), _FLOATS)
            self._keep(at, place, [self.builder.fmul(factor, on_first[1 if axis else 2])])
        ends = [[self._both_ends(each[0]), *map(self._opposite, each[1:])] for each in above[1:]]
        for which, place in self.places.items():
            self._keep(at, place, self._weights(which, ends))

    def _weights(self, which: _Weights, ends: Sequence[Sequence[tuple[ir.Value, ir.Value]]]) -> list[ir.Value]:
        """The weights of pairs: products, or what an operator makes of them."""
        if not isinstance(which, int):
            return self._products([axis[order] for axis, order in zip(ends, which, strict=True)])
        total: list[ir.Value] = []
        for first, second in self.wanted.operators[which]:
            if first > 0:
                factor = self.spread(self._factor(which, first, second), _FLOATS)
                found = self._weights(self._differentiated(first, second), ends)
                total = [
                    multiply_add(self.builder, factor, each, before)
                    for each, before in zip(found, total or [self.every(_FLOATS, 0.0)] * len(found), strict=True)
                ]
        return total

    def _above(self, at: ir.Value, axis: int, place: ir.Value) -> list[ir.Value]:
        """The weight of an axis's upper end, and its first and second derivative by the coordinate."""
        builder, one, two = self.builder, self.every(_FLOATS, 1.0), self.every(_FLOATS, 2.0)
        reach = self.load(builder.add(self.reach, at), _FLOATS, 4 * CHUNK * axis)
        unit = builder.fmul(self.spread(self.scale, _FLOATS), reach)
        if self.smoothness == 0:
            return [place, unit, self.every(_FLOATS, 0.0)]
        bump = builder.fmul(place, builder.fsub(one, place))
        tilt = builder.fsub(one, builder.fmul(two, place))
        by_place = {  # as polynomials of t (1 - t) and 1 - 2 t
            1: (builder.fmul(self.every(_FLOATS, 6.0), bump), builder.fmul(self.every(_FLOATS, 6.0), tilt)),
            2: (
                builder.fmul(self.every(_FLOATS, 30.0), builder.fmul(bump, bump)),
                builder.fmul(self.every(_FLOATS, 60.0), builder.fmul(bump, tilt)),
            ),
        }[self.smoothness]
        slope, curvature = builder.fmul(by_place[0], unit), builder.fmul(by_place[1], builder.fmul(unit, unit))
        return [self._upper_weight(place), slope, curvature]

    def _opposite(self, above: ir.Value) -> tuple[ir.Value, ir.Value]:
        return self.builder.fneg(above), above

    def _factor(self, index: int, first: int, second: int) -> ir.Value:
        return self.load(self.factors, _F32, 4 * ((index * self.in_dim + first) * self.in_dim + second))

    def _plane(self, address: ir.Value, plane: int) -> ir.Value:
        return self.builder.add(address, self.builder.mul(self.plane_stride, self.number(plane)))

    def _blend(self, table: ir.Value, at: ir.Value, out: ir.Value) -> None:
        """Write the planes of a point."""
        builder = self.builder
        totals: dict[_Weights, ir.Value] = {}
        for pair in range(self.pairs):
            both = self._read(table, at, pair)
            for which, place in self.places.items():
                totals[which] = self._weighted(place, at, pair, both, totals.get(which))
        ends = self._ends(at)
        for index, plane in enumerate(self.planes):
            terms = []
            if plane.ends is not None:
                low, high = self._halves(builder.fmul(totals[plane.ends], ends))
                terms.append(builder.fadd(low, high))
            for which, place in plane.across:
                low, high = self._halves(totals[which])
                factor = self.spread(self._of_point(place, at, 0, _F32), self.one)
                terms.append(builder.fmul(builder.fsub(high, low), factor))
            value = functools.reduce(builder.fadd, terms) if terms else self.every(self.one, 0.0)
            self.store(value, self._plane(out, index))

    def _weighted(
        self, place: ir.Value, at: ir.Value, pair: int, numbers: ir.Value, total: ir.Value | None
    ) -> ir.Value:
        """Numbers times the weight of a pair, added to what there is."""
        if self.pairs == 1:
            return numbers if total is None else self.builder.fadd(numbers, total)
        weight = self.spread(self._of_point(place, at, pair, _F32), self.two)
        if total is None:
            return self.builder.fmul(weight, numbers)
        return multiply_add(self.builder, weight, numbers, total)

    def _add(self, grad: ir.Value, at: ir.Value, given: ir.Value) -> None:
        """Add what the gradients of a point's planes make of that of the table."""
        builder = self.builder
        amounts = self._amounts(at, given)
        for pair in range(self.pairs):
            total = None
            for which, amount in amounts.items():
                total = self._weighted(self.places[which], at, pair, amount, total)
            for change, row in zip(self._halves(total), self._pair(at, pair), strict=True):
                place = builder.add(grad, builder.mul(row, self.number(4 * self.features)))
                self.store(builder.fadd(change, self.load(place, self.one)), place)

    def _amounts(self, at: ir.Value, given: ir.Value) -> dict[_Weights, ir.Value]:
        """What the lower and upper ends of pairs get, by what it is weighted with."""
        builder, ends = self.builder, self._ends(at)
        amounts: dict[_Weights, ir.Value] = {}

        def add(which: _Weights, amount: ir.Value) -> None:
            amounts[which] = builder.fadd(amounts[which], amount) if which in amounts else amount

        for index, plane in enumerate(self.planes):
            value = self.load(self._plane(given, index), self.one)
            if plane.ends is not None:
                add(plane.ends, builder.fmul(self._join(value, value), ends))
            for which, place in plane.across:
                change = builder.fmul(value, self.spread(self._of_point(place, at, 0, _F32), self.one))
                add(which, self._join(builder.fneg(change), change))
        return amounts


def _function(module: ir.Module, shape: tuple[int, int, int, bool], wanted: Derivatives, adds: bool) -> ir.Function:
    spelled = "".join("_" + "".join(f"{i}{j}" for i, j in pattern) for pattern in wanted.operators)
    numbers = [*map(int, shape), *wanted.axes]
    name = f"inr_grid_jet_{'add' if adds else 'blend'}_{'_'.join(map(str, numbers))}_by{spelled}"
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), _JetBlock.arguments), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    _JetBlock(function, *shape, wanted).write(adds)
    return function


@functools.cache
@no_type_check
def jet_block(in_dim: int, features: int, smoothness: int, adjacent: bool, wanted: Derivatives, adds: bool):
    """What writes the planes of a block of points, or adds their gradients to that of the table; see `_JetBlock`."""

    @intrinsic
    def block(
        typingctx, unit, scale, last, offset, mask, table, flags, data, stride, count, reach, factors, plane_stride
    ):
        signature = types.void(types.int64, types.float32, *[types.int64] * 11)

        def generate(context, builder, signature, arguments):
            function = _function(builder.module, (in_dim, features, smoothness, adjacent), wanted, adds)
            builder.call(function, arguments)
            return context.get_dummy_value()

        return signature, generate

    return block
