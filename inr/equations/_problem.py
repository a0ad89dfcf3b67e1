"""An equation with its conditions: what was asked for, in symbols where it can be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy

from inr.equations._places import Place
from inr.signals import Domain

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
    def identity(self) -> dict[str, Any]:
        """What tells it from others as far as symbols can, as plain JSON: conditions by place, and first guesses."""
        stated = {each.name: [str(one) for one in each.residuals] or "a function" for each in self.conditions}
        measured = [each.place.checksum for each in self.conditions if each.place.points is not None]
        return {"conditions": stated, "numbers": dict(self.numbers), "measured": measured}

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
