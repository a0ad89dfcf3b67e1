"""`inr fit`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from inr._errors import InrError
from inr._files import check_writable
from inr._option_values import check_purpose, parse_range, parse_rates
from inr.cli import _fit_options as options
from inr.cli._console import complain, remark, tell_folder
from inr.cli._explain import checksum, explained, history_path, page_path
from inr.cli._fit_files import Outputs, check_every, choose_outputs, event_log, save_field
from inr.cli._fit_frequencies import compare_frequencies
from inr.cli._fit_remote import fit_remotely
from inr.cli._fit_report import (
    Fitted,
    Stopwatch,
    course_of,
    course_without_steps,
    document,
    draw_sheets,
    print_result,
)
from inr.cli._fit_set import fit_set, is_for_a_set
from inr.cli._parsing import parse_sampling, parse_shape
from inr.cli._progress import FitBar, waiting
from inr.cli._running import STATUS, UNFINISHED, compile_engine
from inr.cli._running import explain as tell_end
from inr.signals import SUPPORTED

if TYPE_CHECKING:
    from inr import Event, Fitter
    from inr.compression import FitOptions
    from inr.diagnostics import Recorder
    from inr.listeners import Listener

EPILOG = f"""
[bold]Examples[/bold]

  inr fit photo.png                    # photo.inr, photo.comparison.png

  inr fit photo.png --seconds 60 -o out/photo.inr

  inr fit voice.wav --activation sine --psnr 45

  inr fit photo.png --preset wire      # as published; inr parts presets lists them

  inr fit bunny.obj --seconds 60       # signed distances; --as occupancy

  inr fit face.png --base faces.inr    # from what inr learn made of others

  inr fit brain.nii.gz --encoding hash:levels=14 --lr encoding=5e-3

  inr fit photo.png --solver closed-form

  inr fit photo.png --engine eager --profile

  inr fit photo.png --explain          # why it is as good as it is, and what to change

  inr fit digits -o digits.inr         # a set: a field of every file of a folder

  inr fit photo.png --server http://127.0.0.1:8765    # by inr serve

  cat photo.png | inr fit - -o photo.inr

[bold]Folders[/bold] With -o SET.inr a folder becomes a set: a field of every file, of one architecture, in one file,
thousands a minute. inr fit-many gives each file of a folder what inr fit would give it, in a file of its own.

[bold]Reads[/bold] {SUPPORTED}; what it cannot read names the command that makes it readable.

[bold]Exit status[/bold]

  0 fine; 2 bad input, or output that cannot be written

  1 the loss diverged; 4 files of a set could not be read (the others are fitted)

  130 interrupted (the best state is saved)
"""


def fit(
    signal: options.Signal,
    output: options.Output = None,
    preset: options.Preset = None,
    encoding: options.Encoding = None,
    activation: options.Activation = None,
    network: options.Network = None,
    base: options.Base = None,
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
    as_shape: options.AsShape = None,
    purpose: options.Purpose = "zoom",
    seed: options.Seed = 0,
    resume: options.Resume = False,
    checkpoint_every: options.CheckpointEvery = 60.0,
    comparison: options.Comparison = None,
    no_comparison: options.NoComparison = False,
    init: options.Init = None,
    workers: options.Workers = None,
    on: options.On = None,
    teacher_map: options.TeacherMap = None,
    events: options.Events = None,
    log: options.Log = None,
    explain: options.Explain = False,
    server: options.Server = None,
    token: options.Token = None,
    force: options.Force = False,
    profile: options.Profile = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Fit a function to a signal and save it as an .inr file; or one to every file of a folder, as a set."""
    arguments = dict(locals())
    if is_for_a_set(signal, output, as_shape):
        raise typer.Exit(fit_set(arguments))
    for name in ("init", "workers", "on"):
        if arguments[name] is not None:
            raise InrError(f"--{name} is for sets, which are fitted to folders: inr fit DIR -o SET.inr")
    if explain and server is not None:
        raise InrError("--explain looks at a fit while it runs here; without --server, or with inr explain afterwards")
    if as_shape == "video":
        as_shape = arguments["as_shape"] = None
    import inr
    from inr.compression import FitOptions, check_unstepped, coding_of, finish, sampled
    from inr.diagnostics import Recorder
    from inr.listeners import listener

    check_purpose(purpose)
    outputs = choose_outputs(signal, output, comparison, no_comparison, teacher_map, events)
    outputs.check(signal, base=base, force=force, resume=resume)
    page, past = page_path(outputs.field, None), history_path(outputs.field)
    for each in (page, past) if explain else ():
        check_writable(each, force=force or resume)
    wanted = FitOptions(
        preset=preset, encoding=encoding, activation=activation, network=network, teacher=teacher, objective=objective,
        adjust=adjust, optimiser=None if solver == "adam" else solver, engine=engine, steps=steps, seconds=seconds,
        psnr=psnr, max_error=max_error, bytes=size_in_bytes, batch=batch,
        coding=coding_of({"exact": exact, "coded": coded, "half": half, "samples": samples}),
        learning_rate=parse_rates(lr), schedule=schedule, lattice_only=purpose == "memory", seed=seed,
        base=base,
    )  # fmt: skip
    beside = {
        "resume": resume,
        "events": events,
        "log": log,
        "teacher-map": teacher_map,
        "profile": profile,
        "explain": explain,
    }
    if not wanted.takes_steps:
        check_unstepped(beside)
    keeping = wanted.keeping(learned=any(beside.values()))
    watch = Stopwatch()
    reading: dict[str, Any] = {
        "sampling": parse_sampling(sampling), "value_range": parse_range(value_range), "nodata": nodata, "srgb": srgb,
        "variable": variable, "as_shape": parse_shape(as_shape),
    }  # fmt: skip
    if server is not None:
        raise typer.Exit(fit_remotely(arguments, reading, outputs))
    listeners = [listener(each, force=force, append=resume) for each in log or ()]

    def conclude(fitted: Fitted, course: dict[str, Any], *, finished: bool = True) -> int:
        status = _save(fitted, outputs, watch, finished=finished, force=force or resume, quiet=quiet)
        print_result(document(signal, fitted, outputs, watch, course), as_json=as_json, quiet=quiet)
        return status

    if not wanted.takes_steps:
        raise typer.Exit(conclude(*_solve(signal, reading, wanted, watch, quiet=quiet)))
    check_every(checkpoint_every)
    with watch.lap("reading"), waiting(f"reading {signal}", quiet=quiet):
        source = inr.open(signal, **reading)
    tell_folder(signal, source, quiet=quiet)
    with waiting("measuring", quiet=quiet):
        keeping = keeping.suited(source, signal)
    if keeping.coding == "samples":
        course = course_without_steps("samples", "kept", source.size, 0.0)
        raise typer.Exit(conclude(Fitted(sampled(source), source), course))
    with waiting("preparing", quiet=quiet):
        start = None
        if wanted.closed_form:
            with watch.lap("solving"):
                start = wanted.solved(source)
        fitter = wanted.fitter(
            source, keeping, signal, start=start, checkpoint=outputs.checkpoint, every=checkpoint_every, resume=resume,
            record_sample_counts=outputs.teacher_map is not None,
        )  # fmt: skip
    compare_frequencies(fitter, {"encoding": encoding, "activation": activation}, watch, quiet=quiet)
    watch.laps["compiling"] = compile_engine(fitter, quiet=quiet)
    recorder = Recorder(fitter) if explain else None
    end = _run(fitter, outputs, listeners, recorder, resume=resume, quiet=quiet)
    with waiting("coding", quiet=quiet):
        kept = finish(fitter, keeping, signal)
    fitted = Fitted(kept.field, fitter.signal, kept.execute, fitter.plan.block, fitter.sample_counts)
    finished = end.reason not in UNFINISHED
    course = course_of(fitter, end, solver=solver, rounding_cost=kept.cost, profile=profile)
    status = conclude(fitted, course, finished=finished)
    if recorder is not None and outputs.field.exists():
        recorder.history().save(past, belongs_to=checksum(outputs.field), force=force or resume)
        explained(
            kept.field, source, recorder.history(), outputs.field, signal, page, force=force or resume,
            quiet=quiet or as_json,
        )  # fmt: skip
    if kept.missed is not None and not quiet:
        remark(kept.missed)
    as_planned = end.reason == "target" or (end.reason == "steps" and (psnr is None or keeping.codes))
    if not as_planned and not (quiet and str(end.reason) not in STATUS):
        tell_end(end, outputs.checkpoint)
    raise typer.Exit(status or STATUS.get(str(end.reason), 0))


def _solve(
    path: Path, reading: dict[str, Any], wanted: "FitOptions", watch: Stopwatch, *, quiet: bool
) -> tuple[Fitted, dict[str, Any]]:
    """Read and solve; what came out and how."""
    import inr
    from inr.compression import halve
    from inr.fitting import at_points

    with watch.lap("reading"), waiting(f"reading {path}", quiet=quiet):
        source = inr.open(path, **reading)
    with watch.lap("solving"), waiting("solving", quiet=quiet):
        field = wanted.solved(source)
        if wanted.coding == "half":
            halve(field)
    return Fitted(field, at_points(source)), course_without_steps(
        "closed-form", "solved", source.size, watch.laps.pop("solving")
    )


def _run(
    fitter: "Fitter",
    outputs: Outputs,
    listeners: Sequence["Listener"],
    recorder: "Recorder | None",
    *,
    resume: bool,
    quiet: bool,
) -> "Event":
    """Fit; the last event."""
    from inr.fitting import stopping_on_interrupt
    from inr.listeners import listening

    log_file = event_log(outputs.events, append=resume)
    with (
        stopping_on_interrupt(fitter), listening(listeners, remark) as tell, log_file as log, FitBar(quiet=quiet) as bar
    ):  # fmt: skip
        for event in fitter.run():
            bar.show(event)
            tell(event)
            if recorder is not None:
                recorder.observe(event)
            if log is not None:
                log.write(event)
    return event


def _save(fitted: Fitted, outputs: Outputs, watch: Stopwatch, *, finished: bool, force: bool, quiet: bool) -> int:
    """Measure and write; the exit status. The field comes first, whatever happens to the rest."""
    from inr.fitting import evaluate
    from inr.shapes import surface_measures

    interrupted = False
    try:
        with watch.lap("measuring"), waiting("measuring", quiet=quiet):
            fitted.field.metrics = evaluate(fitted.field, fitted.signal, execute=fitted.execute, block=fitted.block)
            fitted.field.metrics |= surface_measures(fitted.field, fitted.signal)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        with watch.lap("writing"):
            failure = save_field(fitted.field, outputs.field, force=force)
    if failure is not None:
        return complain(failure, 2)
    if finished:
        outputs.checkpoint.unlink(missing_ok=True)
    if interrupted:
        remark(f"interrupted while measuring: {outputs.field} is whole, without figures and without a sheet")
        return STATUS["interrupted"]
    return draw_sheets(fitted, outputs, watch, force=force, quiet=quiet)
