"""Setting up the fit of a field to an equation, and what comes of it."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import sympy
import torch

from inr.engines import plan as make_plan
from inr.equations._collocation import CollocationFit, counts
from inr.equations._eager import EagerLoss, NestedPlan
from inr.equations._fields import conditioned, units_of, wrapped
from inr.equations._linearised import broadcast, compiled
from inr.equations._numbers import WithNumbers
from inr.equations._objective import Drawn, EquationLoss
from inr.equations._options import SolveOptions
from inr.equations._problem import Condition, Problem
from inr.equations._terms import NoTerm, Units
from inr.field import Field
from inr.fitting import Budget, Fitter, Setup, check_smooth
from inr.signals import ValueMap

_POOL = 16  # times the points of a step
_STEPS = 5_000


def collocation_fit(
    problem: Problem,
    options: SolveOptions,
    *,
    checkpoint: Path | None = None,
    every: float = 60.0,
    resume: bool = False,
) -> CollocationFit:
    """A fit of a field to an equation, which has not taken a step yet, or goes on from a checkpoint.

    Args:
        problem: the equation.
        options: how it is solved.
        checkpoint, every, resume: as of `inr.Fitter`.

    Raises:
        InrError: parts that have not the derivatives that the equation reads, or that do not go together; a checkpoint
            of another fit.
    """
    inner, wrapping = wrapped(problem, options)
    domain = replace(problem.domain, values=_expected(problem, options))
    inner = replace(inner, domain=domain)
    units = units_of(inner, wrapping)
    setup = _setup(problem, options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        field = Field.build(domain, encoding=setup.encoding, activation=setup.activation, network=setup.network)
    check_smooth(field, problem.order, f"the equation has order {problem.order}")
    pools, shares = counts(options.batch, len(inner.conditions), _POOL)
    weights = [(options.weights or {}).get(condition.name, 1.0) for condition in inner.conditions]
    loss, plan = _loss(inner, units, field, Drawn(pools, shares, weights, options.seed))
    parametrisation = WithNumbers(problem.numbers, comparable=not options.balance)
    fitter = Fitter(
        loss.pool, setup, Budget(steps=options.steps or (None if options.seconds else _STEPS), seconds=options.seconds),
        engine=options.engine, seed=options.seed, objective=loss, parametrisation=parametrisation, field=field,
        plan=plan, checkpoint=checkpoint, every=every, resume=resume,
        about={
            "equation": inner.identity,
            "weights of conditions": {"first": weights, "balance": options.balance, "adaptive": options.adaptive},
        },
    )  # fmt: skip
    return CollocationFit(
        fitter, loss, given=weights, balance=options.balance, adaptive=options.adaptive, seed=options.seed
    )


def _loss(inner: Problem, units: Units, field: Field, drawn: Drawn) -> tuple[Any, Any]:
    """The loss, and the plan that runs it where no engine has kernels for it."""
    why = ""
    if inner.traced:
        try:
            return EquationLoss(inner, units, drawn), None
        except NoTerm as error:
            why = f"{error}: it runs in eager torch, by nested differentiation"
    else:
        why = f"the equation cannot be traced ({inner.why}): it runs in eager torch, by nested differentiation"
    loss = EagerLoss(inner, units, drawn)
    _, eager = make_plan(field, None, "eager")
    return loss, ("eager", NestedPlan(eager, field, loss, why))


def _setup(problem: Problem, options: SolveOptions) -> Setup:
    """Parts and settings of the fit."""
    encoding: Any = options.encoding
    if encoding is None:
        encoding = "identity"
        names = [axis.name for axis in problem.domain.axes]
        if options.periodic:
            letters = [("xyz"[place], name in options.periodic) for place, name in enumerate(names)]
            letters[-1] = ("t", letters[-1][1]) if len(names) == 4 else letters[-1]
            encoding = {"name": "per-axis"} | {
                letter: {"name": "fourier", "kind": "basic"} if wraps else {"name": "identity"}
                for letter, wraps in letters
            }
    return Setup(
        encoding, options.activation or "sine:omega=10", options.network or "mlp:depth=4,width=64", batch=options.batch,
        teacher="sets", learning_rate=options.learning_rate, optimiser=options.optimiser,
    )  # fmt: skip


def _expected(problem: Problem, options: SolveOptions) -> ValueMap:
    """The map of values for steps: as given, or as wide as what conditions say."""
    channels = problem.domain.channels
    if options.values is not None:
        low, high = options.values
        return ValueMap((float(low),) * channels, (float(high),) * channels)
    seen: list[list[float]] = [[] for _ in range(channels)]
    for condition in problem.conditions[1:]:
        if condition.place.known is not None:
            for channel, column in enumerate(condition.place.known.T):
                seen[channel] += [] if np.isnan(column).all() else [float(column.min()), float(column.max())]
        for residual in condition.residuals:
            _collect(residual, condition, problem, seen)
    sizes = [max(map(abs, each), default=0.0) for each in seen]
    usual = max(sizes) or 1.0
    sizes = [size if size > 1e-9 * usual else usual for size in sizes]
    return ValueMap(tuple(-size for size in sizes), tuple(sizes))


def _collect(residual: sympy.Expr, condition: Condition, problem: Problem, seen: list[list[float]]) -> None:
    """The values that a condition asks for, where it is one of the form a u = b."""
    symbols = problem.symbols
    jets = symbols.jets_of(residual)
    if len(jets) != 1 or any(symbols.jets[jets[0]][1]) or condition.place.known is not None:
        return
    slope = sympy.diff(residual, jets[0])
    if not slope.is_number or slope == 0 or residual.has(*symbols.numbers.values()):
        return
    points, _ = condition.place.draw(
        512, lambda n, d: np.random.default_rng(0).random((n, d)), (1.0,) * len(symbols.axes)
    )
    target = compiled([-(residual - slope * jets[0]) / slope], symbols.coords)(*points.T)
    values = broadcast(target, len(points))[0]
    if np.isfinite(values).all():
        seen[symbols.jets[jets[0]][0]] += [float(values.min()), float(values.max())]


def finished_field(fit: CollocationFit, problem: Problem, options: SolveOptions) -> Field:
    """The field of a fit that has ended, with its conditions around it, and what it came to.

    Args:
        fit: that was run.
        problem: the equation.
        options: how it was solved.
    """
    inner = fit.fitter.field
    _, wrapping = wrapped(problem, options)
    field = inner
    if wrapping is not None:
        stated = replace(problem, domain=inner.domain)
        config = inner.config()
        network = conditioned(config["network"], stated, wrapping, units_of(stated, wrapping))
        field = Field.build(inner.domain, **{**config, "network": network})
        field.encoding.load_state_dict(inner.encoding.state_dict())
        field.network.over.load_state_dict(inner.network.state_dict())  # type: ignore[union-attr]
    field.fit = dict(inner.fit)
    field.metrics = {"residual": math.sqrt(max(fit.residual(), 0.0))}
    if numbers := fit.numbers():
        field.fit["numbers"] = numbers
    return field.eval()
