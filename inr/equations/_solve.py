"""Solving differential equations for a field."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from inr._errors import InrError
from inr._parts import parse_spec
from inr.engines import plan as make_plan
from inr.equations._closed_form import ClosedForm, Solution
from inr.equations._eager import EagerLoss, NestedPlan
from inr.equations._hard import Wrapping, as_text, wrap
from inr.equations._numbers import WithNumbers
from inr.equations._objective import EquationLoss
from inr.equations._problem import Problem
from inr.equations._rows import broadcast, compiled
from inr.equations._stating import Given, state
from inr.equations._steps import Course, counts
from inr.equations._terms import NoTerm, Units
from inr.field import Field, Spec
from inr.fitting import Budget, Fitter, Setup, stopping_on_interrupt
from inr.signals import ValueMap

Tell = Callable[[str], None]
TOLERANCE = 5e-7  # of relative residual and of what float32 costs, with which a closed form is content
_CONTENT = 1e-4  # residual with which the closed form of an equation that is not linear is taken
_POOL = 16  # times the points of a step
_STEPS, _BATCH, _RATE = 5_000, 2_048, 3e-3


@dataclass(frozen=True)
class How:
    """How an equation is solved; see `solve`."""

    solver: str = "auto"
    hard: bool | Sequence[str] = False
    periodic: str | Sequence[str] = ()
    values: tuple[float, float] | None = None
    weights: Mapping[str, float] | None = None
    tolerance: float = TOLERANCE
    features: int = 3_000
    steps: int | None = None
    seconds: float | None = None
    batch: int = _BATCH
    encoding: Spec | None = None
    activation: Spec | None = None
    network: Spec | None = None
    learning_rate: float = _RATE
    optimiser: str = "soap"
    balance: bool = True
    adaptive: bool = True
    engine: Spec = "auto"
    seed: int = 0

    @property
    def chooses_parts(self) -> bool:
        """Whether parts or a budget were given that only steps have a use for."""
        given = (self.encoding, self.activation, self.network, self.steps)
        return any(each is not None for each in given)


def solve(
    residual: Given,
    *,
    domain: str,
    channels: str | Sequence[str] = "u",
    where: Mapping[str, Given] | None = None,
    unknown: Mapping[str, float] | None = None,
    data: tuple[Any, Any] | None = None,
    tell: Tell | None = None,
    **how: Any,
) -> Field:
    """Solve a differential equation: find the field whose residual is 0 in a domain, and that meets conditions.

    The equation is a plain function of channels and of what there is at points. It is called once with symbols, from
    which follows what it reads of the field, and whether it is linear: then it has a closed form, and there are no
    steps. Names of derivatives are those of the axes: `u.t`, `u.xx`, `u.xt`; `u.lap` and `u.grad` are by all axes but
    t. Functions are those of `inr.equations` (`sin`, `exp` …), or torch's, numpy's or sympy's.

    Args:
        residual: what is to be 0: one number at each point or several, as a tuple. Or text, as "u_xx + u_yy + 400*u".
        domain: axes with their ranges in own units, as "x=-1..1,t=0..1".
        channels: names of the unknown functions, as "u" or "u,v,p"; "u:complex" for a complex one.
        where: what is to be 0 at places: {"t=0": lambda u, at: u + sin(pi * at.x), "x=-1|x=1": "u"}. Places are faces
            and edges by the axes that are fixed; "boundary" is all faces of all axes but t, "initial" the beginning
            of t. Text that names no channel is its value there.
        unknown: numbers to be found besides, with first guesses: {"nu": 0.05}. Functions take them by name.
        data: points (n, d) and values (n, c) that were measured, in own units.
        tell: is told how it goes, a line at a time.
        how: what else there is to say:

            solver ("auto"): "closed-form" or "steps"; not given, closed forms where residuals become small.
            hard (False): conditions that hold by construction: True for all that can, or their places.
            periodic (""): axes by which the solution has the period of their extent.
            values: lowest and highest value to expect, in own units, for steps.
            weights: of conditions, by place; "equation" is the equation's own. 1 where not given.
            tolerance, features (3,000), seconds (20): of closed forms: when to be content, and the most to be tried.
            steps (5,000), seconds, batch (2,048), optimiser ("soap"), learning_rate (3e-3), encoding, activation,
            network, engine: of steps.
            balance, adaptive (True): whether gradients of conditions are kept at one size, and whether points are
            drawn where residuals are large.
            seed (0).

    Returns:
        The field, in own units by `field.at` and `field.render`. Its metrics hold the relative residual, and its `fit`
        how it was found, with the numbers that were.

    Raises:
        InrError: what cannot be solved, in words.

    >>> field = inr.equations.solve("u_xx + u_yy", domain="x=0..1,y=0..1", where={"boundary": "x^2 - y^2"})
    >>> abs(float(field.at((0.5, 0.25))[0]) - 0.1875) < 1e-5
    True
    """
    problem = state(residual, domain=domain, channels=channels, where=where, unknown=unknown, data=data)
    return solved(problem, made(**how), tell or (lambda line: None))


def made(**how: Any) -> How:
    """Settings that were given, checked.

    Raises:
        InrError: a setting that is not known.
    """
    known = How.__dataclass_fields__
    for name in how:
        if name not in known:
            raise InrError(f"solve has no setting '{name}'; known: {', '.join(known)}")
    found = How(**how)
    if found.solver not in ("auto", "closed-form", "steps"):
        raise InrError(f"solver is auto, closed-form or steps, not '{found.solver}'")
    return found


def solved(problem: Problem, how: How, tell: Tell) -> Field:
    """What `solve` gives, of a problem that is stated.

    Args:
        problem: the equation.
        how: to solve it.
        tell: is told how it goes.
    """
    field = closed_form_if_content(problem, how, tell)
    if field is not None:
        return field
    course = stepping(problem, how)
    for note in course.fitter.plan.notes:
        tell(note)
    with stopping_on_interrupt(course.fitter):
        for event in course.run():
            if event.kind == "end" and event.reason != "steps":
                tell(event.message)
    return finished(course, problem, how)


def closed_form_if_content(problem: Problem, how: How, tell: Tell) -> Field | None:
    """The closed form where it is asked for, or where it is good enough; None where steps are to be taken.

    Args:
        problem: the equation.
        how: to solve it.
        tell: is told how it goes.

    Raises:
        InrError: a closed form of what has none.
    """
    if how.solver == "steps" or (how.solver == "auto" and (how.chooses_parts or not problem.traced)):
        return None
    if not problem.traced:
        raise InrError(f"no closed form, since the equation cannot be traced: {_why(problem)}; take solver=steps")
    field = closed_form(problem, how, tell)
    if problem.linear or how.solver == "closed-form" or field.metrics["residual"] < _CONTENT:
        return field
    tell(f"the closed form leaves a residual of {field.metrics['residual']:.1e}: going on by steps")
    return None


def _why(problem: Problem) -> str:
    return next(condition.why for condition in problem.conditions if condition.why)


def closed_form(problem: Problem, how: How, tell: Tell) -> Field:
    """Solve by least squares of random sine features.

    Args:
        problem: traced.
        how: to solve it.
        tell: is told of each try.

    Returns:
        A field of one hidden layer, float32.
    """
    inner, wrapping = wrapped(problem, how)
    periodic = [axis.name in how.periodic for axis in problem.domain.axes]
    solver = ClosedForm(inner, periodic=periodic, seed=how.seed, weights=how.weights)
    seconds = 20.0 if how.seconds is None else how.seconds
    solution = solver.run(tolerance=how.tolerance, features=how.features, seconds=seconds, tell=tell)
    field = _as_field(problem, wrapping, solution)
    field.metrics = {"residual": solution.residual, "rounding": solution.rounding}
    field.fit = {"optimiser": "closed-form", "seed": how.seed, "steps": 0, "features": solution.features.count}
    if problem.numbers:
        field.fit["numbers"] = dict(zip(problem.numbers, solution.numbers.tolist(), strict=True))
    return field.eval()


def wrapped(problem: Problem, how: How) -> tuple[Problem, Wrapping | None]:
    """The problem in terms of what the network gives.

    Args:
        problem: in terms of the field.
        how: which conditions hold by construction.
    """
    if not how.hard:
        return problem, None
    return wrap(problem, None if how.hard is True else [how.hard] if isinstance(how.hard, str) else list(how.hard))


def _as_field(problem: Problem, wrapping: Wrapping | None, solution: Solution) -> Field:
    features, weights = solution.features, solution.weights
    draw = np.random.default_rng(0)
    coords = draw.uniform(-1, 1, (4_096, problem.domain.in_dim))
    values = features.waves(coords)[0] @ weights
    if wrapping is not None:
        values = _offsets(wrapping.offsets, problem, coords) + _offsets(wrapping.factors, problem, coords) * values
    problem = replace(problem, domain=replace(problem.domain, values=_range(values)))
    units = units_of(problem, wrapping)
    field = Field.build(
        problem.domain, encoding="identity", activation="sine:omega=1",
        network=_network({"name": "mlp", "depth": 1, "width": features.count}, problem, wrapping, units),
    )  # fmt: skip
    first, last = (field.network.over if wrapping else field.network).layers  # type: ignore[union-attr, misc]
    with torch.no_grad():
        first.weight.copy_(torch.from_numpy(features.frequencies))
        first.bias.copy_(torch.from_numpy(features.phases))
        last.weight.copy_(torch.from_numpy((weights / np.array(units.scale)).T))
        last.bias.copy_(torch.tensor([-shift / scale for shift, scale in zip(units.shift, units.scale, strict=True)]))
    return field


def _range(values: np.ndarray) -> ValueMap:
    """The map of values that spans those that there are."""
    low, high = values.min(0), values.max(0)
    pad = np.where(high > low, 0.0, np.maximum(np.abs(low), 1.0))
    return ValueMap(tuple((low - pad).tolist()), tuple((high + pad).tolist()))


def _offsets(expressions: Sequence[Any], problem: Problem, coords: np.ndarray) -> np.ndarray:
    points = np.asarray(problem.domain.positions(coords))
    found = compiled(expressions, problem.symbols.coords)(*points.T)
    return np.stack(broadcast(found, len(points)), 1)


def units_of(problem: Problem, wrapping: Wrapping | None) -> Units:
    """From what the network gives to own units: a wrapped one gives values without their middle.

    Args:
        problem: whose domain has the map of values.
        wrapping: of the network, if any.
    """
    domain = problem.domain
    pairs = list(zip(domain.values.low, domain.values.high, strict=True))
    shift = tuple(0.0 if wrapping else (high + low) / 2 for low, high in pairs)
    half = tuple((axis.high - axis.low) / 2 for axis in domain.axes)
    return Units(half, tuple((high - low) / 2 for low, high in pairs), shift)


def _network(inner: Spec, problem: Problem, wrapping: Wrapping | None, units: Units) -> Spec:
    """The network of a field whose conditions hold by construction."""
    if wrapping is None:
        return inner
    domain, symbols = problem.domain, problem.symbols
    middle = [(high + low) / 2 for low, high in zip(domain.values.low, domain.values.high, strict=True)]
    offsets = [
        as_text(each, symbols, domain.axes, scale, shift)
        for each, scale, shift in zip(wrapping.offsets, units.scale, middle, strict=True)
    ]
    factors = [as_text(each, symbols, domain.axes, 1.0, 0.0) for each in wrapping.factors]
    return {
        "name": "conditioned", "over": parse_spec(inner), "offset": "; ".join(offsets), "factor": "; ".join(factors),
    }  # fmt: skip


def stepping(problem: Problem, how: How) -> Course:
    """A fit of a field to an equation, which has not taken a step yet.

    Args:
        problem: the equation.
        how: to solve it.

    Raises:
        InrError: parts that have not the derivatives that the equation reads, or that do not go together.
    """
    inner, wrapping = wrapped(problem, how)
    domain = replace(problem.domain, values=_expected(problem, how))
    inner = replace(inner, domain=domain)
    units = units_of(inner, wrapping)
    setup = _setup(problem, how)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        field = Field.build(domain, encoding=setup.encoding, activation=setup.activation, network=setup.network)
    check_smooth(field, problem)
    pools, shares = counts(how.batch, len(inner.conditions), _POOL)
    weights = [(how.weights or {}).get(condition.name, 1.0) for condition in inner.conditions]
    loss, plan = _loss(inner, units, field, (pools, shares, weights), how)
    parametrisation = WithNumbers(problem.numbers, comparable=not how.balance)
    fitter = Fitter(
        loss.pool, setup, Budget(steps=how.steps or (None if how.seconds else _STEPS), seconds=how.seconds),
        engine=how.engine, seed=how.seed, objective=loss, parametrisation=parametrisation, field=field, plan=plan,
    )  # type: ignore[arg-type]  # fmt: skip
    return Course(fitter, loss, balance=how.balance, adaptive=how.adaptive, seed=how.seed)


def _loss(inner: Problem, units: Units, field: Field, drawn: Any, how: How) -> tuple[Any, Any]:
    """The loss, and the plan that runs it where no engine has kernels for it."""
    why = ""
    if inner.traced:
        try:
            return EquationLoss(inner, units, *drawn, how.seed), None
        except NoTerm as error:
            why = f"{error}: it runs in eager torch, by nested differentiation"
    else:
        why = f"the equation cannot be traced ({_why(inner)}): it runs in eager torch, by nested differentiation"
    loss = EagerLoss(inner, units, *drawn, how.seed)
    _, eager = make_plan(field, None, "eager")
    return loss, ("eager", NestedPlan(eager, field, loss, why))


def _setup(problem: Problem, how: How) -> Setup:
    """Parts and settings of the fit."""
    encoding: Any = how.encoding
    if encoding is None:
        encoding = "identity"
        names = [axis.name for axis in problem.domain.axes]
        if how.periodic:
            letters = [("xyz"[place], name in how.periodic) for place, name in enumerate(names)]
            letters[-1] = ("t", letters[-1][1]) if len(names) == 4 else letters[-1]
            encoding = {"name": "per-axis"} | {
                letter: {"name": "fourier", "kind": "basic"} if wraps else {"name": "identity"}
                for letter, wraps in letters
            }
    return Setup(
        encoding, how.activation or "sine:omega=10", how.network or "mlp:depth=4,width=64", batch=how.batch,
        teacher="sets", learning_rate=how.learning_rate, optimiser=how.optimiser,
    )  # fmt: skip


def check_smooth(field: Field, problem: Problem) -> None:
    """Refuse a field that has not the derivatives that an equation reads.

    Args:
        field: that is to be fitted.
        problem: the equation.

    Raises:
        InrError: with the part at fault, and the nearest that has them.
    """
    parts: list[tuple[str, Any, str]] = [
        ("activation", field.network.activation, "sine, which has all"),
        ("encoding", field.encoding, "identity or fourier, or a grid with interpolation=smoothstep (first order)"),
    ]
    for kind, part, instead in parts:
        if problem.order > part.smoothness + 1 or (problem.order > 1 and problem.order > part.smoothness):
            name = part.config()["name"]
            orders = "no derivative" if part.smoothness < 1 else f"derivatives up to order {part.smoothness:g}"
            if kind == "activation" and name == "relu":
                instead = "softplus or sine, which have all"
            raise InrError(
                f"the equation has order {problem.order}, and {kind} '{name}' has {orders} without kinks; take {instead}"
            )


def _expected(problem: Problem, how: How) -> ValueMap:
    """The map of values for steps: as given, or as wide as what conditions say."""
    channels = problem.domain.channels
    if how.values is not None:
        low, high = how.values
        return ValueMap((float(low),) * channels, (float(high),) * channels)
    seen: list[list[float]] = [[] for _ in range(channels)]
    for condition in problem.conditions[1:]:
        if condition.place.known is not None:
            for channel, column in enumerate(condition.place.known.T):
                seen[channel] += [float(column.min()), float(column.max())]
        for residual in condition.residuals:
            _collect(residual, condition, problem, seen)
    sizes = [max(map(abs, each), default=0.0) for each in seen]
    usual = max(sizes) or 1.0
    sizes = [size if size > 1e-9 * usual else usual for size in sizes]
    return ValueMap(tuple(-size for size in sizes), tuple(sizes))


def _collect(residual: Any, condition: Any, problem: Problem, seen: list[list[float]]) -> None:
    """The values that a condition asks for, where it is one of the form a u = b."""
    import sympy

    symbols = problem.symbols
    jets = symbols.jets_of(residual)
    if len(jets) != 1 or any(symbols.jets[jets[0]][1]) or condition.place.known is not None:
        return
    slope = sympy.diff(residual, jets[0])
    if not slope.is_number or slope == 0 or residual.has(*symbols.numbers.values()):
        return
    points, _ = condition.place.draw(512, lambda n, d: np.random.default_rng(0).random((n, d)), (1.0,) * len(symbols.axes))
    target = compiled([-(residual - slope * jets[0]) / slope], symbols.coords)(*points.T)
    values = broadcast(target, len(points))[0]
    if np.isfinite(values).all():
        seen[symbols.jets[jets[0]][0]] += [float(values.min()), float(values.max())]


def finished(course: Course, problem: Problem, how: How) -> Field:
    """The field of a fit that has ended, with its conditions around it, and what it came to.

    Args:
        course: that was run.
        problem: the equation.
        how: it was solved.
    """
    inner = course.fitter.field
    _, wrapping = wrapped(problem, how)
    field = inner
    if wrapping is not None:
        stated = replace(problem, domain=inner.domain)
        config = inner.config()
        network = _network(config["network"], stated, wrapping, units_of(stated, wrapping))
        field = Field.build(inner.domain, **{**config, "network": network})
        field.encoding.load_state_dict(inner.encoding.state_dict())
        field.network.over.load_state_dict(inner.network.state_dict())  # type: ignore[union-attr]
    field.fit = dict(inner.fit)
    field.metrics = {"residual": math.sqrt(max(course.residual(), 0.0))}
    if numbers := course.numbers():
        field.fit["numbers"] = numbers
    return field.eval()
