"""Solving differential equations for a field."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.equations._closed_form import ClosedForm
from inr.equations._collocation_setup import collocation_fit, finished_field
from inr.equations._fields import network_of, wrapped
from inr.equations._options import SolveOptions, solve_options
from inr.equations._problem import Problem
from inr.equations._stating import Given, state
from inr.equations._text import channels_and_domain
from inr.field import Field
from inr.fitting import solve as solve_signal
from inr.fitting import stopping_on_interrupt

Tell = Callable[[str], None]
_ACCURATE = 1e-4  # residual with which the closed form of an equation that is not linear is taken
_SECONDS = 20.0  # of closed forms, about
# names that are meant as files even where there is none of that name, for a message that says so
_FILE_NAME = r"[^\s=;*+^()]+\.(png|jpe?g|webp|tiff?|bmp|gif|avif|exr|hdr|wav|flac|mp3|ogg|mp4|mov|npy|npz|nii|nc|h5)"


def solve(
    residual: Given | Any,
    *,
    domain: str | None = None,
    channels: str | Sequence[str] | None = None,
    where: Mapping[str, Given] | None = None,
    unknown: Mapping[str, float] | None = None,
    data: tuple[Any, Any] | None = None,
    tell: Tell | None = None,
    checkpoint: Path | None = None,
    every: float = 60.0,
    resume: bool = False,
    **options: Any,
) -> Field:
    """Solve a differential equation: find the field whose residual is 0 in a domain, and that meets conditions.

    Ctrl-C ends steps, and the best field so far is what is returned.

    The equation is a plain function of channels and of what there is at points. It is called once with symbols, from
    which follows what it reads of the field, and whether it is linear: then it has a closed form, and there are no
    steps. Names of derivatives are those of the axes: `u.t`, `u.xx`, `u.xt`; `u.lap` and `u.grad` are by all axes but
    t. Functions are those of `inr.equations` (`sin`, `exp` …), or torch's, numpy's or sympy's.

    Args:
        residual: what is to be 0: one number at each point or several, as a tuple. Or text, as "u_xx + u_yy + 400*u".
            Anything else is a signal to be fitted in closed form, see `inr.fitting.solve`: a signal, an array, or the
            path of a file; text is one where there is such a file, or where it ends as files of signals do.
        domain: axes with their ranges in own units, as "x=-1..1,t=0..1". Of text, all axes by which it differentiates
            where None: from -1 to 1, and t from 0 to 1.
        channels: names of the unknown functions, as "u" or "u,v,p"; "u:complex" for a complex one. None: "u", or those
            that a text differentiates.
        where: what is to be 0 at places: {"t=0": lambda u, at: u + sin(pi * at.x), "x=-1|x=1": "u"}. Places are faces
            and edges by the axes that are fixed; "boundary" is all faces of all axes but t, "initial" the beginning
            of t. Text that names no channel is its value there.
        unknown: numbers to be found besides, with first guesses: {"nu": 0.05}. Functions take them by name.
        data: points (n, d) and values (n, c) that were measured, in own units; the column of a channel that was not has
            NaN.
        tell: is told how it goes, a line at a time.
        checkpoint: file to keep a resumable state of steps in; None: none is kept. It stays when the work is done.
        every: seconds from one checkpoint to the next; 0: after every step.
        resume: go on from the checkpoint, as if the steps had not been interrupted.
        options: any of the attributes of `inr.equations.SolveOptions`, such as solver="steps",
            hard=True, periodic="x", seconds=60.

    Returns:
        The field, in own units by `field.at` and `field.render`. Its metrics hold the relative residual, and its `fit`
        how it was found, with the numbers that were.

    Raises:
        InrError: what cannot be solved, in words.

    >>> from inr.equations import solve
    >>> field = solve("u_xx + u_yy", domain="x=0..1,y=0..1", where={"boundary": "x^2 - y^2"})
    >>> abs(float(field.at((0.5, 0.25))[0]) - 0.1875) < 1e-5
    True
    """
    if not (callable(residual) or isinstance(residual, (str, list, tuple))) or _is_file(residual):
        if checkpoint is not None or resume:
            raise InrError("the closed form of a signal takes no steps that could be resumed; leave checkpoint out")
        return solve_signal(residual, **options)
    if isinstance(residual, str) and (domain is None or channels is None):
        named, box = channels_and_domain(residual)
        domain, channels = domain or box, channels or named
    if domain is None:
        raise InrError("an equation that is a function needs its domain, as domain='x=-1..1,t=0..1'")
    problem = state(residual, domain=domain, channels=channels or "u", where=where, unknown=unknown, data=data)
    return solved(
        problem, solve_options(**options), tell or (lambda line: None),
        checkpoint=checkpoint, every=every, resume=resume,
    )  # fmt: skip


def _is_file(given: object) -> bool:
    """Whether text is the name of a file rather than an equation: one that exists, or that ends as signals do."""
    if not isinstance(given, str):
        return False
    try:
        exists = Path(given).exists()
    except (OSError, ValueError):  # too long for a name, or with a zero byte in it
        return False
    return exists or re.fullmatch(_FILE_NAME, given, re.IGNORECASE) is not None


def solved(
    problem: Problem,
    options: SolveOptions,
    tell: Tell,
    *,
    checkpoint: Path | None = None,
    every: float = 60.0,
    resume: bool = False,
) -> Field:
    """What `solve` gives, of a problem that is stated.

    Args:
        problem: the equation.
        options: how it is solved.
        tell: is told how it goes.
        checkpoint, every, resume: as of `solve`.
    """
    begun = closed_form_first(problem, options, tell, resume=resume)
    if begun.done is not None:
        return begun.done
    fit = collocation_fit(problem, begun.options, checkpoint=checkpoint, every=every, resume=resume)
    for note in fit.fitter.plan.notes:
        tell(note)
    with stopping_on_interrupt(fit.fitter):
        for event in fit.run():
            if event.kind == "end" and event.reason != "steps":
                tell(event.message)
    return begun.nearer(finished_field(fit, problem, begun.options), tell)


@dataclass(frozen=True)
class Begun:
    """What a closed form came to, before steps.

    Attributes:
        done: the solution, where no steps are to be taken.
        first: the closed form of an equation that is not linear, which was not good enough; or None.
        options: of the steps, which have the seconds that are left.
    """

    done: Field | None
    first: Field | None
    options: SolveOptions

    def nearer(self, by_steps: Field, tell: Tell) -> Field:
        """The closed form or what steps made, by their residuals.

        Args:
            by_steps: what steps made.
            tell: is told where that is not the one.
        """
        first = self.first
        if first is None or by_steps.metrics["residual"] <= first.metrics["residual"]:
            return by_steps
        tell(
            f"steps came to a residual of {by_steps.metrics['residual']:.1e}: the closed form's "
            f"{first.metrics['residual']:.1e} is kept; give them more time"
        )
        return first


def closed_form_first(problem: Problem, options: SolveOptions, tell: Tell, *, resume: bool = False) -> Begun:
    """Try the closed form where there may be one: of an equation that is not linear, in two thirds of the seconds.

    Args:
        problem: the equation.
        options: how it is solved.
        tell: is told how it goes.
        resume: whether there are steps that are gone on with.

    Raises:
        InrError: a closed form of what has none, or one to be resumed.
    """
    if resume and options.solver == "closed-form":
        raise InrError("a closed form takes no steps that could be resumed; start without --resume")
    axes = [axis.name for axis in problem.domain.axes]
    if unknown := [name for name in options.periodic if name not in axes]:
        raise InrError(f"periodic names '{unknown[0]}', which is no axis; axes are {', '.join(axes)}")
    by_steps = options.solver == "auto" and (options.wants_steps or not problem.traced)
    if resume or by_steps or options.solver == "steps":
        return Begun(None, None, options)
    if not problem.traced:
        raise InrError(f"no closed form, since the equation cannot be traced: {problem.why}; take solver=steps")
    if problem.linear or options.solver == "closed-form":
        return Begun(closed_form(problem, options, tell), None, options)
    limit = options.seconds
    started = perf_counter()
    first = closed_form(problem, options if limit is None else replace(options, seconds=limit * 2 / 3), tell)
    if first.metrics["residual"] < _ACCURATE:
        return Begun(first, None, options)
    tell(f"the closed form leaves a residual of {first.metrics['residual']:.1e}: going on by steps")
    if limit is not None:
        options = replace(options, seconds=max(limit - (perf_counter() - started), limit / 4))
    return Begun(None, first, options)


def closed_form(problem: Problem, options: SolveOptions, tell: Tell) -> Field:
    """Solve by least squares of random sine features.

    Args:
        problem: traced.
        options: how it is solved.
        tell: is told of each try.

    Returns:
        A field of one hidden layer, float32.
    """
    inner, wrapping = wrapped(problem, options)
    periodic = [axis.name in options.periodic for axis in problem.domain.axes]
    solver = ClosedForm(inner, periodic=periodic, seed=options.seed, weights=options.weights)
    seconds = _SECONDS if options.seconds is None else options.seconds
    with np.errstate(all="ignore"):  # a solution that is not finite is refused, in words
        solution = solver.run(tolerance=options.tolerance, features=options.features, seconds=seconds, tell=tell)
    field = network_of(solution, problem, wrapping)
    field.metrics = {"residual": solution.residual, "rounding": solution.rounding}
    field.fit = {"optimiser": "closed-form", "seed": options.seed, "steps": 0, "features": solution.features.count}
    if problem.numbers:
        field.fit["numbers"] = dict(zip(problem.numbers, solution.numbers.tolist(), strict=True))
    return field.eval()
