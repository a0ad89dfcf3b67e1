"""Which engine takes the steps of a set's fits."""

from typing import Literal, get_args

from inr._errors import InrError
from inr.engines import Engine, engines
from inr.sets._groups import whole_fit
from inr.sets._recipe import Recipe, StepEngine
from inr.signals import Signal

SetEngine = Literal["auto", "cpu", "triton"]


def check_engine(wanted: str, on: str | None) -> None:
    """Refuse what is no engine of sets, or not there.

    Args:
        wanted: what the user says.
        on: the cluster that is to fit.

    Raises:
        InrError: in a line.
    """
    if wanted not in get_args(SetEngine):
        raise InrError(f"the fields of a set are fitted by engine {', '.join(get_args(SetEngine))}, not '{wanted}'")
    if wanted == "triton":
        if on is not None:
            raise InrError("tasks of a cluster have a core each, and engine 'triton' a GPU: leave out one of the two")
        if (reason := _triton().unavailable()) is not None:
            raise InrError(f"engine 'triton' is not available: {reason}")


def choose_engine(wanted: str, recipe: Recipe, name: str, signal: Signal) -> tuple[StepEngine, str]:
    """The engine of a set, and why it is not the GPU's though there is one, in a line; "" where that is no wonder.

    Args:
        wanted: what the user says, which `check_engine` has nothing against.
        recipe: of the set. name, signal: the first of its signals.

    Raises:
        InrError: a set that the engine that is asked for cannot fit.
    """
    if wanted == "cpu" or (wanted == "auto" and (_triton().unavailable() or _triton().passed_over())):
        return "cpu", ""
    found = whole_fit(recipe, name, recipe.learned(signal))
    if not isinstance(found, str):
        return "triton", ""
    if wanted == "triton":
        raise InrError(f"engine 'triton' cannot fit this set: {found}; use engine 'auto'")
    return "cpu", f"fitted by the processor's cores, not the GPU: {found}"


def _triton() -> Engine:
    found: Engine = engines.build("triton")
    return found
