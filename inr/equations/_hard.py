"""Conditions that hold by construction: u = g + d v, with g as the conditions have it and d = 0 where they hold."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import sympy

from inr._errors import InrError
from inr.equations._places import ends
from inr.equations._problem import Condition, Orders, Problem, Symbols
from inr.signals import Axis


@dataclass(frozen=True)
class Wrapping:
    """What a network v is wrapped in: u = offset + factor v, channel by channel, in own units.

    Attributes:
        offsets, factors: of the coordinates.
    """

    offsets: tuple[sympy.Expr, ...]
    factors: tuple[sympy.Expr, ...]

    def inserted(self, expression: sympy.Expr, symbols: Symbols) -> sympy.Expr:
        """An expression of u as one of v, by the product rule.

        Args:
            expression: of the problem's symbols, in which each derivative then stands for that of v.
            symbols: of the problem.
        """
        return expression.xreplace({jet: self._derivative(jet, symbols) for jet in symbols.jets_of(expression)})

    def _derivative(self, jet: sympy.Symbol, symbols: Symbols) -> sympy.Expr:
        channel, orders = symbols.jets[jet]
        total = _partial(self.offsets[channel], orders, symbols)
        for inner in itertools.product(*(range(order + 1) for order in orders)):
            ways = math.prod(math.comb(order, part) for order, part in zip(orders, inner, strict=True))
            outer = tuple(order - part for order, part in zip(orders, inner, strict=True))
            total += ways * _partial(self.factors[channel], outer, symbols) * symbols.jet(channel, inner)
        return total


def _partial(expression: sympy.Expr, orders: Orders, symbols: Symbols) -> sympy.Expr:
    for symbol, order in zip(symbols.coords, orders, strict=True):
        expression = sympy.diff(expression, symbol, order) if order else expression
    return expression


@dataclass(frozen=True)
class _End:
    """What a channel, and perhaps its first derivative across, is to be at an end of an axis."""

    channel: int
    axis: int
    value: float
    target: sympy.Expr
    slope: sympy.Expr | None = None


def wrap(problem: Problem, names: Sequence[str] | None) -> tuple[Problem, Wrapping]:
    """A problem whose conditions at faces hold by construction.

    Values at both ends of an axis, or at one, are blended linearly, axis after axis (transfinite interpolation); at the
    beginning of t, value and velocity can be given.

    Args:
        problem: traced, in terms of u.
        names: of the conditions, as places are written; None for all that can be.

    Returns:
        The problem in terms of v, without those conditions, and what v is wrapped in.

    Raises:
        InrError: a condition that cannot hold by construction, or none at all.
    """
    if not problem.traced:
        raise InrError("hard conditions need formulas that can be traced; leave hard out")
    unknown = set(names or ()) - {condition.name for condition in problem.conditions[1:]}
    if unknown:
        raise InrError(f"hard names '{sorted(unknown)[0]}', which is no place of where")
    ends: list[_End] = []
    kept: list[Condition] = []
    for condition in problem.conditions[1:]:
        found = _ends(condition, problem)
        if found is None or (names is not None and condition.name not in names):
            if names is not None and condition.name in names:
                raise InrError(f"'{condition.name}' gives no values at whole faces and cannot be hard")
            kept.append(condition)
            continue
        ends += found
    if not ends:
        raise InrError("no condition gives values at whole faces, which hard conditions need")
    channels = range(problem.domain.channels)
    offsets, factors = zip(
        *(_wrapped([end for end in ends if end.channel == c], problem) for c in channels), strict=True
    )
    wrapping = Wrapping(tuple(offsets), tuple(factors))
    conditions = tuple(
        replace(each, residuals=tuple(wrapping.inserted(one, problem.symbols) for one in each.residuals))
        for each in (problem.conditions[0], *kept)
    )
    return replace(problem, conditions=conditions), wrapping


def _ends(condition: Condition, problem: Problem) -> list[_End] | None:
    """What a condition says at ends of axes; None where it says something else."""
    symbols, axes = problem.symbols, problem.domain.axes
    targets: dict[tuple[int, Orders], sympy.Expr] = {}
    for residual in condition.residuals:
        jets = symbols.jets_of(residual)
        slope = sympy.diff(residual, jets[0]) if len(jets) == 1 else None
        if slope is None or not slope.is_number or slope == 0:
            return None
        targets[symbols.jets[jets[0]]] = sympy.expand(-(residual - slope * jets[0]) / slope)
    found = []
    for box in condition.place.boxes:
        face = _face(box, axes)
        if face is None:
            return None
        axis, value = face
        for channel in range(problem.domain.channels):
            own = {orders: target for (each, orders), target in targets.items() if each == channel}
            across = tuple(int(other == axis) for other in range(len(axes)))
            plain = (0,) * len(axes)
            if not own:
                continue
            if plain not in own or set(own) - {plain, across}:
                return None
            if across in own and axes[axis].name != "t":
                return None
            found.append(_End(channel, axis, value, own[plain], own.get(across)))
    return found


def _face(box: Sequence[tuple[float, float]], axes: Sequence[Axis]) -> tuple[int, float] | None:
    """The one axis that is fixed at one of its ends, all others being whole."""
    fixed = [place for place, (low, high) in enumerate(box) if low == high]
    if len(fixed) != 1 or box[fixed[0]][0] not in (axes[fixed[0]].low, axes[fixed[0]].high):
        return None
    whole = all(
        (low, high) == ends(axis) for place, ((low, high), axis) in enumerate(zip(box, axes, strict=True))
        if place != fixed[0]
    )  # fmt: skip
    return (fixed[0], box[fixed[0]][0]) if whole else None


def _wrapped(ends: Sequence[_End], problem: Problem) -> tuple[sympy.Expr, sympy.Expr]:
    """Offset and factor of a channel."""
    offset, factor = sympy.Integer(0), sympy.Integer(1)
    for place, axis in enumerate(problem.domain.axes):
        own = {end.value: end for end in ends if end.axis == place}
        if not own:
            continue
        symbol, span = problem.symbols.coords[place], axis.high - axis.low
        shares = {axis.low: (axis.high - symbol) / span, axis.high: (symbol - axis.low) / span}
        correction = sympy.Integer(0)
        for value, end in own.items():
            share = shares[value] if len(own) == 2 else sympy.Integer(1)
            correction += share * (end.target - offset).subs(symbol, value)
        for value, end in own.items():
            if end.slope is None:
                factor *= (symbol - value) / span * (1 if len(own) == 1 else 2)
                continue
            if len(own) == 2:
                raise InrError(f"value and velocity at one end of {axis.name} leave no room for a value at the other")
            gone = sympy.diff(offset + correction, symbol).subs(symbol, value)
            correction += (symbol - value) * (end.slope - gone)
            factor *= ((symbol - value) / span) ** 2
        offset += correction
    return offset, factor


def as_text(expression: sympy.Expr, symbols: Symbols, axes: Sequence[Axis], scale: float, shift: float) -> str:
    """A formula of normalised coordinates x0, x1, … for a file: (expression - shift) / scale.

    Args:
        expression: of coordinates in own units.
        symbols: of the problem.
        axes: of the domain.
        scale: of the values.
        shift: of the values.
    """
    places: Mapping[sympy.Symbol, sympy.Expr] = {
        symbol: (axis.high + axis.low) / 2 + (axis.high - axis.low) / 2 * sympy.Symbol(f"x{place}", real=True)
        for place, (symbol, axis) in enumerate(zip(symbols.coords, axes, strict=True))
    }
    return str(((expression - shift) / scale).xreplace(places)).replace("Abs(", "abs(")
