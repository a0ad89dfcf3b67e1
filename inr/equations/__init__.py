"""Equations: differential equations solved for a field, in closed form or by steps."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.equations._objective import EquationLoss as EquationLoss
    from inr.equations._problem import Problem as Problem
    from inr.equations._solve import How as How
    from inr.equations._solve import closed_form as closed_form
    from inr.equations._solve import finished as finished
    from inr.equations._solve import made as made
    from inr.equations._solve import solve as solve
    from inr.equations._solve import solved as solved
    from inr.equations._solve import stepping as stepping
    from inr.equations._stating import state as state
    from inr.equations._steps import Course as Course
    from inr.equations._tracing import Channel as Channel

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Channel": "._tracing",
        "Course": "._steps",
        "EquationLoss": "._objective",
        "How": "._solve",
        "Problem": "._problem",
        "closed_form": "._solve",
        "finished": "._solve",
        "made": "._solve",
        "solve": "._solve",
        "solved": "._solve",
        "state": "._stating",
        "stepping": "._solve",
    },
)
