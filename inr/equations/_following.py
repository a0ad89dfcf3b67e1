"""What users wrote as plain functions, called: with symbols to follow them, or with tensors."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy

from inr._errors import InrError
from inr.equations._places import Place
from inr.equations._problem import Condition, Formula, Orders, Symbols, Unknown
from inr.equations._tracing import Channel, Quantity, Untraceable, bare

_NOT_FINITE = (sympy.nan, sympy.oo, -sympy.oo, sympy.zoo)


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
