"""How far a field is from a solution that is known."""

from collections.abc import Callable

import numpy as np

from inr._errors import InrError
from inr._expressions import Expression
from inr.equations._problem import Problem
from inr.equations._tracing import FUNCTIONS
from inr.field import Field

Exact = Callable[[np.ndarray], np.ndarray]
_POINTS, _TRIED = 20_000, 1_000


def known_solution(text: str, problem: Problem) -> Exact:
    """A solution as a function of points.

    Args:
        text: formulas of the axes, one for each channel, parted by semicolons.
        problem: that it solves.

    Returns:
        (n, d) in own units to (n, c).

    Raises:
        InrError: no formula, other names than the axes, another number of formulas than of channels, or values that are
            not finite.
    """
    formulas = [Expression(part) for part in text.split(";")]
    axes = [axis.name for axis in problem.domain.axes]
    for each in formulas:
        each.check(axes, ", ".join(axes))
    if len(formulas) != len(problem.unknowns):
        raise InrError(f"the solution has {len(problem.unknowns)} channels, and {len(formulas)} formulas are given")

    def exact(points: np.ndarray) -> np.ndarray:
        columns = []
        for each, unknown in zip(formulas, problem.unknowns, strict=True):
            found = each.evaluate(FUNCTIONS, dict(zip(axes, points.T, strict=True))) + np.zeros(len(points))
            columns += [np.real(found), np.imag(found)] if unknown.is_complex else [found]
        return np.stack(columns, 1)

    with np.errstate(all="ignore"):
        values = exact(problem.domain.positions(np.random.default_rng(0).uniform(-1, 1, (_TRIED, len(axes)))))
    if not np.isfinite(values).all():
        raise InrError(f"'{text}' is not a finite number everywhere in the domain: write a solution that is")
    return exact


def relative_errors(
    field: Field, exact: Exact, within: Callable[[np.ndarray], np.ndarray] | None = None
) -> dict[str, float]:
    """Errors of a field at random points, relative to the solution.

    Args:
        field: that was solved for.
        exact: points (n, d) in own units to values (n, c), of the first channels where there are more.
        within: points to where it is compared, bool (n,); everywhere where None.

    Returns:
        "relative_l2", the root mean squares' ratio; and "relative_max", the largest error by the largest value.
    """
    draw = np.random.default_rng(12_345)
    points = np.asarray(field.domain.positions(draw.uniform(-1, 1, (_POINTS, field.domain.in_dim))))
    points = points if within is None else points[within(points)]
    truth = exact(points)
    missed = np.asarray(field.at(points), np.float64)[:, : truth.shape[1]] - truth
    top = float(np.abs(truth).max()) or 1.0
    return {
        "relative_l2": float(np.sqrt((missed**2).sum() / max((truth**2).sum(), 1e-300))),
        "relative_max": float(np.abs(missed).max()) / top,
    }
