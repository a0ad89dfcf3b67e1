"""What workers do: one function for every kind of job, each from the samples to the bytes of a file."""

import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from inr import container
from inr._errors import InrError, InrWarning
from inr._files import replacing
from inr._json import finite
from inr._specs import format_spec
from inr._version import __version__
from inr.compression import (
    Compressed,
    FitOptions,
    FitSeries,
    compress_and_measure,
    decode,
    finish,
    halve,
    recompress,
    sampled,
)
from inr.field import Execute, Field
from inr.fitting import Fitter, at_points, evaluate
from inr.serving import DiskFull
from inr.serving.options import fit_options
from inr.serving.queue import Job
from inr.serving.work._previews import Previews
from inr.serving.work._task import Interrupted, Task
from inr.serving.work._verdict import Verdict
from inr.shapes import surface_measures
from inr.signals import LosslessSize, Signal, lossless_size

if TYPE_CHECKING:
    from inr.fitting import Event

CHECKPOINT_SECONDS = 1.5  # so that a kill costs no more than 2, with what it takes to write one
_T = TypeVar("_T")
Source = Path | LosslessSize | None


@dataclass(frozen=True)
class Input:
    """What a job works on.

    Attributes:
        signal: that is fitted or compressed, or that a recompressed field is measured against.
        source: the file that it was read from, or what it takes without loss.
        field: the bytes of the field that is recompressed.
        remarks: on how the signal was read.
    """

    signal: Signal | None = None
    source: Source = None
    field: bytes | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a job came to.

    Attributes:
        data: the bytes of the .inr file.
        metrics: how good it is and what it took, as plain JSON.
        field: as it was fitted, with what evaluates it where that is not itself.
    """

    data: bytes
    metrics: dict[str, Any]
    field: Field
    execute: Execute | None = None


class Diverged(InrError):
    """The loss of a fit stopped being finite."""


def run_job(task: Task, given: Input) -> Outcome:
    """Do a job.

    Args:
        task: is told how far it is.
        given: what it works on.

    Returns:
        What it came to.

    Raises:
        Interrupted: it is to end; what can be gone on with is in the task's checkpoint.
        Diverged: the loss was not finite.
        DiskFull: a checkpoint could not be written.
        InrError: what is asked for cannot be done.
    """
    with hearing() as said:
        warnings.simplefilter("ignore", RuntimeWarning)
        made = _RUN[task.job.kind](task, given)
    remarks = [*given.remarks, *said()]
    size, lossless = len(made.data), None
    if given.signal is not None:
        lossless = lossless_size(given.signal, given.source)
    samples = given.signal.size if given.signal is not None else math.prod(made.field.domain.shape or (1,))
    is_shape = made.field.domain.kind == "shape"  # whose samples are as many as somebody draws
    metrics = {
        **made.metrics, "bytes": size, "bits_per_sample": None if is_shape else 8 * size / samples,
        "seconds": task.job.seconds + task.seconds,
        "parts": {part: format_spec(config) for part, config in made.field.config().items()},
        "kind": made.field.domain.kind,
        "shape": None if made.field.domain.shape is None else list(made.field.domain.shape),
        "parameters": made.field.parameter_count, "remarks": remarks,
        **({} if lossless is None else {"lossless_bytes": lossless.bytes, "lossless_format": lossless.format}),
    }  # fmt: skip
    return dataclasses.replace(made, metrics=finite(metrics))


@contextmanager
def hearing() -> Iterator[Callable[[], list[str]]]:
    """Collect what is warned of inside, each as one line; the lines that came, when they are asked for."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", InrWarning)
        yield lambda: [str(each.message) for each in said if issubclass(each.category, InrWarning)]


def _fit(task: Task, given: Input) -> Outcome:
    signal = given.signal
    assert signal is not None
    options = fit_options(task.job.options)
    task.stage("measuring")
    keeping = options.keeping().suited(signal, given.source)
    options = dataclasses.replace(options, engine=_engine(task.job, options.engine))
    missed: str | None = None
    execute: Execute | None = None
    verdict: Verdict | None = None
    steps, block, reason = 0, 16_384, "kept"
    if keeping.coding == "samples":
        field = sampled(signal)
    elif not options.takes_steps:
        task.stage("solving")
        field, reason = options.solved(signal), "solved"
        if options.coding == "half":
            halve(field)
        signal = at_points(signal)
    else:
        fitter, end, verdict = _run_fitter(task, options, signal, keeping, given.source)
        task.stage("coding")
        kept = finish(fitter, keeping, given.source)
        field, execute, missed, signal, block = kept.field, kept.execute, kept.missed, fitter.signal, fitter.plan.block
        steps, reason = end.step, str(end.reason)
    task.stage("evaluating")
    field.metrics = evaluate(field, signal, execute=execute, block=block) | surface_measures(field, signal)
    metrics: dict[str, Any] = {**field.metrics, "steps": steps, "reason": reason, "missed": missed}
    data = container.dumps(*field.storage(field))
    if verdict is not None:
        task.stage("explaining")
        metrics["verdict"] = verdict.told(field, signal, task.seconds, execute)
    return Outcome(data, metrics, field, execute)


def _run_fitter(
    task: Task, options: FitOptions, signal: Signal, keeping: Any, source: Source
) -> tuple[Fitter, "Event", Verdict]:
    """Take all steps of a fit, from its checkpoint on where there is one; the fitter, its last event and a verdict."""
    start = options.solved(signal) if options.closed_form else None

    every = CHECKPOINT_SECONDS if task.told else math.inf

    def prepare(resume: bool) -> Fitter:
        return options.fitter(
            signal, keeping, source, start=start, checkpoint=task.checkpoint, every=every, resume=resume
        )

    task.stage("preparing")
    fitter = _resuming(task, prepare)
    previews, verdict = Previews(task), Verdict(fitter)
    for event in fitter.run():
        task.tell(event)
        verdict.observe(event)
        if event.kind == "start":
            task.plan(fitter.engine, event.steps)
            if options.seconds is not None and event.step == 0:
                _keep(task, fitter)  # the horizon was measured, and another attempt would find another
        elif event.kind == "checkpoint":
            task.checkpointed()
        elif event.kind == "step":
            if task.conclude():
                fitter.stop()
            if task.reason in ("pause", "drain"):
                _keep(task, fitter)
            task.check()
            if task.told:
                previews.look(fitter, event.step)
    if event.reason == "diverged":
        raise Diverged(event.message)
    if event.reason == "disk":
        raise DiskFull(event.message)
    return fitter, event, verdict


def _keep(task: Task, fitter: Fitter) -> None:
    """Write a checkpoint now."""
    with _disk_told(), replacing(task.checkpoint, force=True) as temporary:
        temporary.write_bytes(fitter.dump())
    task.checkpointed()


@contextmanager
def _disk_told() -> Iterator[None]:
    """Turn what says that a checkpoint cannot be written into DiskFull: the job is done later."""
    try:
        yield
    except InrError as error:
        raise DiskFull(str(error)) from error


def _resuming(task: Task, make: Callable[[bool], _T]) -> _T:
    """What goes on from the checkpoint; what starts over where that is of another version, or other work."""
    if task.job.inr_version == __version__ and task.checkpoint.exists():
        try:
            return make(True)
        except DiskFull:
            raise
        except InrError as error:
            warnings.warn(InrWarning(f"started over, for the checkpoint could not be used: {error}"), stacklevel=2)
    if task.conclude():  # nothing was learned that could be kept
        raise Interrupted("cancel")
    task.checkpoint.unlink(missing_ok=True)
    return make(False)


def _engine(job: Job, wanted: Any) -> Any:
    """What an earlier attempt chose, where the choice is free: the same bytes come of the same engine."""
    return job.engine if wanted == "auto" and job.engine and job.inr_version == __version__ else wanted


def _compress(task: Task, given: Input) -> Outcome:
    signal, options = given.signal, dict(task.job.options)
    seconds = options.pop("seconds", None)
    engine = _engine(task.job, options.pop("engine", "auto"))
    return _series(task, seconds, lambda fits: compress_and_measure(signal, engine=engine, fits=fits, **options))


def _recompress(task: Task, given: Input) -> Outcome:
    assert given.field is not None
    field, options = decode(given.field), dict(task.job.options)
    seconds = options.pop("seconds", None)
    engine = _engine(task.job, options.pop("engine", "auto"))
    return _series(
        task, seconds,
        lambda fits: recompress(field, signal=given.signal, engine=engine, fits=fits, **options),
    )  # fmt: skip


def _series(task: Task, seconds: float | None, make: Callable[[FitSeries], Compressed]) -> Outcome:
    """Run the fits of a codec."""
    previews, steps = Previews(task), 0

    def run(resume: bool) -> Compressed:
        def on_event(event: "Event") -> None:
            nonlocal steps
            task.tell(event)
            steps += event.kind == "step"
            measured = event.kind == "start" and fits.seconds is not None and event.step == 0
            if event.kind == "start" and fits.fitter is not None:
                task.plan(fits.fitter.engine, None)
            if event.kind == "step" and task.conclude():
                fits.stop()
            if measured or task.reason in ("pause", "drain"):
                with _disk_told():
                    fits.save()
                task.checkpointed()
            elif event.kind == "checkpoint":
                task.checkpointed()
            task.check()
            if event.kind == "step" and fits.fitter is not None:
                previews.look(fits.fitter, event.step)

        fits = FitSeries(
            seconds=seconds, checkpoint=task.checkpoint, every=CHECKPOINT_SECONDS, resume=resume, on_event=on_event
        )
        made = make(fits)
        if fits.reason == "disk":
            raise DiskFull(made.ended or "a checkpoint could not be written")
        return made

    task.stage("preparing")
    made = _resuming(task, run)
    quality = {name: value for name, value in made.quality._asdict().items() if value is not None}
    return Outcome(made.data, {**quality, "steps": steps, "missed": made.missed}, decode(made.data))


def _sweep(task: Task, given: Input) -> Outcome:
    from inr.io import load
    from inr.sweeping import SweepEvent, sweep

    def on_event(event: SweepEvent) -> None:
        what = "" if event.task is None else " + ".join(event.task.label.values())
        task.count(event.done, event.planned, event.psnr, what or "fitting")
        if task.reason is not None:
            raise KeyboardInterrupt  # by which sweeps end; fits that are done are kept

    options = {**task.job.options, "jobs": 0}
    rates = {"learning_rate": options.pop("lr")} if "lr" in options else {}
    folder = task.folder / "sweep"
    task.plan(None, None)
    assert given.signal is not None
    try:
        result = sweep(given.signal, **options, **rates, folder=folder, resume=folder.exists(), on_event=on_event)
    finally:
        task.check()
    chosen = result.chosen or result.best
    if chosen is None:
        raise Diverged("no fit of the sweep was finished: " + "; ".join(row.note for row in result.rows[:3]))
    path = result.store.fits / f"{chosen.name}.inr"
    figures = {"psnr": chosen.psnr, "ssim": chosen.ssim, "steps": chosen.steps}
    return Outcome(path.read_bytes(), figures | {"rows": result.to_json()["rows"]}, load(path))


_RUN: Mapping[str, Callable[[Task, Input], Outcome]] = {
    "fit": _fit, "compress": _compress, "recompress": _recompress, "sweep": _sweep,
}  # fmt: skip
