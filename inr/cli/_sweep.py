"""`inr sweep`."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from inr._option_values import parse_rates
from inr.cli import _fit_options as fit_options
from inr.cli._console import INTERRUPTED, decibels, going_on, out, print_json, remark
from inr.cli._fit_files import stem
from inr.cli._parsing import parse_seeds
from inr.cli._progress import SweepBar, waiting

if TYPE_CHECKING:
    from inr.sweeping import Row, SweepResult

EPILOG = """
[bold]Examples[/bold]

  inr sweep photo.png --encoding hash,fourier:sigma=10 --activation relu,sine

  inr sweep photo.png --encoding 'fourier:sigma=1|4|10|25' --holdout 0.2

  inr sweep photo.png --activation sine,gabor,gaussian --seconds 20

  inr sweep photo.png --encoding hash,dense,identity --parameters 100000

  inr sweep photo.png --setup siren --setup wire --setup 'fourier:sigma=10 + relu'

  inr sweep a.png b.png --setup siren --setup ffn --seeds 3    # means and deviations

  inr sweep photo.png --auto                       # searches; ends with an inr fit

[bold]Lists[/bold] Commas separate parts and their parameters: key=value belongs to the part before it. A value a|b|c
stands for as many parts.

[bold]Setups[/bold] A preset's name (inr parts presets), or parts joined by " + "; kind=part where a name is of several
kinds, as in 'activation=finer + mlp:width=64'.

[bold]Exit status[/bold] 0 fine; 1 no fit was finished; 2 bad input; 130 interrupted (finished fits are kept and shown)
"""

_LISTS = "Combine (lists of parts; options may be repeated)"
_BUDGET = "Budget, the same for every fit"
_RUN = "Running"


def _option(panel: str, words: str, *names: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=words, rich_help_panel=panel, show_default=False, metavar=metavar)


def _list(words: str) -> Any:
    return _option(_LISTS, words, metavar="LIST")


def sweep(
    signals: Annotated[
        list[Path],
        typer.Argument(
            metavar="SIGNAL...", help="What is fitted, as in inr fit; with several, rows are means over all."
        ),
    ],
    output: Annotated[
        Path | None,
        _option(
            "Output",
            "The folder to write; the first SIGNAL's name with .sweep, in this folder, if not given.",
            "-o",
            "--output",
        ),
    ] = None,
    setup: Annotated[
        list[str] | None,
        _option(
            _LISTS,
            "A whole combination, in the place of lists: siren, or 'hash + sine'. May be repeated.",
            metavar="SETUP",
        ),
    ] = None,
    encoding: Annotated[list[str] | None, _list("As in hash,fourier:sigma=10.")] = None,
    activation: Annotated[list[str] | None, _list("As in sine:omega=30,gabor.")] = None,
    network: Annotated[list[str] | None, _list("As in mlp:depth=2,width=64,mlp:depth=4.")] = None,
    teacher: Annotated[list[str] | None, _list("As in uniform,auto.")] = None,
    auto: Annotated[
        bool,
        _option(_LISTS, "Search among all that is registered, or among the lists, by successive halving.", "--auto"),
    ] = False,
    skip_refused: Annotated[
        bool, _option(_LISTS, "Leave out combinations that cannot be built.", "--skip-refused")
    ] = False,
    steps: Annotated[
        int | None, _option(_BUDGET, "Steps of every fit; as many as suit the signal without a budget.")
    ] = None,
    seconds: Annotated[
        float | None, _option(_BUDGET, "Seconds of every fit, one after the other; 10 with --auto and no budget.")
    ] = None,
    parameters: Annotated[
        int | None, _option(_BUDGET, "Choose widths and table sizes so that all fields have about so many.")
    ] = None,
    holdout: Annotated[
        float | None, _option(_BUDGET, "Share of the samples that is not learned from, and by which fits are judged.")
    ] = None,
    batch: Annotated[
        int | None, _option(_BUDGET, "Samples a step; with a budget of seconds each fit has its own if not given.")
    ] = None,
    lr: fit_options.Rates = None,
    schedule: fit_options.Schedule = None,
    seed: Annotated[
        str, _option(_RUN, "Decides initial weights and batches: 0 if not given; several as in 0,1,2.", metavar="LIST")
    ] = "0",
    seeds: Annotated[
        int, _option(_RUN, "How many seeds there are, from --seed on; with several, rows are means over all.")
    ] = 1,
    engine: Annotated[str, _option(_RUN, "What runs the fits; the fastest that can if not given.")] = "auto",
    jobs: Annotated[
        int | None,
        _option(_RUN, "Fits side by side; the number of cores if not given, 1 for seconds. 0: in this process."),
    ] = None,
    on: Annotated[
        str | None,
        _option(
            _RUN,
            "Fit on a Ray cluster: ray:HOST:PORT, or ray for this machine's cores; in processes here if not given.",
            metavar="ray[:ADDRESS]",
        ),
    ] = None,
    resume: Annotated[bool, _option(_RUN, "Keep the fits that are done, and go on.", "--resume")] = False,
    force: Annotated[bool, _option("Output", "Begin afresh in a folder that is there.", "--force")] = False,
    quiet: fit_options.Quiet = False,
    as_json: fit_options.Json = False,
) -> None:
    """Fit every combination of parts at equal cost, and show them side by side."""
    import inr

    folder = output or Path(stem(signals[0]) + ".sweep")
    with waiting(f"reading {', '.join(map(str, signals))}", quiet=quiet):
        sweep_signal = inr.sweep  # its heavy libraries load here, before the bar
    chosen_seeds = parse_seeds(seed)
    cases = len(signals) > 1 or seeds > 1 or not isinstance(chosen_seeds, int)
    with warnings.catch_warnings(), SweepBar(quiet=quiet, cases=cases) as bar:
        warnings.simplefilter("ignore", RuntimeWarning)  # said below
        result = sweep_signal(
            signals, setups=setup, encodings=encoding, activations=activation, networks=network, teachers=teacher,
            auto=auto, steps=steps, seconds=seconds, parameters=parameters, holdout=holdout, batch=batch,
            learning_rate=parse_rates(lr), schedule=schedule, seed=chosen_seeds, seeds=seeds, engine=engine,
            jobs=jobs, on=on, folder=folder, resume=resume, force=force, skip_refused=skip_refused, on_event=bar.show,
        )  # fmt: skip
    if as_json:
        print_json(result.to_json() | {"folder": str(folder)})
    elif not quiet:
        _print(result)
    if result.interrupted:
        _explain(result)
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(0 if result.best is not None else 1)


def _print(result: "SweepResult") -> None:
    """The table, and what came of it."""
    console = out()
    console.print(_table(result))
    for line in result.facts():
        console.print(Text(line, style="dim"))
    if result.chosen is not None:
        console.print(Text("the best again" + _again(result) + ":", style="cyan"))
        console.print(Text(result.chosen.command), soft_wrap=True)
    console.print(Text.assemble(("to look at ", "cyan"), str(result.folder / "index.html")))


def _again(result: "SweepResult") -> str:
    """What the chosen row's command comes to."""
    chosen = result.chosen
    assert chosen is not None
    if chosen.runs > 1:
        return f", of {chosen.signal} with seed {chosen.seed}"
    if result.terms.holdout is not None and chosen in result.rows:
        return ", of all samples"
    # what ran out of time would have made some more steps
    return f", {'about ' if chosen.note else ''}{decibels(chosen.psnr)}"


def _table(result: "SweepResult") -> Table:
    """One line a fit, the best first."""
    rows, names = result.rows, result.titles
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("combination", overflow="fold", ratio=1)
    shown = [(heading, key, form) for heading, key, form in _COLUMNS if any(_known(row, key) for row in rows)]
    noted = any(row.note for row in rows)
    if noted or any(row.deviation for row in rows):  # 80 columns have no room for both
        shown = [column for column in shown if column[1] != "between"]
    for heading, _, _ in shown:
        table.add_column(heading, justify="right", no_wrap=True)
    if noted:
        table.add_column("", style="red", overflow="fold", max_width=26)
    best = {key: _best(rows, key, more=key not in ("seconds", "parameters")) for _, key, _ in shown}
    for place, row in enumerate(rows, start=1):
        cells = [
            Text(_cell(row, key, form), style="bold green" if _is_best(row, key, best[key], len(rows)) else "")
            for _, key, form in shown
        ]
        name = Text(names[row.name], style="bold" if place == 1 and row.status == "done" else "")
        table.add_row(str(place), name, *cells, *([Text(row.note)] if noted else []))
    return table


_COLUMNS = (
    ("held out", "holdout", ".2f"), ("PSNR", "psnr", ".2f"), ("between", "between", ".2f"), ("SSIM", "ssim", ".4f"),
    ("SNR", "snr", ".2f"), ("seconds", "seconds", ".1f"), ("parameters", "parameters", ",d"),
)  # fmt: skip
_SPREAD = ("holdout", "psnr", "ssim", "snr")  # 80 columns have room for these


def _known(row: "Row", key: str) -> bool:
    value = getattr(row, key)
    return bool(value == value)  # all but NaN


def _cell(row: "Row", key: str, form: str) -> str:
    if not _known(row, key):
        return ""
    value = getattr(row, key)
    written = "exact" if value == float("inf") else format(value, form)
    deviates = key in _SPREAD and key in row.deviation
    return f"{written} ±{row.deviation[key]:{form}}" if deviates else written


def _best(rows: Sequence["Row"], key: str, *, more: bool) -> float | None:
    values = [getattr(row, key) for row in rows if row.status == "done" and _known(row, key)]
    return (max if more else min)(values) if values else None


def _is_best(row: "Row", key: str, best: float | None, count: int) -> bool:
    return count > 1 and row.status == "done" and getattr(row, key) == best


def _explain(result: "SweepResult") -> None:
    """One line on a sweep that was interrupted, with the command that goes on."""
    command = going_on("--resume")
    remark(f"interrupted; {len(result.runs)} of {result.planned} fits are done and kept; go on with: {command}")
