"""`inr fit-many`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from inr._errors import InrError
from inr._option_values import READING
from inr.cli import _fit_options as options
from inr.cli._console import INTERRUPTED, decibels, going_on, out, print_json, remark
from inr.cli._job_options import job_options
from inr.cli._progress import ManyBar, waiting

EPILOG = """
[bold]Examples[/bold]

  inr fit-many photos                       # photos.fitted/, a field of every file and results.tsv

  inr fit-many photos -o fields --seconds 20 --workers 4

  inr fit-many photos --on ray:10.0.0.1:6379  # on a cluster

  inr fit-many photos                       # again: goes on, tries once more what failed, fits what changed

Several fits run side by side, with one thread each. Killed, or stopped by Ctrl-C, the same command goes on.

Every file gets the field that inr fit would give it, in a file of its own, of any kind and size. Thousands of small
signals of one kind are faster as a set, in one file and of one architecture: inr fit DIR -o set.inr

[bold]Exit status[/bold]

  0 all files are fitted; 1 some could not be, and results.tsv says why; 2 bad input, or output that cannot be written

  130 interrupted (everything is kept)
"""

_RUN = "Running"
_APART = frozenset(
    {"folder", "output", "workers", "on", "threads", "force", "quiet", "as_json"}
)  # no options of the fits


def fit_many(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the signals, with those in it.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The folder to write; DIR's name with .fitted, in this folder, if not given.",
            rich_help_panel="Output",
            show_default=False,
        ),
    ] = None,
    preset: options.Preset = None,
    encoding: options.Encoding = None,
    activation: options.Activation = None,
    network: options.Network = None,
    teacher: options.Teacher = None,
    objective: options.Objective = None,
    adjust: options.Adjust = None,
    solver: options.Solver = "adam",
    engine: options.Engine = "auto",
    steps: options.Steps = None,
    seconds: options.Seconds = None,
    psnr: options.Psnr = None,
    max_error: options.MaxError = None,
    size_in_bytes: options.Bytes = None,
    exact: options.Exact = False,
    coded: options.Coded = False,
    half: options.Half = False,
    samples: options.Samples = False,
    batch: options.Batch = None,
    lr: options.Rates = None,
    schedule: options.Schedule = None,
    sampling: options.Sampling = None,
    value_range: options.ValueRange = None,
    nodata: options.Nodata = None,
    srgb: options.Srgb = False,
    variable: options.Variable = None,
    purpose: options.Purpose = "zoom",
    seed: options.Seed = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Fits side by side; the number of cores if not given.", rich_help_panel=_RUN, show_default=False
        ),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            help="Fit on a Ray cluster: ray:HOST:PORT, or ray for this machine's cores; here if not given.",
            rich_help_panel=_RUN,
            show_default=False,
            metavar="ray[:ADDRESS]",
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option(help="Threads of each fit; 1 if not given.", rich_help_panel=_RUN, show_default=False)
    ] = 1,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Fit every file of a folder, side by side; again goes on."""
    arguments = dict(locals())
    from inr.serving.work import fit_many as run
    from inr.serving.work import reading_options

    into = output or Path(f"{folder.resolve().name}.fitted")
    if workers is not None and not 1 <= workers <= 256:
        raise InrError(f"--workers lies between 1 and 256, got {workers}")
    if not 1 <= threads <= 256:
        raise InrError(f"--threads lies between 1 and 256, got {threads}")
    reading = {name: value for name in READING if (value := arguments.get(name)) is not None and value is not False}
    reading_options(reading)
    with waiting("looking at the options", quiet=quiet):
        from inr.serving.options import check

        wanted = check("fit", job_options(arguments, _APART.union(READING)))
    rows = []
    interrupted = False
    with ManyBar(quiet=quiet) as bar:
        try:
            rows = run(
                folder, into, wanted, reading, workers=workers, threads=threads, on=on, force=force, on_change=bar.show
            )  # fmt: skip
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        remark(f"interrupted; everything is kept in {into}; go on with: {going_on()}")
        raise typer.Exit(INTERRUPTED)
    failed = [row for row in rows if row.state != "done"]
    if as_json:
        print_json(
            {"folder": str(into), "done": len(rows) - len(failed), "failed": len(failed),
             "rows": [vars(row) for row in rows]}
        )  # fmt: skip
    elif not quiet:
        _print(into, rows)
    if failed and quiet:  # else each was told when it failed
        remark(f"{len(failed)} of {len(rows)} files could not be fitted; {into / 'results.tsv'} says why")
    raise typer.Exit(1 if failed else 0)


def _print(into: Path, rows: list[Any]) -> None:
    """What it came to, in two lines."""
    done = [row for row in rows if row.state == "done"]
    levels = sorted(row.psnr for row in done if row.psnr is not None)
    size = sum(row.bytes for row in done if row.bytes is not None)
    median = f", {decibels(levels[len(levels) // 2])} in the middle" if levels else ""
    console = out()
    console.print(f"{len(done):,} of {len(rows):,} files are fitted: {size:,} bytes{median}", markup=False)
    console.print(f"{into / 'results.tsv'}", markup=False, soft_wrap=True)
