"""`inr learn`."""

import warnings
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inr._cluster import Cluster
from inr._errors import InrError, InrWarning
from inr.cli import _fit_options as fit_options
from inr.cli._completion import completing
from inr.cli._console import decibels, out, pairs, print_json, size, tell_left_out
from inr.cli._fit_files import check_every, check_field_name
from inr.cli._progress import LearningBar, waiting
from inr.cli._render import DAMAGED
from inr.cli._running import STATUS, compile_engine, explain

if TYPE_CHECKING:
    from inr.priors import Base, Learning

EPILOG = """
[bold]Examples[/bold]

  inr learn faces/ -o faces.inr                # layers that all share

  inr fit face.png --base faces.inr            # begins from them

  inr learn faces/ -o steps.inr --method maml  # three steps at learned rates

  inr learn faces/ -o codes.inr --method modulated:latents=16

  inr learn photos/ -o photos.inr --size 64x64

  inr learn faces/ --method maml --on ray:10.0.0.1:6379    # on another machine

  inr info faces.inr

[bold]Exit status[/bold]

  0 fine; 2 bad input, or output that cannot be written; 4 files were left out, and are named

  1 the loss diverged; 130 interrupted (what is learned is saved; --resume goes on)
"""

_WHAT, _HOW, _OUT = "What is learned", "How", "Output"


def _option(panel: str, words: str, *names: str, **settings: Any) -> Any:
    return typer.Option(*names, help=words, rich_help_panel=panel, show_default=False, **settings)


def learn(
    signals: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR", help="A folder of pictures, sounds, videos or volumes, all of one sort; or several files."
        ),
    ],
    output: Annotated[Path, _option(_OUT, "The base; base.inr if not given.", "-o", "--output")] = Path("base.inr"),
    method: Annotated[
        str,
        _option(
            _WHAT,
            "trunk if not given, maml, modulated, reptile, gaussian, neural-process or hypernet; with options, "
            "maml:inner_steps=5 (inr parts methods).",
            autocompletion=completing("method"),
        ),
    ] = "trunk",
    encoding: Annotated[str | None, _option(_WHAT, "As in fourier:sigma=4; identity if not given.")] = None,
    activation: Annotated[str | None, _option(_WHAT, "As in sine:omega=30; sine if not given.")] = None,
    network: Annotated[
        str | None, _option(_WHAT, "As in mlp:depth=3,width=64; as wide as suits the signals if not given.")
    ] = None,
    grid: Annotated[
        str | None,
        _option(
            _WHAT,
            "Bring all to one grid, by means over its cells, as 64x64 (x first).",
            "--size",
            metavar="WIDTHxHEIGHT",
        ),
    ] = None,
    held_out: Annotated[
        float, _option(_HOW, "Share of the signals that nothing is learned from; 0.2 if not given.")
    ] = 0.2,
    steps: Annotated[int | None, _option(_HOW, "Steps; as many as the method usually takes if not given.")] = None,
    lr: Annotated[
        float | None, _option(_HOW, "Learning rate; the method's if not given.", "--lr", "--learning-rate")
    ] = None,
    engine: Annotated[str, _option(_HOW, "What runs it, as in cpu:threads=2; the fastest if not given.")] = "auto",
    seed: Annotated[int, _option(_HOW, "Decides weights, batches and which signals are held out; 0 if not given.")] = 0,
    on: Annotated[
        str | None,
        _option(
            _HOW,
            "Learn on the largest machine of a Ray cluster: ray:HOST:PORT; in this process if not given.",
            metavar="ray[:ADDRESS]",
        ),
    ] = None,
    resume: Annotated[bool, _option(_HOW, "Go on with unfinished work, exactly.", "--resume")] = False,
    checkpoint_every: fit_options.CheckpointEvery = 60.0,
    force: Annotated[bool, _option(_OUT, "Overwrite existing files.", "--force")] = False,
    quiet: Annotated[bool, _option(_OUT, "Say nothing unless it fails.", "-q", "--quiet")] = False,
    as_json: Annotated[bool, _option(_OUT, "Print the result as JSON.", "--json")] = False,
) -> None:
    """Learn what similar signals have in common, for fits of further ones to begin from."""
    from inr.priors import Learning, check_outputs, checkpoint_of, save

    check_field_name(output)
    check_every(checkpoint_every)
    checkpoint = checkpoint_of(output)
    check_outputs(output, checkpoint, force=force, resume=resume)
    given: Any = signals[0] if len(signals) == 1 else signals
    with warnings.catch_warnings(), waiting(f"reading {signals[0]}", quiet=quiet):
        warnings.simplefilter("ignore", InrWarning)  # files that are left out are told at the end
        learning = Learning(
            given, method=method, held_out=held_out, steps=steps, learning_rate=lr, encoding=encoding,
            activation=activation, network=network, size=_parsed(grid), engine=engine, seed=seed, checkpoint=checkpoint,
            every=checkpoint_every, resume=resume,
        )  # fmt: skip
    if on is None:
        compile_engine(learning.fitter, quiet=quiet)
    begin = perf_counter()
    _run(learning, on, quiet=quiet)
    with waiting("measuring", quiet=quiet):
        base = save(learning.base(), output, learning.last, force=force or resume)
    result = _document(base, learning, perf_counter() - begin)
    if as_json:
        print_json(result)
    elif not quiet:
        out().print(pairs(rows_of(result)))
    tell_left_out(learning.unreadable)
    reason = str(learning.last.reason)
    if reason != "steps":
        explain(learning.last, checkpoint)
    raise typer.Exit(STATUS.get(reason, 0) or (DAMAGED if learning.unreadable else 0))


def _run(learning: "Learning", on: str | None, *, quiet: bool) -> None:
    from inr.fitting import stopping_on_interrupt

    with (
        nullcontext() if on is None else Cluster(on) as cluster,
        stopping_on_interrupt(learning),
        LearningBar(quiet=quiet) as bar,
    ):
        for event in learning.run(cluster):
            bar.tell(event)


def _parsed(text: str | None) -> tuple[int, ...] | None:
    """'64x48' as (48, 64), in the order of arrays."""
    if text is None:
        return None
    sizes = text.lower().split("x")
    if not all(each.isdecimal() and 0 < int(each) < 2**31 for each in sizes):
        raise InrError(f"--size {text}: write positive sizes, x first, as 64x48")
    return tuple(int(each) for each in reversed(sizes))


def _document(base: "Base", learning: "Learning", seconds: float) -> dict[str, Any]:
    assert base.file is not None
    return {
        **told(base), "file": str(base.file), "bytes": base.file.stat().st_size, "seconds": seconds,
        "left_out": list(learning.unreadable),
    }  # fmt: skip


def told(base: "Base") -> dict[str, Any]:
    """What is said of a base, as plain JSON."""
    from inr._specs import format_spec

    return {
        "base": base.name, "method": format_spec(base.method.config()), "sort": str(base.sort),
        "shape": list(base.domain.shape or ()), **base.about,
        "parts": {part: format_spec(config) for part, config in base.parts.items()},
        "parameters": base.parameter_count,
    }  # fmt: skip


def rows_of(result: dict[str, Any]) -> dict[str, str]:
    """A base's document as a small table."""
    grid = " x ".join(str(each) for each in reversed(result["shape"]))
    rows = {
        "learned from": f"{result['signals']:,} signals, {result['sort']}, {grid}",
        "method": f"{result['method']}, {result['steps']:,} steps",
    }
    if "seconds" in result:
        rows["method"] += f", {result['seconds']:.1f} s"
    rows["quality"] = _level(result["learned"])
    if "held_out" in result:
        rows["quality"] += f"; {_level(result['held_out'])} of {result['held_out_signals']:,} signals held out"
    rows |= result["parts"]
    rows["parameters"] = f"{result['parameters']:,}"
    if "bytes" in result:
        rows["base"] = f"{result['file']}, {size(result['bytes'])}"
    rows["SHA-256"] = result["base"]
    return rows


def _level(value: float | None) -> str:
    return decibels(float("nan") if value is None else value)
