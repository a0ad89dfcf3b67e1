"""An equation with its conditions: what was asked for, in symbols where it can be."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from inr._errors import InrError
from inr.equations._places import Place
from inr.equations._tracing import Channel, Quantity, Untraceable, bare
from inr.signals import Domain

_NOT_FINITE = (sympy.nan, sympy.oo, -sympy.oo, sympy.zoo)
Orders = tuple[int, ...]
Formula = Callable[..., Any]


class Symbols:
    """The symbols of a problem: coordinates, channels with their derivatives, unknown and measured numbers.

    Args:
        axes: names of the coordinates.
        channels: names of the real channels of the field.
        numbers: names of unknown numbers.
    """

    def __init__(self, axes: Sequence[str], channels: Sequence[str], numbers: Sequence[str] = ()) -> None:
        self.axes, self.channels = tuple(axes), tuple(channels)
        self.coords = tuple(sympy.Symbol(axis, real=True) for axis in axes)
        self.numbers = {name: sympy.Symbol(name, real=True) for name in numbers}
        self.known = tuple(sympy.Symbol(f"known_{name}", real=True) for name in channels)
        self.jets: dict[sympy.Symbol, tuple[int, Orders]] = {}
        self._by_key: dict[tuple[int, Orders], sympy.Symbol] = {}

    def jet(self, channel: int, orders: Orders) -> sympy.Symbol:
        """The symbol of a derivative of a channel.

        Args:
            channel: number of the channel.
            orders: how often it is differentiated by each axis.
        """
        key = channel, tuple(orders)
        if key not in self._by_key:
            letters = "".join(axis * order for axis, order in zip(self.axes, orders, strict=True))
            symbol = sympy.Symbol(self.channels[channel] + ("_" + letters if letters else ""), real=True)
            self._by_key[key], self.jets[symbol] = symbol, key
        return self._by_key[key]

    def jets_of(self, expression: sympy.Expr) -> list[sympy.Symbol]:
        """The derivatives that an expression reads, values first, in an order of their own.

        Args:
            expression: of these symbols.
        """
        found = [symbol for symbol in expression.free_symbols if symbol in self.jets]
        return sorted(found, key=lambda symbol: (sum(self.jets[symbol][1]), self.jets[symbol]))


@dataclass(frozen=True)
class Condition:
    """Something that is to be 0 at every point of a place: the equation itself, or a condition beside it.

    Attributes:
        place: where.
        residuals: what is to be 0, in own units; empty where it cannot be traced.
        formula: the function that was given, of channels and of what else there is at points.
        why: why it cannot be traced; empty where it can.
    """

    place: Place
    residuals: tuple[sympy.Expr, ...]
    formula: Formula
    why: str = ""

    @property
    def name(self) -> str:
        """As users wrote the place."""
        return self.place.name


@dataclass(frozen=True)
class Unknown:
    """A channel as users have it, which may be complex.

    Attributes:
        name: of the channel.
        parts: numbers of the field's channels that it is made of: one, or those of the real and imaginary part.
    """

    name: str
    parts: tuple[int, ...]

    @property
    def is_complex(self) -> bool:
        """Whether it has an imaginary part."""
        return len(self.parts) == 2


@dataclass(frozen=True)
class Problem:
    """An equation in a domain, with conditions.

    Attributes:
        domain: of the field, with the map of values as far as it is known.
        unknowns: the channels, as users have them.
        symbols: of what the residuals are made.
        conditions: the equation first.
        numbers: first guesses of unknown numbers by name.
    """

    domain: Domain
    unknowns: tuple[Unknown, ...]
    symbols: Symbols
    conditions: tuple[Condition, ...]
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def traced(self) -> bool:
        """Whether everything is known in symbols."""
        return not any(condition.why for condition in self.conditions)

    @property
    def why(self) -> str:
        """Why something cannot be traced; empty where all can."""
        return next((condition.why for condition in self.conditions if condition.why), "")

    @property
    def order(self) -> int:
        """The highest order of a derivative, as far as it is traced."""
        read = (jet for each in self.conditions for one in each.residuals for jet in self.symbols.jets_of(one))
        return max((sum(self.symbols.jets[jet][1]) for jet in read), default=0)

    @property
    def linear(self) -> bool:
        """Whether everything is linear in the field, with no unknown number."""
        return self.traced and not self.numbers and all(
            is_linear(residual, self.symbols) for condition in self.conditions for residual in condition.residuals
        )  # fmt: skip


def is_linear(expression: sympy.Expr, symbols: Symbols) -> bool:
    """Whether an expression is linear in the field and its derivatives; constants beside them count as linear.

    Args:
        expression: a residual.
        symbols: of its problem.
    """
    jets = symbols.jets_of(expression)
    return not any(sympy.diff(expression, jet).has(*jets) for jet in jets)


class Here:
    """What there is at points besides the field: coordinates by the names of the axes, unknown numbers by theirs."""

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)

    def __getattr__(self, name: str) -> Any:
        raise InrError(f"there is no '{name}' at points: there are {', '.join(vars(self))}")


def call(formula: Formula, channels: Mapping[str, Any], here: Here, numbers: Mapping[str, Any]) -> Any:
    """What a user's function gives.

    Args:
        formula: takes channels by their names, or in order, or all of them as one; coordinates as `at`; and unknown
            numbers by their names where it names them.
        channels: by name, in order.
        here: what there is at the points.
        numbers: unknown ones by name.

    Raises:
        InrError: a function that takes something else.
    """
    kinds = inspect.Parameter
    taken = [
        each.name
        for each in inspect.signature(formula).parameters.values()
        if each.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
        and (each.default is kinds.empty or each.name in numbers or each.name == "at")
    ]
    given: dict[str, Any] = {name: numbers[name] for name in taken if name in numbers}
    rest = [name for name in taken if name not in given]
    if "at" in rest or len(rest) == len(channels) + 1:
        given["at" if "at" in rest else rest[-1]] = here
        rest = [name for name in rest if name not in given]
    if set(rest) <= set(channels):
        given |= {name: channels[name] for name in rest}
    elif len(rest) == len(channels):
        given |= dict(zip(rest, channels.values(), strict=True))
    elif len(rest) == 1:
        given[rest[0]] = tuple(channels.values())
    else:
        raise InrError(
            f"the function takes {', '.join(taken)}, but there are the channels {', '.join(channels)}, and at"
        )
    return formula(**given)


def trace(formula: Formula, place: Place, unknowns: Sequence[Unknown], symbols: Symbols) -> Condition:
    """A condition, in symbols if its function can be followed with them.

    Args:
        formula: what is to be 0.
        place: where.
        unknowns: the channels.
        symbols: of the problem.

    Raises:
        InrError: names that are not there, or complex numbers where the channels are real.
    """
    channels = {each.name: Channel(each.name, symbols.axes, _derivative(each, symbols)) for each in unknowns}
    coords = {name: Quantity(symbol) for name, symbol in zip(symbols.axes, symbols.coords, strict=True)}
    numbers = {name: Quantity(symbol) for name, symbol in symbols.numbers.items()}
    here = Here(**coords, **numbers, **_known(place, unknowns, symbols))
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused below, in words
            found = call(formula, channels, here, numbers)
        several = found if isinstance(found, (tuple, list)) else (found,)
        expressions = [sympy.sympify(bare(each), strict=True) for each in several]
    except InrError:
        raise
    except Exception as error:  # whatever a user's function raises when it is given symbols
        return Condition(place, (), formula, _reason(error))
    if any(each.has(*_NOT_FINITE) for each in expressions):
        raise InrError(f"'{place.name}' has a number in it that is not finite, as of log(0), sqrt(-1) or exp(1000)")
    if unknown := {each.name for e in expressions for each in e.free_symbols} - _names(symbols):
        raise InrError(f"'{place.name}' reads {', '.join(sorted(unknown))}, of which nothing is known")
    return Condition(place, tuple(_real_parts(expressions, unknowns, place, symbols)), formula)


def _names(symbols: Symbols) -> set[str]:
    several = (symbols.jets, symbols.coords, symbols.numbers.values(), symbols.known)
    return {symbol.name for group in several for symbol in group}


def _derivative(unknown: Unknown, symbols: Symbols) -> Callable[[Orders], Quantity]:
    def derivative(orders: Orders) -> Quantity:
        parts = [symbols.jet(part, orders) for part in unknown.parts]
        return Quantity(parts[0] + sympy.I * parts[1] if unknown.is_complex else parts[0])

    return derivative


def _known(place: Place, unknowns: Sequence[Unknown], symbols: Symbols) -> dict[str, Any]:
    """What is measured at given points, as at.known_u."""
    if place.known is None:
        return {}
    found = {}
    for each in unknowns:
        parts = [symbols.known[part] for part in each.parts]
        found[f"known_{each.name}"] = Quantity(parts[0] + sympy.I * parts[1] if each.is_complex else parts[0])
    return found


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, Untraceable) else f"{type(error).__name__}: {error}".splitlines()[0]


def _real_parts(
    expressions: Sequence[sympy.Expr], unknowns: Sequence[Unknown], place: Place, symbols: Symbols
) -> list[sympy.Expr]:
    """Real expressions, two for each complex one."""
    found: list[sympy.Expr] = []
    for each in expressions:
        if not any(unknown.is_complex for unknown in unknowns):
            if each.has(sympy.I):
                names = ", ".join(unknown.name for unknown in unknowns)
                raise InrError(
                    f"'{place.name}' has imaginary numbers, and {names} is real; write channels='{names}:complex'"
                )
            found.append(each)
            continue
        found += [part for part in _parts(each, symbols) if part != 0]
    return found


class RealPart(sympy.Function):
    """The real part of what depends on the point alone; it stays as it is until numbers are put in."""


class ImaginaryPart(sympy.Function):
    """The imaginary part, likewise."""


def _parts(expression: sympy.Expr, symbols: Symbols) -> tuple[sympy.Expr, sympy.Expr]:
    """Real and imaginary part: of a linear expression without taking its coefficients apart, which may be long."""
    jets = symbols.jets_of(expression)
    slopes = [sympy.diff(expression, jet) for jet in jets]
    varying = {*jets, *symbols.numbers.values()}
    if any(slope.free_symbols & varying for slope in slopes):
        return sympy.expand(expression).as_real_imag()
    rest = expression.xreplace(dict.fromkeys(jets, sympy.Integer(0)))
    pairs = [*zip(slopes, jets, strict=True), (rest, sympy.Integer(1))]
    return (
        sympy.Add(*(_part(slope, RealPart, 0) * jet for slope, jet in pairs)),
        sympy.Add(*(_part(slope, ImaginaryPart, 1) * jet for slope, jet in pairs)),
    )


def _part(expression: sympy.Expr, lazy: Any, which: int) -> sympy.Expr:
    if not expression.has(sympy.I):
        return expression if which == 0 else sympy.Integer(0)
    return lazy(expression) if expression.free_symbols else expression.as_real_imag()[which]
