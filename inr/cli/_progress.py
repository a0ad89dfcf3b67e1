"""Progress on stderr: readers of the event stream and of rendered blocks."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from inr.cli._console import clock, err, si

if TYPE_CHECKING:
    from inr.fitting import Event

# seconds between redraws: the fit has the processor
_REFRESH = 0.1


class FitBar:
    """A progress bar that reads the events of a fit."""

    def __init__(self, *, quiet: bool) -> None:
        self._progress = _bar(quiet)
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
        if event.kind == "step" and now - self._drawn < _REFRESH and event.step < event.steps:
            return
        self._drawn = now
        self._progress.update(
            self._task, total=event.steps, completed=event.step, status=self._status(event), refresh=True
        )

    def _status(self, event: "Event") -> str:
        """PSNR, rate, time spent and time left; a resumed fit is timed from where it went on."""
        start = self._start
        if start is None or event.step == start.step:
            return ""
        seconds, steps = event.seconds - start.seconds, event.step - start.step
        rate = si((event.points - start.points) / max(seconds, 1e-9), "points/s")
        psnr = f"{event.psnr:.2f} dB" if math.isfinite(event.psnr) else "-- dB"
        left = clock(seconds / steps * (event.steps - event.step))
        skipped = f"  {event.skipped} steps skipped" if event.skipped else ""
        return f"{psnr}  {rate}  {clock(event.seconds)} spent, {left} left{skipped}"


@contextmanager
def counting(total: int, what: str, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar over `total` points; yields what is called with the points done since the last call."""
    with _bar(quiet) as progress:
        task = progress.add_task(what, total=total, status="")
        begin = drawn = time.perf_counter()

        def advance(points: int) -> None:
            nonlocal drawn
            progress.advance(task, points)
            now = time.perf_counter()
            if now - drawn >= _REFRESH:
                drawn = now
                done = progress.tasks[0].completed
                left = clock((now - begin) / done * (total - done))
                rate = si(done / (now - begin), "points/s")
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
