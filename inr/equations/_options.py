"""How an equation is solved: settings with their defaults."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inr._errors import InrError
from inr.field import Spec

SOLVERS = ("auto", "closed-form", "steps")


@dataclass(frozen=True)
class SolveOptions:
    """How an equation is solved.

    Attributes:
        solver: "closed-form" or "steps"; "auto": closed forms where residuals become small.
        hard: conditions that hold by construction: True for all that can, or their places.
        periodic: axes by which the solution has the period of their extent.
        values: lowest and highest value to expect, in own units, for steps; None: from the conditions.
        weights: of conditions by place; "equation" is the equation's own. 1 where not given. Where gradients are
            balanced, their sizes are brought to the ratio of these weights.
        tolerance: of relative residual and of what float32 costs, with which a closed form is content.
        features: the most functions of a closed form.
        seconds: for all of a closed form, about (None: 20); or of steps, for themselves; or for both, where steps
            follow the closed form of an equation that is not linear.
        steps: None: 5,000, where no seconds are given.
        batch: points a step.
        encoding, activation, network: parts for steps; None: identity (with Fourier features by axes that are
            periodic), sine:omega=10 and mlp:depth=4,width=64.
        learning_rate, optimiser, engine: of steps.
        balance: whether gradients of conditions are kept at one size.
        adaptive: whether points of the equation are drawn where its residual is large.
        seed: of all that is drawn, from 0 to 2^32 - 1.
    """

    solver: str = "auto"
    hard: bool | str | Sequence[str] = False
    periodic: str | Sequence[str] = ()
    values: tuple[float, float] | None = None
    weights: Mapping[str, float] | None = None
    tolerance: float = 4e-7
    features: int = 3_000
    seconds: float | None = None
    steps: int | None = None
    batch: int = 2_048
    encoding: Spec | None = None
    activation: Spec | None = None
    network: Spec | None = None
    learning_rate: float = 3e-3
    optimiser: str = "soap"
    engine: Spec = "auto"
    balance: bool = True
    adaptive: bool = True
    seed: int = 0

    @property
    def wants_steps(self) -> bool:
        """Whether something was given that only steps have a use for."""
        given = (self.encoding, self.activation, self.network, self.steps)
        return any(each is not None for each in given)


def solve_options(**options: object) -> SolveOptions:
    """Settings that were given, checked.

    Args:
        options: by the names of the attributes of `SolveOptions`.

    Raises:
        InrError: a setting that is not known or out of range, or a solver.
    """
    known = SolveOptions.__dataclass_fields__
    for name in options:
        if name not in known:
            raise InrError(f"solve has no setting '{name}'; known: {', '.join(known)}")
    found = SolveOptions(**options)  # type: ignore[arg-type]
    if found.solver not in SOLVERS:
        raise InrError(f"solver is one of {', '.join(SOLVERS)}, not '{found.solver}'")
    for name, least in (("steps", 1), ("batch", 8), ("features", 8)):
        value = getattr(found, name)
        if value is not None and not value >= least:
            raise InrError(f"{name} is a number from {least} on, not {value:g}")
    for name in ("seconds", "tolerance"):
        value = getattr(found, name)
        if value is not None and not 0 < value < math.inf:
            raise InrError(f"{name} is a positive number, not {value:g}")
    return found
