"""Which frequencies an equation asks for: how they stand to each other by axes, and those that solve it themselves."""

from collections.abc import Sequence

import numpy as np
import sympy
from jaxtyping import Float64

from inr.equations._linearised import compiled
from inr.equations._problem import Orders, Problem

_LIMIT = 8.0  # of half axes of the ellipsoid to their geometric mean
_REACH = 3.0  # times the half axis that a solution's frequency may lie beyond


def aspect(problem: Problem) -> Float64[np.ndarray, " d"]:
    """How far frequencies reach by each axis, in normalised coordinates, with a product of 1.

    Where a second derivative has the coefficient a, the natural measure of a frequency is its product with the root of
    a; waves of speed c have frequencies in time c times those in space. Axes without second derivative are as the mean.

    Args:
        problem: traced.
    """
    axes = len(problem.domain.axes)
    half = [(axis.high - axis.low) / 2 for axis in problem.domain.axes]
    found = np.full(axes, np.nan)
    symbols = problem.symbols
    middle = [(axis.high + axis.low) / 2 for axis in problem.domain.axes]
    for residual in problem.conditions[0].residuals:
        for jet in symbols.jets_of(residual):
            _, orders = symbols.jets[jet]
            if sum(orders) != 2 or max(orders) != 2:
                continue
            axis = orders.index(2)
            slope = sympy.diff(residual, jet)
            if slope.free_symbols <= set(symbols.coords):
                size = abs(float(compiled([slope], symbols.coords)(*middle)[0]))
                found[axis] = half[axis] / np.sqrt(size) if size and np.isnan(found[axis]) else found[axis]
    known = ~np.isnan(found)
    if not known.any():
        return np.ones(axes)
    logs = np.log(np.where(known, found, 1.0))
    logs -= logs[known].mean()
    logs[~known] = 0.0
    logs = np.clip(logs, -np.log(_LIMIT), np.log(_LIMIT))
    return np.exp(logs - logs.mean())


def solving(
    problem: Problem, count: int, radii: Sequence[float], draw: np.random.Generator
) -> Float64[np.ndarray, "m d"] | None:
    """Frequencies of sines that satisfy the equation without its source, of one with constant coefficients.

    Where all derivatives are of even order, sin(w·x + b) is multiplied by a number, the operator's symbol; frequencies
    are drawn on the surface where that is 0: of Helmholtz a circle, of waves a cone.

    Args:
        problem: traced.
        count: how many at most.
        radii: about how far frequencies reach by each axis.
        draw: random numbers.

    Returns:
        In normalised coordinates; None where there are none.
    """
    terms = _symbol(problem)
    if terms is None:
        return None
    axes, found = len(radii), []
    for _ in range(count):
        axis = int(draw.integers(axes))
        guess = draw.uniform(-1, 1, axes) * np.array(radii)
        roots = _roots(terms, axis, guess)
        roots = roots[np.abs(roots) <= _REACH * radii[axis]]
        if len(roots):
            guess[axis] = draw.choice(roots)
            found.append(guess)
    return np.array(found) if len(found) > count // 8 else None


def _symbol(problem: Problem) -> list[tuple[Orders, float]] | None:
    """Orders and coefficients in normalised coordinates; None where sines are no eigenfunctions."""
    symbols, residuals = problem.symbols, problem.conditions[0].residuals
    if not problem.linear or len(residuals) != 1 or problem.domain.channels != 1:
        return None
    half = [(axis.high - axis.low) / 2 for axis in problem.domain.axes]
    terms = []
    for jet in symbols.jets_of(residuals[0]):
        _, orders = symbols.jets[jet]
        slope = sympy.diff(residuals[0], jet)
        if not slope.is_number or sum(orders) % 2:
            return None
        terms.append((orders, float(slope) / float(np.prod(np.array(half) ** np.array(orders)))))
    return terms


def _roots(terms: Sequence[tuple[Orders, float]], axis: int, others: np.ndarray) -> np.ndarray:
    """Real frequencies by one axis for which the symbol is 0, given those by the others."""
    powers: dict[int, float] = {}
    for orders, slope in terms:
        sign = (-1) ** (sum(orders) // 2)
        rest = np.prod([others[each] ** order for each, order in enumerate(orders) if each != axis])
        powers[orders[axis]] = powers.get(orders[axis], 0.0) + sign * slope * float(rest)
    top = max(powers)
    if top == 0:
        return np.zeros(0)
    roots = np.roots([powers.get(power, 0.0) for power in range(top, -1, -1)])
    return roots[np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots))].real
