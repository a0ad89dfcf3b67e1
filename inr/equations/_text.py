"""Equations as text: "u_xx + u_yy + 400*u", "u = cos(x)", or a bare "cos(x)" where values are meant."""

import re
from collections.abc import Sequence
from typing import Any

from inr._errors import InrError
from inr._expressions import Expression, shown
from inr.equations._problem import Formula, Unknown
from inr.equations._tracing import FUNCTIONS

_DERIVATIVE = re.compile(r"([A-Za-z]+\d*)_([A-Za-z]+)")


def from_text(
    text: str | Sequence[str], unknowns: Sequence[Unknown], axes: Sequence[str], numbers: Sequence[str], place: str
) -> Formula:
    """A function of channels and `at` that gives what a text says is to be 0.

    Args:
        text: one formula, several parted by semicolons, or a list of them. "a = b" is a - b; one that reads no channel
            is what the only channel is to be.
        unknowns: the channels.
        axes: names of the axes.
        numbers: names of unknown numbers.
        place: for messages.

    Raises:
        InrError: what is no formula, or reads what is not there.
    """
    lines = text.split(";") if isinstance(text, str) else list(text)
    parsed = [_parsed(line, unknowns, axes, numbers, place) for line in lines if line.strip()]
    if not parsed:
        raise InrError(f"nothing is said at '{place}'")

    def formula(channels: Any, at: Any) -> Any:
        several = channels if isinstance(channels, tuple) else (channels,)
        by_name = {each.name: channel for each, channel in zip(unknowns, several, strict=True)}
        found = []
        for expression in parsed:
            values = {name: _looked_up(name, by_name, at) for name in expression.names}
            found.append(expression.evaluate(FUNCTIONS, values))
        return found

    return formula


def _looked_up(name: str, channels: dict[str, Any], at: Any) -> Any:
    if name in channels:
        return channels[name] + 0
    derivative = _DERIVATIVE.fullmatch(name)
    return getattr(channels[derivative[1]], derivative[2]) if derivative else getattr(at, name)


def _parsed(
    line: str, unknowns: Sequence[Unknown], axes: Sequence[str], numbers: Sequence[str], place: str
) -> Expression:
    """One formula, with what stands right of = taken to the left."""
    left, equals, right = line.partition("=")
    expression = Expression(f"({left}) - ({right})" if equals else left)
    channels = [each.name for each in unknowns]
    if not _reads(expression, channels) and not equals:
        if len(channels) > 1:
            raise InrError(f"'{shown(line)}' at '{place}' names none of the channels {', '.join(channels)}")
        if place == "equation":
            raise InrError(f"'{shown(line)}' is no equation: it reads neither {channels[0]} nor a derivative of it")
        expression = Expression(f"{channels[0]} - ({left})")
    known = {*channels, *axes, *numbers}
    for name in sorted(expression.names - known):
        derivative = _DERIVATIVE.fullmatch(name)
        if derivative is None or derivative[1] not in channels:
            continue
        if derivative[2] != "lap" and not set(derivative[2]) <= set(axes):
            raise InrError(f"'{name}' in '{shown(line)}': axes are {', '.join(axes)}, as in {derivative[1]}_{axes[0]}")
        known.add(name)
    first = f"{channels[0]}_{axes[0]}"
    others = ", ".join([*axes, *numbers])
    expression.check(known, f"{', '.join(channels)}, derivatives such as {first} and {first}{axes[0]}, {others}")
    return expression


def _reads(expression: Expression, channels: Sequence[str]) -> bool:
    return any(name.partition("_")[0] in channels for name in expression.names)


def channels_and_domain(text: str) -> tuple[str, str]:
    """Channels and domain of an equation of which only the text is given.

    Args:
        text: of the equation.

    Returns:
        The channels that it differentiates, as "u,v"; and a domain of all axes by which it does, from -1 to 1 and t
        from 0 to 1, as "x=-1..1,t=0..1".

    Raises:
        InrError: a text without derivatives.
    """
    found = [_DERIVATIVE.fullmatch(name) for part in re.split("[;=]", text) for name in sorted(Expression(part).names)]
    read = [match for match in found if match is not None]
    channels = list(dict.fromkeys(match[1] for match in read))
    axes = {letter for match in read if match[2] != "lap" for letter in match[2]}
    if any(match[2] == "lap" for match in read):
        axes |= {"x", "y"}
    if not channels:
        raise InrError(f"'{shown(text)}' is no differential equation: derivatives are written as u_x, u_tt or u_lap")
    ordered = sorted(axes, key=lambda letter: (letter == "t", letter))
    return ",".join(channels), ",".join(f"{axis}={'0' if axis == 't' else '-1'}..1" for axis in ordered)
