"""Fits side by side: processes that are handed one task after the other, and may die without harm to the rest."""

import contextlib
import functools
import math
import os
import pickle
import queue
import signal as posix_signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import inr
from inr._errors import InrError
from inr.signals import GridSignal, ScatteredSignal, Signal
from inr.sweeping._rows import Row
from inr.sweeping._run import failed_row, run_task
from inr.sweeping._tasks import PARTS, Task

Told = Callable[[Task, int, int, float], Any]  # task, step, steps, dB


@dataclass(frozen=True)
class Job:
    """What all tasks of a sweep have in common.

    Attributes:
        source: the file that the signal came from, None where it came from none.
        folder: where fits leave their files, None for fits that leave none.
    """

    signal: Signal
    source: str | None
    folder: Path | None


@dataclass(frozen=True)
class Order:
    """A job as it is sent to a worker, which opens the file itself where there is one."""

    source: str | None
    samples: tuple[Any, ...] | None
    folder: Path | None
    threads: int
    modules: tuple[str, ...]

    def job(self) -> Job:
        """The job that was sent."""
        if self.samples is None:
            assert self.source is not None
            return Job(inr.open(self.source), self.source, self.folder)
        positions, array, domain = self.samples
        signal = GridSignal(array, domain) if positions is None else ScatteredSignal(positions, array, domain)
        return Job(signal, self.source, self.folder)


def run_here(tasks: Sequence[Task], job: Job, told: Told) -> Generator[Row, None, None]:
    """Run tasks one after the other in this process; rows as they are finished."""
    for task in tasks:
        told(task, 0, 0, math.nan)
        yield run_task(task, job.signal, job.source, job.folder, functools.partial(told, task))


def run_in_processes(
    tasks: Sequence[Task], job: Job, jobs: int, threads: int, told: Told
) -> Generator[Row, None, None]:
    """Run tasks in so many processes of so many threads each; rows as they are finished.

    A process that dies costs the task that it had; another takes its place.
    """
    order = _order(tasks, job, threads)
    waiting, mail = list(tasks), queue.SimpleQueue[tuple["_Worker", Any]]()
    workers: set[_Worker] = set()

    def hand_out(worker: "_Worker") -> None:
        if waiting:
            worker.give(waiting.pop(0))
            told(worker.task, 0, 0, math.nan)
        else:
            workers.discard(worker)
            worker.dismiss()

    try:
        for _ in range(min(jobs, len(tasks))):
            worker = _Worker(order, mail)
            workers.add(worker)
            hand_out(worker)
        while workers:
            worker, news = _next(mail)
            if worker not in workers:
                continue
            if isinstance(news, tuple):
                told(worker.task, *news)
            elif isinstance(news, Row):
                yield news
                hand_out(worker)
            else:  # it died
                workers.discard(worker)
                yield failed_row(worker.task, job.signal, job.source, worker.last_words())
                if waiting:
                    worker = _Worker(order, mail)
                    workers.add(worker)
                    hand_out(worker)
    finally:
        for worker in workers:
            worker.end()


def _next(mail: "queue.SimpleQueue[tuple[_Worker, Any]]") -> tuple["_Worker", Any]:
    """The next message; waits in short pieces, so that an interrupt is heard on every system."""
    while True:
        try:
            return mail.get(timeout=0.25)
        except queue.Empty:
            continue


def _order(tasks: Sequence[Task], job: Job, threads: int) -> Order:
    """What workers are told first. Raises InrError for parts that only this process knows."""
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
    signal = job.signal
    samples = None if job.source is not None else (signal.positions, signal.array, signal.domain)
    return Order(job.source, samples, job.folder, threads, tuple(dict.fromkeys(modules)))


class _Worker:
    """A process with what goes in and what comes out of it."""

    def __init__(self, order: Order, mail: "queue.SimpleQueue[tuple[_Worker, Any]]") -> None:
        self.task: Task
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process runs)
        environment = os.environ | {
            "OMP_NUM_THREADS": str(order.threads),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "inr.sweeping._worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints, env=environment,
        )  # fmt: skip
        self._send(order)
        self._listener = threading.Thread(target=self._listen, args=(mail,), daemon=True)
        self._listener.start()

    def give(self, task: Task) -> None:
        """Hand it a task."""
        self.task = task
        self._send(task)

    def _send(self, thing: Any) -> None:
        assert self._process.stdin is not None
        try:
            pickle.dump(thing, self._process.stdin)
            self._process.stdin.flush()
        except OSError:  # it has died, which the listener tells
            pass

    def _listen(self, mail: "queue.SimpleQueue[tuple[_Worker, Any]]") -> None:
        assert self._process.stdout is not None
        while True:
            try:
                mail.put((self, pickle.load(self._process.stdout)))
            except (EOFError, OSError, ValueError, pickle.UnpicklingError):
                mail.put((self, None))
                return

    def dismiss(self) -> None:
        """Let it end by itself: there is nothing more to do."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()
        self._close()

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        """Close everything of a process that has ended."""
        self._listener.join()
        for stream in (self._process.stdin, self._process.stdout, self._complaints):
            assert stream is not None
            with contextlib.suppress(OSError):  # what could not be written is tried once more
                stream.close()

    def last_words(self) -> str:
        """Why it died, as far as can be told."""
        status = self._process.wait()
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        self._close()
        if status == -getattr(posix_signal, "SIGKILL", 9):
            return "its process was killed, as systems do that run out of memory"
        if status < 0:
            return f"its process died of signal {-status}"
        return f"its process ended with status {status}" + (f": {lines[-1][:200]}" if lines else "")
