"""Choosing an engine for a field."""

from inr._errors import InrError
from inr._parts import format_spec, parse_spec
from inr.engines._base import Engine, Objective, Plan, engines
from inr.field import Field, Spec

# fastest first; the last one runs everything
PREFERENCE = ("cpu", "eager")


def plan(field: Field, objective: Objective | None = None, engine: Spec = "auto") -> tuple[str, Plan]:
    """The name of the engine that will run a field, and its plan.

    Args:
        objective: what is minimised; None for a plan that only evaluates the field.
        engine: a registered name, with options as in "cpu:threads=2"; or "auto": the fastest that can, whose
            plan then notes why the faster ones cannot.

    Raises:
        InrError: an unknown engine or option, an engine that this machine lacks, or one that cannot run this field.
    """
    if engine == "auto":
        return _fastest(field, objective)
    chosen: Engine = engines.build(engine)
    spelled = format_spec(parse_spec(engine))
    reason = chosen.unavailable()
    if reason is not None:
        raise InrError(f"engine '{spelled}' is not available: {reason}")
    ready = chosen.plan(field, objective)
    if isinstance(ready, str):
        raise InrError(f"engine '{spelled}' cannot run this field: {ready}; use --engine auto")
    return parse_spec(engine)["name"], ready


def _fastest(field: Field, objective: Objective | None) -> tuple[str, Plan]:
    notes: list[str] = []
    for name in PREFERENCE:
        chosen: Engine = engines.build(name)
        if chosen.unavailable() is not None:  # `inr doctor` tells
            continue
        ready = chosen.plan(field, objective)
        if not isinstance(ready, str):
            ready.notes = (*notes, *ready.notes)
            return name, ready
        notes.append(f"engine '{name}' cannot run this field: {ready}")
    raise InrError(f"no engine can run this field: {'; '.join(notes)}")
