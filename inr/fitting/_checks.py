"""What is refused before a fit begins."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from inr._errors import InrError
from inr.engines import AnyObjective, Local
from inr.field import MAX_FILE_BYTES, Field
from inr.fitting._adjustments import adjustments
from inr.fitting._defaults import Setup
from inr.fitting._make_optimiser import OPTIMISERS
from inr.fitting._parameter_groups import resolve_learning_rates
from inr.fitting._schedules import SCHEDULES
from inr.objectives import objectives
from inr.signals import Signal
from inr.teaching import teachers


def check_setup(setup: Setup, seed: int) -> None:
    """Refuse numbers that no fit can work with."""
    if setup.batch is not None and setup.batch < 1:
        raise InrError(f"a batch needs at least 1 sample, got {setup.batch}")
    if setup.schedule not in SCHEDULES:
        raise InrError(f"unknown schedule '{setup.schedule}'; known: {', '.join(SCHEDULES)}")
    if setup.optimiser not in OPTIMISERS:
        raise InrError(f"unknown optimiser '{setup.optimiser}'; known: {', '.join(OPTIMISERS)}")
    check_seed(seed)


def check_seed(seed: int) -> None:
    """Refuse a seed that random numbers cannot begin with.

    Raises:
        InrError: it does not lie between 0 and 2^32 - 1.
    """
    if not 0 <= seed < 2**32:
        raise InrError(f"a seed lies between 0 and 2^32 - 1, got {seed}")


def check_buildable(signal: Signal, setup: Setup, seed: int) -> None:
    """Refuse a setup of which no field can be made, in milliseconds: nothing takes memory, and nothing is drawn.

    Args:
        signal: what is represented.
        setup: parts, batch, schedule and optimiser.
        seed: of the fit.

    Raises:
        InrError: unknown parts or parameters, parts that do not go together, too large a field, or numbers that no fit
            can work with.
    """
    check_setup(setup, seed)
    teachers.build(setup.teacher).check(signal)
    objective = objectives.build(setup.objective, signal)
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        field = Field.build(signal.domain, encoding=setup.encoding, activation=setup.activation, network=setup.network)
    check_size(field)
    check_derivatives(field, objective)
    if setup.adjust is not None:
        adjustments.build(setup.adjust).check(field, signal, objective)
    resolve_learning_rates(field, setup.learning_rate)


def check_smooth(field: Field, order: int, what: str) -> None:
    """Refuse a field that has not the derivatives that something reads.

    Args:
        field: that is to be fitted.
        order: the highest order of a derivative.
        what: reads it, in words.

    Raises:
        InrError: with the part at fault, and the nearest that has them.
    """
    parts: list[tuple[str, Any, str]] = [
        ("activation", field.network.activation, "sine, which has all"),
        ("encoding", field.encoding, "identity or fourier, or a grid with interpolation=quintic (second order)"),
    ]
    for kind, part, instead in parts:
        if order > part.smoothness + 1 or (order > 1 and order > part.smoothness):
            name = part.config()["name"]
            orders = "has no derivative" if part.smoothness < 1 else f"has derivatives up to order {part.smoothness:g}"
            if kind == "activation" and name == "relu":
                instead = "softplus or sine, which have all"
            raise InrError(f"{what}, and {kind} '{name}' {orders} without kinks: take {instead}")


def check_derivatives(field: Field, objective: AnyObjective) -> None:
    """Refuse a field that has not the derivatives that a loss reads.

    Args:
        field: that is to be fitted.
        objective: the loss.

    Raises:
        InrError: as of `check_smooth`.
    """
    if isinstance(objective, Local):
        order = max(term.reads.order for term in objective.terms)
        check_smooth(field, order, f"the loss reads derivatives of order {order}")


def check_size(field: Field) -> None:
    """Refuse a field whose file could not be loaded again under the default bound."""
    needed = 4 * field.parameter_count
    if needed > MAX_FILE_BYTES:
        raise InrError(
            f"a field of {field.parameter_count:,} parameters takes {needed / 2**30:.1f} GiB, more than the "
            f"{MAX_FILE_BYTES / 2**30:g} GiB of a file; use fewer levels, a smaller table or narrower layers"
        )


def check_start(field: Field, start: Mapping[str, Tensor]) -> None:
    """Refuse weights that are another field's, naming the first that differs."""
    state = field.state_dict()
    for name in sorted(state.keys() | start.keys()):
        ours, given = (tuple(each[name].shape) if name in each else None for each in (state, start))
        if ours != given:
            raise InrError(f"these weights do not begin this field: {name} is {given}, not {ours}")


def check_horizon(field: Field, steps: int) -> None:
    """Refuse a number of steps in which the encoding cannot open all its features."""
    needed = field.encoding.min_steps
    if steps < needed:
        name = field.encoding.config()["name"]
        raise InrError(
            f"encoding '{name}' needs at least {needed} steps to open all its features, the budget gives "
            f"{steps}; raise the budget or lower num_blocks"
        )
