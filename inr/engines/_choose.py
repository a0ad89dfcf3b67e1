"""Choosing an engine for a field."""

from inr._errors import InrError
from inr.engines._base import Engine, Objective, Plan, engines
from inr.field import Field

# fastest first; the last one runs everything
PREFERENCE = ("eager",)


def plan(field: Field, objective: Objective, engine: str = "auto") -> tuple[str, Plan]:
    """The name of the engine that will run a field, and its plan.

    Args:
        engine: a registered name, or "auto": the fastest that can.

    Raises:
        InrError: an unknown engine, one that this machine lacks, or one that cannot run this field.
    """
    if engine == "auto":
        for name in PREFERENCE:
            chosen: Engine = engines.build(name)
            ready = chosen.plan(field, objective) if chosen.unavailable() is None else ""
            if not isinstance(ready, str):
                return name, ready
    chosen = engines.build(engine)
    reason = chosen.unavailable()
    if reason is not None:
        raise InrError(f"engine '{engine}' is not available: {reason}")
    ready = chosen.plan(field, objective)
    if isinstance(ready, str):
        raise InrError(f"engine '{engine}' cannot run this field: {ready}; use --engine auto")
    return engine, ready
