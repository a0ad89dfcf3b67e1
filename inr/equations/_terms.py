"""Conditions as terms of a loss: formulas of what engines compute, in normalised coordinates and values."""

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from jaxtyping import Float64

from inr._errors import InrError
from inr.engines import At, Term
from inr.equations._linearised import broadcast, compiled
from inr.equations._problem import Condition, Orders, Problem, Symbols
from inr.field import Operator, Reads


class NoTerm(InrError):
    """A condition that engines have no term for: of an order or with a function that they do not know."""


@dataclass(frozen=True)
class Units:
    """From normalised values and derivatives to own units.

    Attributes:
        half: of the extent of each axis; negative where it falls.
        scale: of the values of each channel.
        shift: what is added to them.
    """

    half: tuple[float, ...]
    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def factor(self, channel: int, orders: Orders) -> float:
        """By what a normalised derivative is multiplied."""
        return self.scale[channel] / math.prod(half**order for half, order in zip(self.half, orders, strict=True))


@dataclass(frozen=True)
class Formula:
    """A formula of what is read at a point, for torch's tensors and for sympy's symbols alike; equal ones are equal.

    Attributes:
        expression: of the symbols v0, v1, … (values), f0_1 (first derivative of channel 0 by axis 1), s0_0 (operators),
            of columns and numbers by their names.
        first: axes of first derivatives, in the order of `Reads`.
    """

    expression: sympy.Expr
    first: tuple[int, ...]

    def __call__(self, ops: Any, at: At) -> Any:
        """The loss of a point, by the functions of an engine."""
        values: dict[str, Any] = {f"v{channel}": value for channel, value in enumerate(at.values)}
        for channel, row in enumerate(at.first):
            values |= {f"f{channel}_{axis}": value for axis, value in zip(self.first, row, strict=True)}
        for channel, row in enumerate(at.second):
            values |= {f"s{channel}_{place}": value for place, value in enumerate(row)}
        values |= {f"n_{name}": value for name, value in at.numbers.items()}
        return evaluate(self.expression, ops, values | dict(at.data), {})


def evaluate(node: sympy.Expr, ops: Any, values: Mapping[str, Any], done: dict[sympy.Expr, Any]) -> Any:
    """An expression by an engine's functions.

    Args:
        node: of symbols.
        ops: has sin, cos, exp, tanh, erf, abs, root and reciprocal.
        values: by the names of the symbols.
        done: parts that were evaluated before.

    Raises:
        NoTerm: a function that engines do not know.
    """
    if node not in done:
        done[node] = _value(node, ops, values, lambda part: evaluate(part, ops, values, done))
    return done[node]


def _value(node: sympy.Expr, ops: Any, values: Mapping[str, Any], inner: Callable[[sympy.Expr], Any]) -> Any:
    if node.is_number:
        return float(node)
    if node.is_Symbol:
        return values[node.name]
    if node.is_Add or node.is_Mul:
        return functools.reduce(operator.add if node.is_Add else operator.mul, map(inner, node.args))
    if node.is_Pow:
        return _power(inner(node.base), node.exp, ops)
    acts: dict[Any, Callable[[Any], Any]] = {
        sympy.sin: ops.sin, sympy.cos: ops.cos, sympy.exp: ops.exp, sympy.tanh: ops.tanh, sympy.erf: ops.erf,
        sympy.Abs: ops.abs, sympy.tan: lambda z: ops.sin(z) * ops.reciprocal(ops.cos(z)),
        sympy.sinh: lambda z: (ops.exp(z) - ops.exp(-z)) * 0.5, sympy.cosh: lambda z: (ops.exp(z) + ops.exp(-z)) * 0.5,
        sympy.sign: lambda z: z * ops.reciprocal(ops.abs(z)),
    }  # fmt: skip
    if node.func not in acts:
        raise NoTerm(f"engines have no function '{node.func.__name__}'")
    return acts[node.func](inner(node.args[0]))


def _power(base: Any, exponent: sympy.Expr, ops: Any) -> Any:
    if exponent.is_Integer:
        product = functools.reduce(operator.mul, [base] * abs(int(exponent)))
        return product if exponent > 0 else ops.reciprocal(product)
    if exponent in (sympy.Rational(1, 2), sympy.Rational(-1, 2)) or (exponent.is_Float and abs(exponent) == 0.5):
        return ops.root(base) if exponent > 0 else ops.reciprocal(ops.root(base))
    raise NoTerm(f"engines have no power {exponent}")


class _Nothing:
    """Functions that give numbers, to see whether a formula has others."""

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        return lambda z: 0.5


class Lowered:
    """A condition as a term, with what its points bring.

    Args:
        condition: traced.
        problem: that it belongs to.
        units: of coordinates and values.
        points: some of the condition's, in own units (n, d), by which its size is judged, and what is known there.

    Attributes:
        term: for engines.

    Raises:
        NoTerm: engines have none for it.
    """

    def __init__(
        self, condition: Condition, problem: Problem, units: Units, points: np.ndarray, known: np.ndarray
    ) -> None:
        symbols = problem.symbols
        self._symbols = symbols
        residuals = [_normalised(each, symbols, units) for each in condition.residuals]
        self.scales = [_size(each, symbols, problem.numbers, points, known) for each in residuals]
        gathered = [_gathered(each / scale, symbols) for each, scale in zip(residuals, self.scales, strict=True)]
        columns: dict[sympy.Expr, sympy.Symbol] = {}
        split = [_with_columns(each, symbols, columns) for each in gathered]
        split, reads = _with_operators(split, symbols, len(symbols.axes))
        names = {symbol: sympy.Symbol(f"n_{name}") for name, symbol in symbols.numbers.items()}
        squares = sympy.Add(*(each.xreplace(names) ** 2 for each in split))
        read = [name for name, symbol in symbols.numbers.items() if any(each.has(symbol) for each in split)]
        formula = Formula(squares, reads.first)
        evaluate(squares, _Nothing(), {symbol.name: 0.5 for symbol in squares.free_symbols}, {})
        self.term = Term(condition.name, reads, formula, tuple(column.name for column in columns.values()), tuple(read))
        self._columns = compiled(list(columns), [*symbols.coords, *symbols.known]) if columns else None
        self._width = len(columns)

    def data(self, points: Float64[np.ndarray, "n d"], known: Float64[np.ndarray, "n c"]) -> Float64[np.ndarray, "n k"]:
        """The term's columns.

        Args:
            points: (n, d) in own units.
            known: (n, c), or (n, 0).
        """
        if self._columns is None:
            return np.zeros((len(points), 0))
        measured = list(known.T) if known.shape[1] else [0.0] * len(self._symbols.known)
        return np.stack(broadcast(self._columns(*points.T, *measured), len(points)), 1)


def _normalised(residual: sympy.Expr, symbols: Symbols, units: Units) -> sympy.Expr:
    """A residual whose symbols stand for normalised values and derivatives by normalised coordinates."""
    places = {}
    for jet in symbols.jets_of(residual):
        channel, orders = symbols.jets[jet]
        places[jet] = units.factor(channel, orders) * jet + (0 if any(orders) else units.shift[channel])
    return residual.xreplace(places)


def _size(
    residual: sympy.Expr, symbols: Symbols, numbers: Mapping[str, float], points: np.ndarray, known: np.ndarray
) -> float:
    """How large a residual is where all that it reads is of the size of 1: what it is divided by."""
    jets = symbols.jets_of(residual)
    rest = residual.xreplace(dict.fromkeys(jets, sympy.Integer(0)))
    slopes = [sympy.diff(residual, jet) for jet in jets]
    parts = slopes if rest.has(sympy.nan, sympy.oo, -sympy.oo, sympy.zoo) else [*slopes, rest]  # log(u) at 0
    arguments = [*symbols.coords, *symbols.known, *symbols.numbers.values(), *jets]
    measured = list(known.T) if known.shape[1] else [0.0] * len(symbols.known)
    given = [*points.T, *measured, *numbers.values(), *([np.full(len(points), 0.5)] * len(jets))]
    with np.errstate(all="ignore"):
        found = np.array(broadcast(compiled(parts, arguments)(*given), len(points)))
        size = float(np.sqrt(np.mean(found**2, axis=1)).max())
    if not math.isfinite(size):
        raise InrError(f"'{residual}' is not finite everywhere in its place")
    return size or 1.0


def _gathered(residual: sympy.Expr, symbols: Symbols) -> sympy.Expr:
    """Sums with one summand for each product of what varies with the field."""
    varying = {*symbols.jets_of(residual), *symbols.numbers.values()}
    found: dict[sympy.Expr, sympy.Expr] = {}
    for summand in sympy.Add.make_args(sympy.expand(residual)):
        fixed, varied = summand.as_independent(*varying, as_Add=False)
        found[varied] = found.get(varied, sympy.Integer(0)) + fixed
    return sympy.Add(*(fixed * varied for varied, fixed in found.items()), evaluate=True)


def _with_columns(node: sympy.Expr, symbols: Symbols, columns: dict[sympy.Expr, sympy.Symbol]) -> sympy.Expr:
    """An expression in which all that depends on the point alone is a column."""
    varying = {*symbols.jets, *symbols.numbers.values()}
    places = {*symbols.coords, *symbols.known}
    if not node.free_symbols & places:
        return node
    if not node.free_symbols & varying:
        if node not in columns:
            columns[node] = sympy.Symbol(f"c{len(columns)}", real=True)
        return columns[node]
    if node.is_Add or node.is_Mul:
        fixed, varied = node.as_independent(*(node.free_symbols & varying), as_Add=node.is_Add)
        rest = node.func.make_args(varied)
        return node.func(_with_columns(fixed, symbols, columns), *(_with_columns(e, symbols, columns) for e in rest))
    return node.func(*(_with_columns(each, symbols, columns) for each in node.args))


def _with_operators(residuals: Sequence[sympy.Expr], symbols: Symbols, axes: int) -> tuple[list[sympy.Expr], Reads]:
    """Residuals in the symbols of `Formula`, and what they read: one operator where fixed coefficients allow it."""
    jets = sorted({jet for each in residuals for jet in symbols.jets_of(each)}, key=str)
    orders = {jet: symbols.jets[jet] for jet in jets}
    if high := [jet for jet in jets if sum(orders[jet][1]) > 2]:
        raise NoTerm(f"engines have derivatives up to second order, not {high[0]}")
    first = sorted({each.index(1) for _, each in orders.values() if sum(each) == 1})
    second = [jet for jet in jets if sum(orders[jet][1]) == 2]
    apart = {orders[jet][1] for jet in second}
    combined, operators = _combined(residuals, second, symbols)
    if combined is None or len(operators) >= len(apart):
        matrices = [_matrix({each: 1.0}, axes) for each in sorted(apart, reverse=True)]
        places = {each: place for place, each in enumerate(sorted(apart, reverse=True))}
        combined = [
            each.xreplace({jet: _operator(orders[jet][0], places[orders[jet][1]]) for jet in second})
            for each in residuals
        ]
    else:
        matrices = [_matrix(dict(each), axes) for each in operators]
    lower = {jet: _plain(*orders[jet]) for jet in jets if sum(orders[jet][1]) < 2}
    return [each.xreplace(lower) for each in combined], Reads(tuple(first), tuple(matrices))


def _plain(channel: int, orders: Orders) -> sympy.Symbol:
    return sympy.Symbol(f"f{channel}_{orders.index(1)}" if any(orders) else f"v{channel}", real=True)


def _operator(channel: int, place: int) -> sympy.Symbol:
    return sympy.Symbol(f"s{channel}_{place}", real=True)


def _combined(
    residuals: Sequence[sympy.Expr], second: Sequence[sympy.Symbol], symbols: Symbols
) -> tuple[list[sympy.Expr] | None, list[tuple[tuple[Orders, float], ...]]]:
    """Residuals in which second derivatives with coefficients of fixed proportion are one operator."""
    operators: list[tuple[tuple[Orders, float], ...]] = []
    found = []
    for residual in residuals:
        groups: dict[tuple[int, sympy.Expr], dict[Orders, float]] = {}
        rest = residual
        for jet in second:
            slope = sympy.diff(residual, jet)
            if slope.has(*second):
                return None, []
            if slope != 0:
                number, common = slope.as_coeff_Mul()
                channel, orders = symbols.jets[jet]
                groups.setdefault((channel, common), {})[orders] = float(number)
                rest = rest.subs(jet, 0)
        for (channel, common), parts in groups.items():
            top = max(parts.values(), key=abs)
            operator_ = tuple(sorted((orders, value / top) for orders, value in parts.items()))
            if operator_ not in operators:
                operators.append(operator_)
            rest += top * common * _operator(channel, operators.index(operator_))
        found.append(rest)
    return found, operators


def _matrix(parts: Mapping[Orders, float], axes: int) -> Operator:
    """An operator of second order as a symmetric matrix."""
    matrix = np.zeros((axes, axes))
    for orders, value in parts.items():
        places = [axis for axis, order in enumerate(orders) for _ in range(order)]
        matrix[places[0], places[1]] += value / 2
        matrix[places[1], places[0]] += value / 2
    return tuple(tuple(float(each) for each in row) for row in matrix)
