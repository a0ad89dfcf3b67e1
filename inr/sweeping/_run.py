"""Running one fit of a sweep: its figures, its curve, what a sheet shows of it, and the field."""

import math
import shlex
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from inr._errors import InrError
from inr._files import replacing
from inr.diagnostics import Thumbnail, thumbnail
from inr.fitting import Event, Fitter, evaluate, whole_psnr
from inr.signals import Signal
from inr.sweeping._holdout import held_out
from inr.sweeping._rows import Row, Status
from inr.sweeping._tasks import Task, Terms, short_specs, usual_specs

_CURVE_POINTS = 120  # about, evenly over the logarithm of the steps
_SIZE_TOLERANCE = 0.05  # by which a number of parameters may miss what was asked for without a word
_NO_SOURCE = "SIGNAL"  # in commands, for a signal that came from no file

OnStep = Callable[[int, int, float], Any]  # step, steps, dB


class Curve:
    """How good a fit was on the way: (n, 3), steps, seconds and dB, of the batches since the point before."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, float, float]] = []
        self._next = 1.0
        self._losses: list[float] = []

    def add(self, event: Event) -> None:
        """Take in a step; keep a point, if it is far enough from the last one."""
        if event.kind != "step":
            return
        self._losses.append(event.loss)
        if event.step >= self._next or event.step == event.steps:
            mean = statistics.fmean(self._losses)
            # normalised values span 2
            self._rows.append((event.step, event.seconds, 10 * math.log10(4 / mean) if mean > 0 else math.nan))
            self._next = max(event.step + 1, event.step * 10 ** (3.5 / _CURVE_POINTS))
            self._losses = []

    def array(self) -> Float[np.ndarray, "n 3"]:
        """All points."""
        return np.array(self._rows, dtype=np.float64).reshape(-1, 3)


def run_task(task: Task, signal: Signal, source: str | None, folder: Path | None, on_step: OnStep) -> Row:
    """Fit a task and measure it; a fit that cannot be made, or finds no memory, gives a row that says so.

    Args:
        task: the fit.
        signal: all samples.
        source: the file that the signal came from, for the command that makes the fit again.
        folder: where the field, and what sheets show of it, are left; None for nowhere.
        on_step: called after every step with step, steps and dB.
    """
    try:
        return _run(task, signal, source, folder, on_step)
    except (InrError, MemoryError, RuntimeError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        return failed_row(task, signal, source, _why(error))


def failed_row(task: Task, signal: Signal, source: str | None, note: str) -> Row:
    """The row of a fit that gave nothing."""
    return Row(
        task.name, task.label, short_specs(task.setup, signal), "failed", note, math.nan, math.nan, math.nan, math.nan,
        math.nan, 0, 0, task.parameters, "", task.terms.threads or 0, task.rung,
        command(task, signal, source, task.terms.steps, task.setup.batch, ""),
        signal=task.signal, seed=task.terms.seed,
    )  # fmt: skip


def _run(task: Task, signal: Signal, source: str | None, folder: Path | None, on_step: OnStep) -> Row:
    terms, learned, rest = task.terms, signal, None
    if terms.holdout is not None:
        learned, rest = held_out(signal, terms.holdout, terms.seed)
    fitter = Fitter(learned, task.setup, terms.budget, engine=terms.engine, seed=terms.seed)
    fitter.prepare()
    curve = Curve()
    for event in fitter.run():
        curve.add(event)
        on_step(event.step, event.steps, event.psnr)
    measured = _measured(fitter, signal, learned, rest)
    status: Status = "diverged" if event.reason == "diverged" else "done"
    note = f"diverged at step {event.step + 1}" if status == "diverged" else _missed(task)
    if event.reason == "seconds":  # the command then has all the steps that were planned
        note = f"out of time after {event.step} of {event.steps} steps"
    if folder is not None and task.kept:
        _keep(fitter, signal, curve, folder / task.name)
    return Row(
        task.name, task.label, short_specs(task.setup, signal), status, note, **measured, seconds=fitter.seconds,
        steps=event.step, points=fitter.points, parameters=fitter.field.parameter_count, engine=fitter.engine,
        threads=fitter.plan.threads, rung=task.rung,
        command=command(task, signal, source, fitter.steps, fitter.batch, _engine_of(fitter, terms)),
        signal=task.signal, seed=terms.seed, settings=fitter.choices(),
    )  # fmt: skip


def _measured(fitter: Fitter, signal: Signal, learned: Signal, rest: Signal | None) -> dict[str, Any]:
    field, execute, block = fitter.field, fitter.execute, fitter.plan.block
    found = evaluate(field, signal, execute=execute, block=block)
    field.metrics = dict(found)
    measured: dict[str, Any] = {name: found.get(name, math.nan) for name in ("psnr", "ssim", "snr", "holdout")}
    measured["between"] = found.get("psnr_between", math.nan)
    if rest is not None:
        measured["psnr"] = whole_psnr(field, learned, execute=execute, block=block)
        measured["holdout"] = whole_psnr(field, rest, execute=execute, block=block)
    return measured


def _missed(task: Task) -> str:
    """What is to be said of a field that could not be made of the size that was asked for."""
    target = task.terms.parameters
    if target is None or abs(task.parameters / target - 1) <= _SIZE_TOLERANCE:
        return ""
    return f"comes no nearer to {target:,} parameters"


def _engine_of(fitter: Fitter, terms: Terms) -> str:
    """The engine to name, so that another fit gives the same numbers: sums depend on how many threads share them."""
    if terms.engine != "auto" or fitter.engine != "cpu" or terms.threads is None:
        return terms.engine
    return f"cpu:threads={fitter.plan.threads}"


def command(task: Task, signal: Signal, source: str | None, steps: int | None, batch: int | None, engine: str) -> str:
    """The `inr fit` that makes the same field, of all samples."""
    setup, terms = task.setup, task.terms
    words: list[str] = ["inr", "fit", source or _NO_SOURCE]
    usual = {"teacher": "uniform"} | usual_specs(setup, signal, terms.seed)
    specs = {part: spec for part, spec in short_specs(setup, signal).items() if spec != usual.get(part)}
    options: dict[str, Any] = {
        "preset": setup.preset,
        **specs,
        "steps": steps,
        "seconds": None if steps else terms.seconds,
    }
    options |= {"batch": batch, "lr": _rates(terms.rates), "schedule": terms.schedule}
    options |= {"seed": terms.seed or None, "engine": None if engine in ("", "auto") else engine}
    for option, value in options.items():
        words += [] if value is None else [f"--{option}", str(value)]
    return shlex.join(words)


def _rates(rates: float | str | Mapping[str, float] | None) -> str | None:
    if isinstance(rates, Mapping):
        return ",".join(f"{part}={rate!r}" for part, rate in rates.items())
    return rates if rates is None or isinstance(rates, str) else repr(rates)


def _keep(fitter: Fitter, signal: Signal, curve: Curve, path: Path) -> None:
    """Write the field and what is drawn of the fit, each under its final name only when it is whole."""
    kept = thumbnail(fitter.field, signal, fitter.execute)
    with replacing(path.with_name(f"{path.name}.npz"), force=True) as temporary:
        arrays: dict[str, Any] = {"curve": curve.array(), **kept.arrays()}
        np.savez_compressed(temporary, **arrays)
    fitter.field.cpu().eval().save(path.with_name(f"{path.name}.inr"), force=True)


def load_thumbnail(path: Path) -> tuple[Float[np.ndarray, "n 3"], Thumbnail]:
    """The curve, and what sheets show, of a fit whose files are called `path` and a suffix."""
    with np.load(path.with_name(f"{path.name}.npz")) as arrays:
        return arrays["curve"], Thumbnail(**{name: arrays[name] for name in arrays.files if name != "curve"})


def _why(error: Exception) -> str:
    """An exception in one line."""
    words = " ".join(str(error).split())
    if isinstance(error, MemoryError) or "allocate" in words:
        return "out of memory"
    return words if isinstance(error, InrError) else f"{type(error).__name__}: {words}"[:300]
