"""Fits side by side, in processes that are handed one task after the other and may die without harm to the rest."""

import contextlib
import itertools
import math
import multiprocessing
import signal as posix_signal
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from inr._errors import InrError
from inr._main_module import nothing_of_this_script
from inr.signals import GridSignal, ScatteredSignal, Signal, open
from inr.sweeping._rows import Row
from inr.sweeping._run import failed_row, run_task
from inr.sweeping._tasks import PARTS, Task
from inr.sweeping._worker import work

OnStep = Callable[[Task, int, int, float], Any]  # task, step, steps, dB
_PATIENCE = 0.25  # seconds of one wait: on Windows an interrupt is heard between two waits only


@dataclass(frozen=True)
class Inputs:
    """What all tasks of a sweep have in common.

    Attributes:
        signals: what is fitted.
        sources: the files that the signals came from, None where one came from none.
        folder: where fits leave their files, None for fits that leave none.
    """

    signals: tuple[Signal, ...]
    sources: tuple[str | None, ...]
    folder: Path | None

    @property
    def names(self) -> list[str]:
        """What the signals are called: the paths of their files, where there are some."""
        return [source or f"signal {place}" for place, source in enumerate(self.sources, 1)]


@dataclass(frozen=True)
class Briefing:
    """The inputs as they are sent to a process, which opens files itself where there are some.

    Attributes:
        sources, folder: those of the inputs.
        samples: positions, array and domain of signals that came from no file, None of others.
        threads: how many the process may have.
        modules: those that register the parts of the tasks.
    """

    sources: tuple[str | None, ...]
    folder: Path | None
    samples: tuple[tuple[Any, ...] | None, ...]
    threads: int
    modules: tuple[str, ...]

    def signal(self, place: int) -> Signal:
        """The signal in a place, opened or as it was sent."""
        source, samples = self.sources[place], self.samples[place]
        if samples is None:
            assert source is not None
            return open(source)
        positions, array, domain = samples
        return GridSignal(array, domain) if positions is None else ScatteredSignal(positions, array, domain)


def run_here(tasks: Sequence[Task], inputs: Inputs, on_step: OnStep) -> Generator[Row, None, None]:
    """Run tasks one after the other in this process; yields rows as they are finished."""
    for task in tasks:
        on_step(task, 0, 0, math.nan)

        def told(step: int, steps: int, psnr: float, task: Task = task) -> None:
            on_step(task, step, steps, psnr)

        yield run_task(task, inputs.signals[task.place], inputs.sources[task.place], inputs.folder, told)


def run_in_processes(
    tasks: Sequence[Task], inputs: Inputs, jobs: int, threads: int, on_step: OnStep
) -> Generator[Row, None, None]:
    """Run tasks in `jobs` processes of so many threads each; yields rows as they are finished.

    A process that dies costs the task that it had; another takes its place.
    """
    briefing = _briefing(tasks, inputs, threads)
    waiting, numbers = list(tasks), itertools.count()
    workers: dict[Connection, _Worker] = {}

    def hand_out(worker: _Worker) -> None:
        if waiting:
            worker.give(waiting.pop(0))
            on_step(worker.task, 0, 0, math.nan)
        else:
            del workers[worker.connection]
            worker.dismiss()

    with tempfile.TemporaryDirectory(prefix="inr-sweep-", ignore_cleanup_errors=True) as logs:

        def start() -> None:
            worker = _Worker(briefing, Path(logs) / f"{next(numbers)}.log")
            workers[worker.connection] = worker
            hand_out(worker)

        try:
            for _ in range(min(jobs, len(tasks))):
                start()
            while workers:
                for connection in wait(list(workers), _PATIENCE):
                    assert isinstance(connection, Connection)
                    worker = workers[connection]
                    try:
                        message = connection.recv()
                    except (EOFError, OSError):  # it has died
                        del workers[connection]
                        task, cause = worker.task, worker.cause_of_death()
                        yield failed_row(task, inputs.signals[task.place], inputs.sources[task.place], cause)
                        if waiting:
                            start()
                        continue
                    if isinstance(message, Row):
                        yield message
                        hand_out(worker)
                    else:
                        on_step(worker.task, *message)
        finally:
            for worker in workers.values():
                worker.kill()


def _briefing(tasks: Sequence[Task], inputs: Inputs, threads: int) -> Briefing:
    """What processes are told first. Raises InrError for parts that only this process knows."""
    modules = []
    for task in tasks:
        for part, spec in task.parts().items():
            cls = PARTS[part].info(spec).cls
            if cls.__module__ == "__main__":
                raise InrError(
                    f"{part} '{spec}' is registered by the running script, which other processes do not see: "
                    "sweep with jobs=0, or move it to a module"
                )
            modules.append(cls.__module__)
    samples = tuple(
        None if source is not None else (signal.positions, signal.array, signal.domain)
        for signal, source in zip(inputs.signals, inputs.sources, strict=True)
    )
    return Briefing(inputs.sources, inputs.folder, samples, threads, tuple(dict.fromkeys(modules)))


class _Worker:
    """A process, the way to talk with it, and the task that it has.

    Args:
        briefing: what it is told first.
        log: the file that gets whatever it prints.
    """

    def __init__(self, briefing: Briefing, log: Path) -> None:
        self.task: Task
        self._log = log
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, str(log), briefing.threads))
        with nothing_of_this_script(), _interrupts_blocked():
            self._process.start()
        theirs.close()
        self._send(briefing)

    def give(self, task: Task) -> None:
        """Hand it a task."""
        self.task = task
        self._send(task)

    def _send(self, message: Any) -> None:
        with contextlib.suppress(OSError):  # where it has died, receiving from it tells
            self.connection.send(message)

    def dismiss(self) -> None:
        """Let it end by itself: there is nothing more to do."""
        self.connection.close()
        self._process.join()
        self._process.close()

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self.dismiss()

    def cause_of_death(self) -> str:
        """Why it died, as far as can be told."""
        self.connection.close()
        self._process.join()
        status = self._process.exitcode or 0
        self._process.close()
        if status == -getattr(posix_signal, "SIGKILL", 9):
            return "its process was killed, as systems do that run out of memory"
        if status < 0:
            return f"its process died of signal {-status}"
        printed = self._log.read_text(errors="replace").strip().splitlines() if self._log.exists() else []
        return f"its process ended with status {status}" + (f": {printed[-1][:200]}" if printed else "")


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, from their first moment: this one decides what becomes of them."""
    if not hasattr(posix_signal, "pthread_sigmask"):  # Windows, where they ignore interrupts once they run
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it would unblock interrupts
    before = posix_signal.pthread_sigmask(posix_signal.SIG_BLOCK, {posix_signal.SIGINT})
    try:
        yield
    finally:
        posix_signal.pthread_sigmask(posix_signal.SIG_SETMASK, before)
