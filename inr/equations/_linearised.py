"""Conditions as numbers: residuals at points, and how they change with the field."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from jaxtyping import Float64

from inr.equations._problem import Condition, Orders, Symbols


def compiled(expressions: Sequence[sympy.Expr], arguments: Sequence[sympy.Symbol]) -> Any:
    """Expressions as one function of arrays, in double precision.

    Args:
        expressions: of the arguments.
        arguments: symbols.

    Returns:
        (arrays (n,) in the order of the arguments) to a list of arrays or numbers.
    """
    from scipy.special import erf

    # the slope of a jump is an impulse, which no point ever meets
    expressions = [each.replace(sympy.DiracDelta, lambda *_: sympy.Integer(0)) for each in expressions]
    known = {"erf": erf, "RealPart": np.real, "ImaginaryPart": np.imag}
    return sympy.lambdify(list(arguments), list(expressions), modules=[known, "numpy"], cse=True)


def broadcast(values: Sequence[Any], count: int) -> list[np.ndarray]:
    """Arrays (count,) of what a compiled function gave.

    Args:
        values: arrays (count,) or numbers.
        count: of points.
    """
    return [np.broadcast_to(np.asarray(each, np.float64), (count,)) for each in values]


class Linearised:
    """Residuals of a condition and their derivatives by what they read of the field.

    Args:
        condition: traced.
        symbols: of its problem.

    Attributes:
        jets: for each residual, the derivatives that it reads, as (channel, orders).
        count: number of residuals.
    """

    def __init__(self, condition: Condition, symbols: Symbols) -> None:
        self.condition = condition
        self.count = len(condition.residuals)
        read = [symbols.jets_of(each) for each in condition.residuals]
        self.jets: list[list[tuple[int, Orders]]] = [[symbols.jets[jet] for jet in each] for each in read]
        self._all = sorted({jet for each in read for jet in each}, key=str)
        self._keys = [symbols.jets[jet] for jet in self._all]
        numbers = list(symbols.numbers.values())
        arguments = [*symbols.coords, *symbols.known, *numbers, *self._all]
        self._residuals = compiled(condition.residuals, arguments)
        slopes = [sympy.diff(each, jet) for each, jets in zip(condition.residuals, read, strict=True) for jet in jets]
        slopes += [sympy.diff(each, number) for each in condition.residuals for number in numbers]
        self._slopes = compiled(slopes, arguments)
        self._numbers, self._channels = len(numbers), len(symbols.channels)

    def _arguments(
        self, points: np.ndarray, known: np.ndarray, numbers: Iterable[float], field: Mapping[Any, np.ndarray]
    ) -> list[Any]:
        measured = list(known.T) if known.shape[1] else [0.0] * self._channels
        return [*points.T, *measured, *numbers, *(field.get(key, np.zeros(len(points))) for key in self._keys)]

    @property
    def reads(self) -> list[tuple[int, Orders]]:
        """All derivatives that some residual reads."""
        return self._keys

    def residuals(
        self, points: np.ndarray, known: np.ndarray, numbers: Iterable[float], field: Mapping[Any, np.ndarray]
    ) -> Float64[np.ndarray, "r n"]:
        """What is to be 0.

        Args:
            points: (n, d) in own units.
            known: (n, c) or (n, 0), what is measured there.
            numbers: the unknown ones.
            field: (n,) by channel and orders; those that are missing are 0.
        """
        found = self._residuals(*self._arguments(points, known, numbers, field))
        return np.array(broadcast(found, len(points)))

    def slopes(
        self, points: np.ndarray, known: np.ndarray, numbers: Iterable[float], field: Mapping[Any, np.ndarray]
    ) -> tuple[list[list[np.ndarray]], list[list[np.ndarray]]]:
        """How residuals change: by each of their `jets`, and by each unknown number.

        Args:
            points, known, numbers, field: as of `residuals`.
        """
        found = broadcast(self._slopes(*self._arguments(points, known, numbers, field)), len(points))
        by_jets, start = [], 0
        for jets in self.jets:
            by_jets.append(found[start : start + len(jets)])
            start += len(jets)
        rest = found[start:]
        return by_jets, [rest[r * self._numbers : (r + 1) * self._numbers] for r in range(self.count)]
