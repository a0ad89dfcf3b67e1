"""From what users write to a problem: residuals as functions or text, places, channels, data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inr._errors import InrError
from inr._expressions import CALLABLE, CONSTANTS
from inr.equations._following import trace
from inr.equations._places import Place, ends, given_points, inside, parse_domain, parse_place
from inr.equations._problem import Condition, Formula, Problem, Symbols, Unknown
from inr.equations._text import from_text

Given = Formula | str | Sequence[str]


def state(
    residual: Given,
    *,
    domain: str,
    channels: str | Sequence[str] = "u",
    where: Mapping[str, Given] | None = None,
    unknown: Mapping[str, float] | None = None,
    data: tuple[Any, Any] | None = None,
) -> Problem:
    """A differential equation with its conditions; functions are followed once with symbols.

    Args:
        residual: what is to be 0 everywhere, as a function of named channels and `at`, or as text; see `inr.solve`.
        domain: axes with their ranges, as "x=-1..1,t=0..1".
        channels: names; "u:complex" for one that is complex.
        where: by places, what is to be 0 there.
        unknown: first guesses of numbers that are to be found, by name.
        data: points (n, d) and values (n, c) that the field is to have there, in own units; NaN throughout for a
            channel that was not measured.

    Returns:
        The problem.

    Raises:
        InrError: what does not go together, in words.
    """
    unknowns = _unknowns(channels)
    parts = [name for each in unknowns for name in _part_names(each)]
    there = parse_domain(domain, [each.name for each in unknowns])
    there = replace(there, channels=len(parts), values=type(there.values)((-1.0,) * len(parts), (1.0,) * len(parts)))
    numbers = {name: float(guess) for name, guess in (unknown or {}).items()}
    if wrong := [name for name, guess in numbers.items() if not math.isfinite(guess)]:
        raise InrError(f"the first guess of {wrong[0]} is a finite number, not {numbers[wrong[0]]:g}")
    axes = [axis.name for axis in there.axes]
    if clash := set(numbers) & {*axes, *(each.name for each in unknowns), *CALLABLE, *CONSTANTS}:
        raise InrError(f"'{sorted(clash)[0]}' is an unknown number and something else; give it another name")
    symbols = Symbols(axes, parts, list(numbers))

    def traced(given: Given, place: Place) -> Condition:
        formula = given if callable(given) else from_text(given, unknowns, axes, list(numbers), place.name)
        return trace(formula, place, unknowns, symbols)

    conditions = [traced(residual, inside(there))]
    conditions += [traced(given, parse_place(name, there)) for name, given in (where or {}).items()]
    if data is not None:
        place = given_points(*_real_data(data, unknowns), there)
        conditions.append(trace(_measured(unknowns, place), place, unknowns, symbols))
    problem = Problem(there, unknowns, symbols, tuple(conditions), numbers)
    _check(problem)
    return problem


def _unknowns(channels: str | Sequence[str]) -> tuple[Unknown, ...]:
    names = [part.strip() for part in channels.split(",")] if isinstance(channels, str) else list(channels)
    found, start = [], 0
    for written in names:
        name, colon, kind = written.partition(":")
        if not name.isidentifier() or "_" in name or (colon and kind != "complex"):
            raise InrError(f"a channel is called as u, or u:complex, not '{written}'")
        if name in (*CALLABLE, *CONSTANTS):
            raise InrError(f"a channel cannot be called {name}, which formulas have another meaning for")
        width = 2 if colon else 1
        found.append(Unknown(name, tuple(range(start, start + width))))
        start += width
    if len({each.name for each in found}) < len(found):
        raise InrError(f"a channel is named twice: {', '.join(names)}")
    return tuple(found)


def _part_names(unknown: Unknown) -> list[str]:
    return [f"{unknown.name}Re", f"{unknown.name}Im"] if unknown.is_complex else [unknown.name]


def _measured(unknowns: Sequence[Unknown], place: Place) -> Formula:
    """Of data: values less what was measured, which points bring with them."""
    assert place.known is not None
    missing = np.isnan(place.known).all(0)

    def measured(channels: Any, at: Any) -> Any:
        several = channels if isinstance(channels, tuple) else (channels,)
        return [
            own - getattr(at, f"known_{each.name}")
            for own, each in zip(several, unknowns, strict=True)
            if not missing[each.parts[0]]
        ]

    return measured


def _real_data(data: tuple[Any, Any], unknowns: Sequence[Unknown]) -> tuple[Any, Any]:
    """Data with two columns for each complex channel."""
    points, values = data
    values = np.asarray(values)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim == 2 and values.shape[1] == len(unknowns) and any(each.is_complex for each in unknowns):
        columns: list[np.ndarray] = []
        for column, each in zip(values.T, unknowns, strict=True):
            columns += [column.real, column.imag] if each.is_complex else [column.real]
        values = np.stack(columns, 1)
    if np.iscomplexobj(values):
        raise InrError("data are complex, and the channels are real; write channels='u:complex'")
    return points, values


def _check(problem: Problem) -> None:
    """Refuse an equation that leaves a channel out, and one of which nothing is known beside it."""
    if not problem.traced:
        return
    symbols = problem.symbols
    read = {symbols.jets[jet][0] for c in problem.conditions for e in c.residuals for jet in symbols.jets_of(e)}
    for channel, name in enumerate(symbols.channels):
        if channel not in read:
            raise InrError(f"nothing is said about the channel '{name}'")
    for name, symbol in symbols.numbers.items():
        if not any(symbol in e.free_symbols for c in problem.conditions for e in c.residuals):
            raise InrError(f"nothing reads the unknown number '{name}', so that nothing tells it")
    orders = [symbols.jets[jet][1] for e in problem.conditions[0].residuals for jet in symbols.jets_of(e)]
    if not orders:
        raise InrError(f"the equation says nothing about {', '.join(symbols.channels)}: all its terms cancel")
    if not any(map(any, orders)):
        return
    if len(problem.conditions) == 1:
        raise InrError(
            "not enough conditions: a differential equation needs values at a boundary or a beginning, as "
            "where={'boundary': 'u'} (--boundary 0) or where={'t=0': …} (--initial …)"
        )
    _check_beginning(problem, orders)


def _check_beginning(problem: Problem, orders: Sequence[tuple[int, ...]]) -> None:
    """Refuse an equation in t that does not say where it begins."""
    axes = [axis.name for axis in problem.domain.axes]
    if "t" not in axes:
        return
    place = axes.index("t")
    wanted = max(each[place] for each in orders)
    if not wanted or any(condition.place.points is not None for condition in problem.conditions[1:]):
        return
    low, _ = ends(problem.domain.axes[place])
    given = 0
    for condition in problem.conditions[1:]:
        times = {box[place][0] for box in condition.place.boxes if box[place][0] == box[place][1]}
        given += len(times) * len(condition.residuals)
    if not given:
        raise InrError(f"not enough conditions: nothing is given at t={low:g} (where={{'t={low:g}': …}}, --initial …)")
    if wanted > 1 and given < wanted:
        raise InrError(
            f"not enough conditions: an equation of order {wanted} in t takes {wanted} at its ends, and there "
            f"{'is' if given == 1 else 'are'} {given}; as value and velocity, --where 't={low:g}: u = sin(x); u_t = 0'"
        )
