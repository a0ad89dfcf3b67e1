"""`inr solve`."""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inr._errors import InrError
from inr._files import check_writable
from inr.cli import _pipes
from inr.cli._console import complain, out, pairs, print_json, remark, size
from inr.cli._fit_files import check_checkpoint, check_every, check_field_name, checkpoint_of, save_field
from inr.cli._progress import waiting
from inr.cli._running import STATUS, UNFINISHED, compile_engine, explain, run_by_loss

if TYPE_CHECKING:
    from inr import Field
    from inr.equations import Problem, SolveOptions
    from inr.fitting import Event

EPILOG = """
[bold]Examples[/bold]

  inr solve "u_xx + u_yy + 400*u" --boundary "cos(16*x + 12*y)" --exact "cos(16*x + 12*y)"

  inr solve "u_t + u*u_x - 0.01*u_xx" --domain "x=-1..1,t=0..1" --initial "-sin(pi*x)" --boundary 0

  inr solve "u_tt = u_xx" --domain "x=0..3,t=0..2" --where "t=0: u = sin(pi*x); u_t = 0" --where "x=0|x=3: u = 0"

  inr solve "u_t = nu*u_xx" --unknown nu=0.05 --data measured.npz --initial "sin(pi*x)" --boundary 0

  inr solve helmholtz --k 20            # also burgers, heat, poisson, wave

  inr solve helmholtz --k 10 --pml 0.4  # a source within absorbing layers

  inr solve helmholtz --inverse         # a medium that is found from waves through it; --data for waves of your own

  inr render equation.inr               # its picture

[bold]Formulas[/bold] are of numbers, pi, the axes, unknowns such as u and their derivatives u_x, u_xt, u_lap (by all
axes but t); + - * / ^ and sin cos tan exp log sqrt sinh cosh tanh abs erf sign minimum maximum. a = b is a - b.

[bold]Exit status[/bold] 0 fine; 1 the loss diverged; 2 bad input; 130 interrupted (the best state is saved;
--resume goes on with steps)
"""

_DOUBTFUL = 0.1  # relative residual from which on a field is no solution
_EQUATION, _HOW, _STEPS, _OUT = "Equation", "How", "Steps (for equations that are not linear)", "Output"


def _option(panel: str, words: str, *names: str, **settings: Any) -> Any:
    return typer.Option(*names, help=words, rich_help_panel=panel, show_default=False, **settings)


def solve(
    equation: Annotated[
        str,
        typer.Argument(
            metavar="EQUATION",
            help="What is to be 0, as u_xx + u_yy + 400*u; several parted by ;. Or burgers, heat, helmholtz, poisson, "
            "wave.",
        ),
    ],
    domain: Annotated[
        str | None, _option(_EQUATION, "Axes with ranges, x=-1..1,t=0..1; -1..1, and t from 0 to 1, if not given.")
    ] = None,
    boundary: Annotated[str | None, _option(_EQUATION, "What the unknown is on all faces of all axes but t.")] = None,
    initial: Annotated[str | None, _option(_EQUATION, "What the unknown is at the beginning of t.")] = None,
    where: Annotated[
        list[str] | None, _option(_EQUATION, "What is to be 0 at a place, t=0: u + sin(pi*x); repeatable.")
    ] = None,
    channels: Annotated[
        str | None,
        _option(_EQUATION, "Names of the unknowns, u,v,p, or u:complex; those in the equation if not given."),
    ] = None,
    unknown: Annotated[
        list[str] | None, _option(_EQUATION, "A number to be found, with a first guess, nu=0.05; repeatable.")
    ] = None,
    data: Annotated[
        Path | None,
        _option(
            _EQUATION,
            "Measured values: .npz of points (n, d) and values (n, c), NaN for channels that were not.",
            callback=_pipes.incoming,
        ),
    ] = None,
    k: Annotated[
        float | None, _option(_EQUATION, "The wavenumber of helmholtz; 20 if not given, 8 with --inverse.", "--k")
    ] = None,
    pml: Annotated[float | None, _option(_EQUATION, "Width of helmholtz's absorbing layers.")] = None,
    inverse: Annotated[
        bool, _option(_EQUATION, "Find helmholtz's medium: --data are waves (n, s) of s sources.", "--inverse")
    ] = False,
    nu: Annotated[float | None, _option(_EQUATION, "The viscosity of burgers; 0.01/pi if not given.")] = None,
    exact: Annotated[
        str | None, _option(_EQUATION, "The solution, where it is known: errors are printed; ; parts channels.")
    ] = None,
    solver: Annotated[
        str | None, _option(_HOW, "closed-form or steps; closed forms where they do if not given.")
    ] = None,
    hard: Annotated[bool, _option(_HOW, "Values at faces hold by construction.", "--hard")] = False,
    periodic: Annotated[str, _option(_HOW, "Axes by which the solution is periodic, as x or xy.")] = "",
    features: Annotated[
        int | None, _option(_HOW, "The most functions of a closed form; 3000 if not given.", min=8)
    ] = None,
    seconds: Annotated[float | None, _option(_HOW, "For closed forms (20 if not given), or of steps.")] = None,
    steps: Annotated[int | None, _option(_STEPS, "Steps; 5000 if nothing is given.")] = None,
    encoding: Annotated[str | None, _option(_STEPS, "As in fourier:sigma=2; identity if not given.")] = None,
    activation: Annotated[str | None, _option(_STEPS, "As in tanh; sine:omega=10 if not given.")] = None,
    network: Annotated[str | None, _option(_STEPS, "As in mlp:depth=4,width=64, which is taken if not given.")] = None,
    batch: Annotated[int | None, _option(_STEPS, "Points a step; 2048 if not given.", min=8)] = None,
    optimiser: Annotated[str | None, _option(_STEPS, "soap if not given, or adam.")] = None,
    lr: Annotated[float | None, _option(_STEPS, "Learning rate; 3e-3 if not given.")] = None,
    engine: Annotated[str, _option(_STEPS, "What runs it, as in cpu:threads=2; the fastest if not given.")] = "auto",
    seed: Annotated[int, _option(_HOW, "Of all that is drawn; 0 if not given.", min=0, max=2**32 - 1)] = 0,
    resume: Annotated[bool, _option(_STEPS, "Go on with interrupted steps, exactly.", "--resume")] = False,
    checkpoint_every: Annotated[
        float, _option(_STEPS, "Seconds between writes of OUTPUT.checkpoint; 60 if not given.")
    ] = 60.0,
    output: Annotated[
        Path, _option(_OUT, "The field; equation.inr if not given.", "-o", "--output", callback=_pipes.outgoing)
    ] = Path("equation.inr"),
    force: Annotated[bool, _option(_OUT, "Overwrite an existing file.", "--force")] = False,
    quiet: Annotated[bool, _option(_OUT, "Say nothing unless it fails.", "-q", "--quiet")] = False,
    as_json: Annotated[bool, _option(_OUT, "Print the result as JSON.", "--json")] = False,
) -> None:
    """Solve a differential equation: a field that satisfies it and its conditions."""
    from inr.equations import PRESETS, channels_and_domain, solve_options, state

    check_field_name(output)
    check_every(checkpoint_every)
    checkpoint = checkpoint_of(output)
    check_checkpoint(checkpoint, force=force, resume=resume)
    check_writable(output, force=force or resume)
    if equation in PRESETS:
        preset = _preset(equation, {"k": k, "pml": pml, "nu": nu, "inverse": inverse or None, "data": _read(data)})
        stated: dict[str, Any] = dict(preset.stated)
        if boundary or initial or where or domain or channels or unknown:
            raise InrError(f"'{equation}' brings its domain and conditions; write the equation out to change them")
    else:
        preset = None
        numbers = {"k": k, "pml": pml, "nu": nu, "inverse": inverse or None}
        if unfit := [name for name, value in numbers.items() if value is not None]:
            raise InrError(f"--{unfit[0]} goes with a named equation: {', '.join(PRESETS)}")
        names, box = channels_and_domain(equation) if channels is None or domain is None else ("", "")
        stated = {
            "residual": equation, "domain": domain or box, "channels": channels or names,
            "where": _places(boundary, initial, where), "unknown": _numbers(unknown), "data": _read(data),
        }  # fmt: skip
    given = {
        "solver": solver, "hard": hard, "periodic": periodic, "features": features, "seconds": seconds, "steps": steps,
        "encoding": encoding, "activation": activation, "network": network, "batch": batch, "optimiser": optimiser,
        "learning_rate": lr, "engine": engine, "seed": seed,
    }  # fmt: skip
    options = solve_options(
        **{**(preset.options if preset else {}), **{key: value for key, value in given.items() if value is not None}}
    )
    problem = state(stated.pop("residual"), **stated)
    known = _exact(exact, problem)
    started = perf_counter()
    field, end = _solved(problem, options, checkpoint, every=checkpoint_every, resume=resume, quiet=quiet)
    spent = perf_counter() - started
    errors = _errors(field, known or (preset.exact if preset else None), preset.within if preset else None)
    field.metrics |= errors
    if (failure := save_field(field, output, force=force or resume)) is not None:
        raise typer.Exit(complain(failure, 2))
    reason = "solved" if end is None else str(end.reason)
    if reason not in UNFINISHED:
        checkpoint.unlink(missing_ok=True)
    result = _document(equation, field, output, spent, reason)
    if as_json:
        print_json(result)
    elif not quiet:
        out().print(pairs(_rows(result)))
        if not field.metrics["residual"] < _DOUBTFUL:
            remark(
                f"a relative residual of {field.metrics['residual']:.2g} is no solution: take more --seconds, or see "
                "whether the conditions agree with one another and with the equation"
            )
        if unknown and data is None:
            remark("no --data was given: what is unknown is as the equation and its conditions alone have it")
    if end is not None and reason != "steps":
        explain(end, checkpoint)
    raise typer.Exit(STATUS.get(reason, 0))


def _preset(name: str, given: Mapping[str, Any]) -> Any:
    """A named equation with its settings. Raises InrError for those that it does not have."""
    import inspect

    from inr.equations import PRESETS

    taken = inspect.signature(PRESETS[name]).parameters
    settings = {key: value for key, value in given.items() if value is not None}
    for key in settings:
        if key not in taken:
            raise InrError(f"'{name}' has no --{key}" + (f"; it has --{', --'.join(taken)}" if taken else ""))
    return PRESETS[name](**settings)


def _places(boundary: str | None, initial: str | None, where: list[str] | None) -> dict[str, str]:
    """All conditions by their places."""
    found = {name: text for name, text in (("boundary", boundary), ("initial", initial)) if text is not None}
    for item in where or ():
        place, colon, text = item.partition(":")
        if not colon:
            raise InrError(f"--where is written as 't=0: u + sin(pi*x)', not '{item}'")
        if place.strip() in found:
            raise InrError(f"something is said twice at '{place.strip()}'; part what is to be 0 there by ;")
        found[place.strip()] = text.strip()
    return found


def _numbers(unknown: list[str] | None) -> dict[str, float]:
    """First guesses of unknown numbers."""
    found = {}
    for item in unknown or ():
        name, equals, guess = item.partition("=")
        try:
            found[name.strip()] = float(guess)
        except ValueError:
            equals = ""
        if not equals:
            raise InrError(f"--unknown is written as nu=0.05, with a first guess, not '{item}'")
    return found


def _read(path: Path | None) -> tuple[Any, Any] | None:
    """Points and values of an .npz file."""
    if path is None:
        return None
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return file["points"], file["values"]
    except FileNotFoundError:
        raise InrError(f"{path} does not exist") from None
    except (KeyError, ValueError, OSError, TypeError):
        raise InrError(f"{path} is no .npz file with the arrays points (n, d) and values (n, c)") from None


def _solved(
    problem: "Problem", options: "SolveOptions", checkpoint: Path, *, every: float, resume: bool, quiet: bool
) -> tuple["Field", "Event | None"]:
    """The field, and the last event of its steps (None where there were none)."""
    from inr.equations import closed_form_first, collocation_fit, finished_field

    tell = (lambda line: None) if quiet else remark
    with waiting("solving", quiet=quiet):
        begun = closed_form_first(problem, options, tell, resume=resume)
    if begun.done is not None:
        return begun.done, None
    with waiting("preparing", quiet=quiet):
        fit = collocation_fit(problem, begun.options, checkpoint=checkpoint, every=every, resume=resume)
    compile_engine(fit.fitter, quiet=quiet)
    end = run_by_loss(fit.fitter, fit.run(), quiet=quiet)
    return begun.nearer(finished_field(fit, problem, begun.options), tell), end


def _exact(text: str | None, problem: "Problem") -> Any:
    """The solution that was given, as a function of points."""
    if text is None:
        return None
    from inr.equations import known_solution

    return known_solution(text, problem)


def _errors(field: "Field", exact: Any, within: Any) -> dict[str, float]:
    """Errors at points, relative to the solution."""
    if exact is None:
        return {}
    from inr.equations import relative_errors

    return relative_errors(field, exact, within)


def _document(equation: str, field: "Field", output: Path, seconds: float, reason: str) -> dict[str, Any]:
    return {
        "equation": equation, "reason": reason, "seconds": seconds, "metrics": field.metrics, "fit": field.fit,
        "parameters": field.parameter_count, "field": str(output),
        "bytes": output.stat().st_size if output.exists() else None,
    }  # fmt: skip


def _rows(result: Mapping[str, Any]) -> dict[str, str]:
    """The document as a small table."""
    metrics, fit = result["metrics"], result["fit"]
    found = f"{fit['steps']:,} steps on engine {fit.get('engine')}"
    if fit["optimiser"] == "closed-form":
        found = f"closed form of {fit['features']:,} sines"
    rows = {"solved": f"{found}, {result['seconds']:.1f} s", "residual": f"{metrics['residual']:.2e}, relative"}
    if "relative_l2" in metrics:
        rows["error"] = f"relative L2 {metrics['relative_l2']:.2e}, at most {metrics['relative_max']:.2e}"
    rows |= {name: f"{value:.6g}" for name, value in fit.get("numbers", {}).items()}
    rows["field"] = f"{result['field']}, {result['parameters']:,} parameters"
    if result["bytes"] is not None:
        rows["size"] = size(result["bytes"])
    return rows
