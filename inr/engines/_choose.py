"""Choosing an engine for a field."""

from inr._errors import InrError
from inr._parts import format_spec, parse_spec
from inr.engines._base import Engine, Plan, engines
from inr.engines._eager import Eager
from inr.engines._objectives import AnyObjective
from inr.field import Field, Spec


def plan(field: Field, objective: AnyObjective | None = None, engine: Spec = "auto") -> tuple[str, Plan]:
    """The name of the engine that will run a field, and its plan.

    Args:
        field: the field to be run.
        objective: what is minimised; None for a plan that only evaluates the field.
        engine: a registered name, with options as in "cpu:threads=2"; or "auto": the fastest that can, whose
            plan then notes why the faster ones cannot.

    Returns:
        The engine's name, and the field's plan on it.

    Raises:
        InrError: an unknown engine or option, an engine that this machine lacks, or one that cannot run this field.

    >>> signal = inr.Signal.from_array(np.zeros((8, 8, 3), np.uint8))
    >>> field = inr.Field.build(signal.domain, encoding="identity", activation="sine", network="mlp:depth=2,width=16")
    >>> name, ready = inr.engines.plan(field, engine="cpu:threads=1")
    >>> weights = dict(field.named_parameters())
    >>> name, ready.forward(weights, torch.zeros(5, 2)).shape
    ('cpu', torch.Size([5, 3]))
    """
    if engine == "auto":
        return _fastest(field, objective)
    chosen: Engine = engines.build(engine)
    spelled = format_spec(parse_spec(engine))
    reason = chosen.unavailable()
    if reason is not None:
        raise InrError(f"engine '{spelled}' is not available: {reason}")
    ready = _planned(chosen, field, objective)
    if isinstance(ready, str):
        raise InrError(f"engine '{spelled}' cannot run this field: {ready}; use --engine auto")
    return parse_spec(engine)["name"], ready


def by_priority() -> list[str]:
    """The engines that "auto" may take, the one that it tries first in front."""
    declared = {name: engines.info(name).cls.priority for name in engines.names()}
    return sorted((name for name, each in declared.items() if each is not None), key=lambda name: -declared[name])


def automatic() -> tuple[str, str]:
    """What "auto" does on this machine, as `inr doctor` prints it.

    Returns:
        What it takes first and why; and what it takes for fields that this one cannot run.
    """
    names = by_priority()
    present = [name for name in names if _refusal(name) is None]
    passed = [f"{name} {_refusal(name)}" for name in names[: names.index(present[0])]]
    first = f"{present[0]}, the fastest that can run here" + (f" ({'; '.join(passed)})" if passed else "")
    others = f"{', then '.join(present[1:])}, for fields that {present[0]} cannot run"
    return first, others if present[1:] else "nothing"


def _refusal(name: str) -> str | None:
    """Why "auto" does not take an engine, whatever the field, in a few words; None where it may."""
    chosen: Engine = engines.build(name)
    if chosen.unavailable() is not None:
        return "is not available"
    return chosen.passed_over()


def _planned(chosen: Engine, field: Field, objective: AnyObjective | None) -> Plan | str:
    """An engine's plan, or why there is none. Kernels know nothing of hooks, by which pruning works for one."""
    hooked = (name for name, each in field.named_modules() if each._forward_hooks or each._forward_pre_hooks)
    if not isinstance(chosen, Eager) and (name := next(hooked, None)) is not None:
        return f"{name or 'it'} has hooks, which only eager calls"
    return chosen.plan(field, objective)


def _fastest(field: Field, objective: AnyObjective | None) -> tuple[str, Plan]:
    notes: list[str] = []
    for name in by_priority():
        if _refusal(name) is not None:  # `inr doctor` tells
            continue
        chosen: Engine = engines.build(name)
        ready = _planned(chosen, field, objective)
        if not isinstance(ready, str):
            ready.notes = (*notes, *ready.notes)
            return name, ready
        if field.parameter_count:  # samples are interpolated, which needs no kernels
            notes.append(f"engine '{name}' cannot run this field: {ready}")
    raise InrError(f"no engine can run this field: {'; '.join(notes)}")
