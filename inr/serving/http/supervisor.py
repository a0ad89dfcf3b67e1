"""The processes beside the server: workers are begun, begun again when they die, and told to end."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from inr.serving.http.logs import log, tell
from inr.serving.http.service import in_thread

if TYPE_CHECKING:
    from inr.serving.queue import Queue

CANCEL_SECONDS = 5.0  # within which a job that is cancelled has to stop before its worker is killed
LOOK_SECONDS = 1.0
LONGEST_REST = 30.0  # seconds between two starts of a worker that dies at once
SOUND_SECONDS = 60.0  # a worker that lived so long did not die at once


class Supervisor:
    """Keeps a number of workers at work.

    Args:
        folder: of the service.
        queue: of the folder.
        count: how many workers there are to be.
        left: process ids of workers that a server which is gone began: they go on, and count.
        keep: told the process ids of all whenever they change.
    """

    def __init__(
        self, folder: Path, queue: "Queue", count: int, *, left: list[int], keep: Callable[[list[int]], None]
    ) -> None:
        self._command = [sys.executable, "-m", "inr", "work", str(folder)]
        self._queue, self._keep = queue, keep
        alive = {worker.pid for worker in queue.workers() if worker.host == socket.gethostname()}
        self._left = [pid for pid in left if pid in alive and _lives(pid)]
        self._count = count
        self._pids: set[int] = set(self._left)
        self._cancelling: dict[str, float] = {}
        self._draining = False

    async def run(self) -> None:
        """Keep them at work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for place in range(self._count):
                group.create_task(self._fill(self._left[place] if place < len(self._left) else None))
            group.create_task(self._watch())

    async def drain(self, seconds: float) -> None:
        """Tell all workers to end; kill those that have not after so many seconds."""
        self.begin_drain()
        for pid in self._pids:  # one may have been begun at that moment
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while any(map(_lives, self._pids)) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        for pid in self._pids:
            _signal(pid, signal.SIGKILL)

    def begin_drain(self) -> None:
        """Tell all workers to end, and begin no more."""
        if not self._draining:
            self._draining = True
            for pid in self._pids:
                _signal(pid, signal.SIGTERM)

    async def _fill(self, left: int | None) -> None:
        """See that there is a worker at one place."""
        rest = 1.0
        if left is not None:
            while _lives(left):
                await asyncio.sleep(LOOK_SECONDS)
            await self._gone(left)
        while not self._draining:
            began = time.monotonic()
            # in a session of its own, so that Ctrl-C in a terminal comes to the server alone
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
            )
            self._pids.add(process.pid)
            self._keep(sorted(self._pids))
            status = await process.wait()
            await self._gone(process.pid)
            if status != 0:
                tell("a worker died", pid=process.pid, status=status)
                rest = 1.0 if time.monotonic() - began > SOUND_SECONDS else min(2 * rest, LONGEST_REST)
                await asyncio.sleep(rest)

    async def _gone(self, pid: int) -> None:
        """A worker has ended: its jobs are anybody's at once."""
        self._pids.discard(pid)
        self._keep(sorted(self._pids))
        for worker in await in_thread(self._queue.workers):
            if worker.pid == pid and worker.host == socket.gethostname():
                await in_thread(self._queue.forget, worker.id)

    async def _watch(self) -> None:
        """Kill workers that do not stop what was cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._kill_stuck()
            except Exception:
                log.exception("cancelled jobs could not be looked at")

    async def _kill_stuck(self) -> None:
        jobs, _ = await in_thread(self._queue.jobs, None, state="cancelling")
        now = time.monotonic()
        self._cancelling = {job.id: self._cancelling.get(job.id, now) for job in jobs}
        for job, since in self._cancelling.items():
            if now - since < CANCEL_SECONDS:
                continue
            worker = await in_thread(self._queue.worker_of, job)
            if worker is not None and worker.pid in self._pids:
                tell("a worker did not stop a cancelled job", pid=worker.pid, job=job)
                _signal(worker.pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
