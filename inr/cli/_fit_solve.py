"""`inr fit --solver`: what a closed form takes, and what it hands to a fit by steps."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from inr._errors import InrError
from inr.cli._fit_report import Stopwatch

if TYPE_CHECKING:
    from inr import Field, Signal

Solver = Literal["adam", "soap", "closed-form"]
# parts of the only network that has a closed form
_ALONE = {"encoding": "identity", "activation": "linear"}
# Adam's, for steps from there: the squared error is at its least, and the network's own rate would leave it
FURTHER_RATE = 1e-3


def check_solver(solver: str, steps: bool, parts: Mapping[str, str | None], about_steps: Mapping[str, Any]) -> Solver:
    """The solver of a name.

    Args:
        solver: as typed.
        steps: whether steps are to follow a closed form.
        parts: encoding, activation and network, as typed.
        about_steps: what options that only steps heed were given, empty or None where they were not.

    Raises:
        InrError: an unknown solver, or an option that a closed form does not heed.
    """
    if solver == "adam":
        return "adam"
    if solver == "soap":
        return "soap"
    if solver != "closed-form":
        raise InrError(f"unknown solver '{solver}'; known: adam, soap, closed-form")
    for part, needed in _ALONE.items():
        if parts[part] not in (None, needed):
            raise InrError(f"the closed form is that of network kronecker with {part} {needed}; leave out --{part}")
    for option, value in {} if steps else about_steps.items():
        if value:
            raise InrError(f"--{option} is about steps, and a closed form takes none; give --steps to go on from it")
    return "closed-form"


def solve(source: "Signal", network: str | None, seed: int, watch: Stopwatch) -> "Field":
    """The field in closed form; its time is booked."""
    from inr.fitting import solved

    with watch.lap("solving"):
        return solved(source, network=network or "kronecker", seed=seed)


def starting_from(field: "Field", settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a fit that goes on from a field in closed form."""
    rate = settings["learning_rate"]
    return {
        **settings,
        **field.config(),
        "learning_rate": FURTHER_RATE if rate is None else rate,
        "start": field.state_dict(),
    }
