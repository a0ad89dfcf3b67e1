"""The thread of a worker that holds its claims, tells how far jobs are, and hears what their owners want."""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from inr._errors import InrError
from inr.serving.queue import Claim, Queue
from inr.serving.work._task import Reason, Task

log = logging.getLogger("inr.serving")

_TELL, _BEAT = 0.25, 2.0  # seconds between two reports of what is worked on, and between two beats of what waits
GRACE, DRAIN_GRACE = 5.0, 4.0  # seconds in which a job must end that was asked to, and where the worker is to end
_VERDICTS: dict[str, Reason] = {"cancel": "cancel", "pause": "pause", "lost": "lost"}


class Heart:
    """Beats for a worker and its claims until it is stopped.

    A job that does not end when it is asked to is given up, and the process with it: whoever started that begins
    another one.

    Args:
        queue: that the claims are of.
        worker: the worker's id.
        memory: most bytes that the process may take.
        follow: end when the process that began this one does.
    """

    def __init__(self, queue: Queue, worker: str, memory: int, *, follow: bool = False) -> None:
        self._queue, self._worker, self._memory = queue, worker, memory
        self._lock = threading.Lock()
        self._waiting: dict[str, Claim] = {}
        self._task: Task | None = None
        self._draining = False
        self._ended = threading.Event()
        self._parent = os.getppid() if follow else None
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)
        self._thread.start()

    @property
    def draining(self) -> bool:
        """Whether the worker is to end."""
        return self._draining

    def drain(self) -> None:
        """Let the worker end: the job that is under way is asked to keep what it has."""
        self._draining = True
        if (task := self._task) is not None:
            task.ask("drain")

    def hold(self, claims: Sequence[Claim]) -> None:
        """Beat for claims, whose jobs are begun one after the other."""
        with self._lock:
            self._waiting = {claim.job.id: claim for claim in claims}

    def begin(self, task: Task) -> bool:
        """Begin a job; False where it is not to be done any more."""
        with self._lock:
            if self._waiting.pop(task.job.id, None) is None:
                return False
            self._task = task
        if self.draining:
            task.ask("drain")
        self._report(task)
        return True

    def end(self) -> None:
        """The job that was begun is over."""
        with self._lock:
            self._task = None

    def stop(self) -> list[Claim]:
        """Beat no more; the claims that were not begun."""
        self._ended.set()
        self._thread.join()
        return list(self._waiting.values())

    def _run(self) -> None:
        due = 0.0
        while not self._ended.wait(_TELL):
            try:
                if (task := self._task) is not None:
                    self._watch(task)
                if time.monotonic() >= due:
                    due = time.monotonic() + _BEAT
                    self._beat()
                if self._parent not in (None, os.getppid()):
                    self.drain()
            except (InrError, sqlite3.Error, OSError):
                log.exception("a beat failed")

    def _beat(self) -> None:
        self._queue.worker_beat(self._worker)
        for claim in list(self._waiting.values()):
            verdict = self._queue.beat(claim)
            if verdict != "go on":
                with self._lock:
                    given = self._waiting.pop(claim.job.id, None)
                if given is not None and verdict == "cancel":
                    self._queue.cancelled(claim)
                elif given is not None and verdict == "pause":
                    self._queue.release(claim)

    def _watch(self, task: Task) -> None:
        """Report on a job, and give it up where it takes more than it may or does not end when it is asked to."""
        if too_large := resident() > self._memory:
            task.ask("memory")
        self._report(task)
        grace = DRAIN_GRACE if task.reason == "drain" else GRACE
        overdue = task.asked is not None and time.monotonic() - task.asked > grace
        if overdue or too_large:
            with self._lock:
                if self._task is not task:  # it ended meanwhile
                    return
                task.leave()
                log.warning("job %s did not end when it was asked to (%s)", task.job.id, task.reason)
                os._exit(GIVEN_UP)

    def _report(self, task: Task) -> None:
        verdict = self._queue.beat(task.claim, task.progress())
        if verdict in _VERDICTS:
            task.ask(_VERDICTS[verdict])


GIVEN_UP = 75  # the exit status of a worker that gave up its job


def resident() -> int:
    """Bytes of memory that this process takes; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
