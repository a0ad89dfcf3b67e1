"""Progress on stderr: readers of the event stream and of rendered blocks."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from inr.cli._console import clock, decibels, err, si

if TYPE_CHECKING:
    from inr.fitting import Event
    from inr.priors import LearningEvent
    from inr.serving.work import Many
    from inr.sets import SetProgress
    from inr.sweeping import SweepEvent

# Seconds between redraws, for the fit needs the processor.
_REFRESH_SECONDS = 0.1
_TITLE_LETTERS = 40  # shown of a fit's name beside its bar


class FitBar:
    """A progress bar that reads the events of a fit.

    Args:
        quiet: show nothing.
        by_loss: show the loss in the place of the PSNR, which losses other than of samples have none of.
    """

    def __init__(self, *, quiet: bool, by_loss: bool = False) -> None:
        self._progress = _bar(quiet)
        self._by_loss = by_loss
        self._task: TaskID | None = None
        self._drawn = 0.0
        self._start: Event | None = None

    def __enter__(self) -> "FitBar":
        self._progress.start()
        self._task = self._progress.add_task("fitting", total=None, status="starting")
        self._progress.refresh()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.refresh()
        self._progress.stop()

    def show(self, event: "Event") -> None:
        """Draw an event, if enough time has passed since the last one drawn."""
        assert self._task is not None
        if event.kind == "start":
            self._start = event
        now = time.perf_counter()
        if event.kind == "step" and now - self._drawn < _REFRESH_SECONDS and event.step < event.steps:
            return
        self._drawn = now
        stage = event.kind == "stage"
        self._progress.update(
            self._task, description=event.message if stage else "fitting", total=event.steps or None,
            completed=event.step, status="" if stage else self._status(event), refresh=True,
        )  # fmt: skip

    def _status(self, event: "Event") -> str:
        """PSNR, rate, time spent and time left; a resumed fit is timed from where it went on."""
        start = self._start
        if start is None or event.step == start.step:
            return ""
        seconds, steps = event.seconds - start.seconds, event.step - start.step
        points = event.points - start.points  # which a server does not tell
        rate = si(points / max(seconds, 1e-9), "points/s") + "  " if points else ""
        psnr = f"{event.psnr:.2f} dB" if math.isfinite(event.psnr) else "-- dB"
        if self._by_loss:
            psnr = f"loss {event.loss:.3g}"
        if event.bits is not None:
            psnr, rate = f"{event.bits:.3f} bpp  {psnr}", ""  # what is wanted of a file, rather than how it is got
        left = clock(seconds / steps * (event.steps - event.step))
        skipped = f"  {event.skipped} steps skipped" if event.skipped else ""
        return f"{psnr}  {rate}{clock(event.seconds)} spent, {left} left{skipped}"


class LearningBar(FitBar):
    """A bar over what is learned from several signals, with the quality of those that are held out."""

    _held_out = math.nan

    def __enter__(self) -> "LearningBar":
        super().__enter__()
        return self

    def tell(self, event: "LearningEvent") -> None:
        """Draw an event, if enough time has passed since the last one drawn."""
        self._held_out = event.held_out
        self.show(event.event)

    def _status(self, event: "Event") -> str:
        status = super()._status(event)
        return f"held out {self._held_out:.2f} dB, learned {status}" if math.isfinite(self._held_out) else status


class SweepBar:
    """A bar for a sweep and one for every fit that is under way; a line for every one that is finished.

    Args:
        quiet: show nothing.
        cases: say of every fit which signal and seed it is of.
    """

    def __init__(self, *, quiet: bool, cases: bool) -> None:
        self._cases = cases
        self._progress = _bar(quiet)
        self._quiet = quiet
        self._whole: TaskID | None = None
        self._fits: dict[str, TaskID] = {}
        self._drawn = 0.0
        self._seen = 0
        self._said = 0

    def __enter__(self) -> "SweepBar":
        self._progress.start()
        self._whole = self._progress.add_task("all fits", total=None, status="checking")
        self._progress.refresh()
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.refresh()
        self._progress.stop()

    def show(self, event: "SweepEvent") -> None:
        """Draw an event, if enough time has passed since the last one drawn."""
        assert self._whole is not None
        if event.kind == "plan":
            for line in event.refused[self._said :]:
                self._say(f"left out: {line}")
            self._said = len(event.refused)
            if event.done > self._seen:
                count = event.done - self._seen
                self._say(f"{count} {'fit is' if count == 1 else 'fits are'} done already")
            self._seen = event.done
        if event.row is not None:
            self._finish(event)
        elif event.task is not None:
            self._advance(event)
        now = time.perf_counter()
        if event.kind == "step" and now - self._drawn < _REFRESH_SECONDS:
            return
        self._drawn = now
        status = f"{event.done} of {event.planned}"
        self._progress.update(self._whole, total=event.planned, completed=event.done, status=status, refresh=True)

    def _advance(self, event: "SweepEvent") -> None:
        assert event.task is not None
        name = event.task.name
        if name not in self._fits:
            title = self._title(event)
            title = title if len(title) <= _TITLE_LETTERS else title[: _TITLE_LETTERS - 1] + "…"
            self._fits[name] = self._progress.add_task(title, total=None, status="starting")
        psnr = f"{event.psnr:.2f} dB" if math.isfinite(event.psnr) else ""
        if event.steps:
            self._progress.update(self._fits[name], total=event.steps, completed=event.step, status=psnr)

    def _finish(self, event: "SweepEvent") -> None:
        """Take the fit's bar away, and say what it came to."""
        row = event.row
        assert row is not None
        if row.name in self._fits:
            self._progress.remove_task(self._fits.pop(row.name))
        self._seen = event.done
        came = row.note if row.status != "done" else f"{decibels(row.psnr)} in {row.seconds:.1f} s"
        self._say(f"{event.done} of {event.planned}: {self._title(event)}: {came}")

    def _title(self, event: "SweepEvent") -> str:
        """What the event's fit is called."""
        task = event.task
        assert task is not None
        title = " + ".join(task.label.values()) or "the default parts"
        return f"{title} ({Path(task.signal).name}, seed {task.terms.seed})" if self._cases else title

    def _say(self, line: str) -> None:
        """A line above the bars."""
        if not self._quiet:
            self._progress.console.print(f"inr: {line}", markup=False, highlight=False, soft_wrap=True)


class ManyBar:
    """One bar over the fits of many files; a line for every one that failed."""

    def __init__(self, *, quiet: bool) -> None:
        self._progress = _bar(quiet)
        self._quiet = quiet
        self._task: TaskID | None = None
        self._begun = time.perf_counter()
        self._before: int | None = None
        self._told: set[str] = set()

    def __enter__(self) -> "ManyBar":
        self._progress.start()
        self._task = self._progress.add_task("all files", total=None, status="starting")
        self._progress.refresh()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.refresh()
        self._progress.stop()

    def show(self, many: "Many") -> None:
        """Draw how far it is."""
        assert self._task is not None
        done = len(many.rows)
        if self._before is None:
            self._before = done
        for row in many.rows.values():
            if row.state != "done" and row.name not in self._told:
                self._told.add(row.name)
                self._say(f"{row.name}: {row.problem}")
        status = f"{done:,} of {many.total:,}"
        if failed := sum(row.state != "done" for row in many.rows.values()):
            status += f", {failed} failed"
        if (new := done + sum(many.running.values()) - self._before) > 0:
            spent = time.perf_counter() - self._begun
            status += f"  {clock(spent / new * (many.total - self._before - new))} left"
        if many.held is not None:
            status += f"  ({many.held})"
            if many.held not in self._told:
                self._told.add(many.held)
                self._say(f"waiting: {many.held}")
        self._progress.update(
            self._task, total=many.total, completed=done + sum(many.running.values()), status=status, refresh=True
        )

    def _say(self, line: str) -> None:
        """A line above the bar."""
        if not self._quiet:
            self._progress.console.print(f"inr: {line}", markup=False, highlight=False, soft_wrap=True)


class SetBar:
    """A bar over the fields of a set, with how many come in a minute and how long the others take.

    Args:
        quiet: show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._progress = _bar(quiet)
        self._task: TaskID | None = None
        self._begun: tuple[float, int] | None = None
        self._drawn = 0.0

    def __enter__(self) -> "SetBar":
        self._progress.start()
        self._task = self._progress.add_task("fields", total=None, status="looking at the files")
        self._progress.refresh()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.refresh()
        self._progress.stop()

    def show(self, course: "SetProgress") -> None:
        """Draw how far it is, if enough time has passed since it was drawn."""
        assert self._task is not None
        now = time.perf_counter()
        new = course.done - course.kept
        if self._begun is None or not new:  # time counts from where fits begin
            self._begun = now, new
        if now - self._drawn < _REFRESH_SECONDS and course.done != course.total:
            return
        self._drawn = now
        seconds, fitted = now - self._begun[0], new - self._begun[1]
        status = f"{course.done:,}" + ("" if course.total is None else f" of {course.total:,}")
        if fitted and seconds > 0:
            status += f"  {60 * fitted / seconds:,.0f} a minute"
            if course.total is not None:
                status += f"  {clock(seconds / fitted * (course.total - course.done))} left"
        self._progress.update(self._task, total=course.total, completed=course.done, status=status, refresh=True)


@contextmanager
def counting(total: int, what: str, *, quiet: bool, unit: str = "points") -> Iterator[Callable[[int], None]]:
    """A bar over `total` points, or what the unit says; yields what is called with those done since the last call."""
    with _bar(quiet) as progress:
        task = progress.add_task(what, total=total, status="")
        begin = drawn = time.perf_counter()

        def advance(points: int) -> None:
            nonlocal drawn
            progress.advance(task, points)
            now = time.perf_counter()
            if now - drawn >= _REFRESH_SECONDS:
                drawn = now
                done = progress.tasks[0].completed
                left = clock((now - begin) / done * (total - done))
                rate = si(done / (now - begin), f"{unit}/s")
                progress.update(task, status=f"{rate}  {left} left", refresh=True)

        yield advance


@contextmanager
def waiting(message: str, *, quiet: bool) -> Iterator[None]:
    """A spinner beside work that cannot be counted; nothing where stderr is no terminal."""
    console = err()
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(escape(message)):
        yield


def _bar(quiet: bool) -> Progress:
    console: Console = err()
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TaskProgressColumn(),
        TextColumn("{task.fields[status]}", markup=False),
        console=console,
        auto_refresh=False,
        disable=quiet or not console.is_terminal,
    )
