"""Which frequencies an equation asks for: how they stand to each other by axes, and those that solve it themselves."""

from collections.abc import Sequence

import numpy as np
import sympy
from jaxtyping import Float64

from inr.equations._linearised import broadcast, compiled
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
    half = [abs(axis.high - axis.low) / 2 for axis in problem.domain.axes]
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


def characteristic_frequencies(
    problem: Problem, count: int, radii: Sequence[float], draw: np.random.Generator
) -> Float64[np.ndarray, "m d"] | None:
    """Frequencies of sines that satisfy the equation without its source, at least around some point.

    Where all derivatives are of even order, sin(w·x + b) is multiplied by a number, the operator's symbol; frequencies
    are drawn on the surface where that is 0: of Helmholtz a circle, of waves a cone. Coefficients that vary are taken
    as they are at random points.

    Args:
        problem: traced.
        count: how many at most.
        radii: about how far frequencies reach by each axis.
        draw: random numbers.

    Returns:
        In normalised coordinates; None where there are none, or few.
    """
    if not problem.linear or len(problem.unknowns) != 1:
        return None
    axes, found = len(radii), []
    orders, slopes = _symbols(problem, draw.uniform(-1, 1, (count, axes)))
    odd = np.array([sum(each) % 2 for each in orders], bool)
    for own in slopes.T:
        axis = int(draw.integers(axes))
        guess = draw.uniform(-1, 1, axes) * np.array(radii)
        if np.abs(own[odd]).max(initial=0.0) > 0:
            continue
        roots = _roots([(each, slope) for each, slope in zip(orders, own, strict=True) if slope], axis, guess)
        roots = roots[np.abs(roots) <= _REACH * radii[axis]]
        if len(roots):
            guess[axis] = draw.choice(roots)
            found.append(guess)
    return np.array(found) if len(found) > count // 8 else None


def _symbols(problem: Problem, coords: np.ndarray) -> tuple[list[Orders], np.ndarray]:
    """Orders of what the equation reads of its first channel, and its coefficients at points (k, n), normalised."""
    symbols, residual = problem.symbols, problem.conditions[0].residuals[0]
    half = np.array([(axis.high - axis.low) / 2 for axis in problem.domain.axes])
    jets = [jet for jet in symbols.jets_of(residual) if symbols.jets[jet][0] == 0]
    orders = [symbols.jets[jet][1] for jet in jets]
    points = np.asarray(problem.domain.positions(coords))
    found = compiled([sympy.diff(residual, jet) for jet in jets], symbols.coords)(*points.T)
    sizes = [float(np.prod(half ** np.array(each))) for each in orders]
    return orders, np.stack(broadcast(found, len(points))) / np.array(sizes)[:, None]


def _roots(terms: Sequence[tuple[Orders, float]], axis: int, others: np.ndarray) -> np.ndarray:
    """Real frequencies by one axis for which the symbol is 0, given those by the others."""
    powers: dict[int, float] = {}
    for orders, slope in terms:
        sign = (-1) ** (sum(orders) // 2)
        rest = np.prod([others[each] ** order for each, order in enumerate(orders) if each != axis])
        powers[orders[axis]] = powers.get(orders[axis], 0.0) + sign * slope * float(rest)
    top = max(powers, default=0)
    if top == 0:
        return np.zeros(0)
    roots = np.roots([powers.get(power, 0.0) for power in range(top, -1, -1)])
    return roots[np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots))].real
