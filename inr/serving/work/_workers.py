"""Several workers of one folder, each a process of its own; who begins them needs no torch."""

import contextlib
import os
import signal as posix_signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from inr._memory import usable_memory
from inr.serving import DiskFull
from inr.serving.queue import Queue
from inr.serving.store import RESERVE

NICE = 10
_UNTOLD = 4 << 30  # bytes of memory to assume where the system does not tell
DRAIN_SECONDS = 5.0  # in which workers end that are asked to
_REST, _LONGEST_REST = 0.5, 30.0  # seconds before another one is begun in the place of one that died


def work(folder: Path, *, memory: int | None = None, reserve: int = RESERVE, follow: bool = False) -> None:
    """Be a worker until SIGTERM or Ctrl-C; the process begins anew now and then, which frees what it has gathered.

    Args:
        folder: of the service.
        memory: most bytes that the process may take; half of the machine's if None.
        reserve: bytes of the disk that are left alone: no job is begun with less.
        follow: end when the process that began this one does.
    """
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    from inr.serving.work._worker import Worker, install

    worker = Worker(folder, memory=memory or half_of_memory(), reserve=reserve, follow=follow)
    install(worker)
    worker.run()
    if not worker.asked_to_end:  # it has lived for long enough: another one takes its place, as the same process
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def half_of_memory() -> int:
    """Half of the memory there is, in bytes; 2 GiB where the system does not tell."""
    return (usable_memory() or _UNTOLD) // 2


class Workers:
    """Keeps a number of workers at work.

    Args:
        folder: of the service.
        queue: of the folder.
        count: how many.
        memory: most bytes that all together may take; half of the machine's if None.
        reserve: bytes of the disk that are left alone: no job is begun with less.
        log: the file that gets what they say; where this process says it if None.
    """

    def __init__(
        self,
        folder: Path,
        queue: Queue,
        count: int,
        *,
        memory: int | None = None,
        reserve: int = RESERVE,
        log: Path | None = None,
    ) -> None:
        each = (memory or half_of_memory()) // max(count, 1)
        self._command = [sys.executable, "-m", "inr.serving.work", str(folder.resolve()), str(each), str(reserve)]
        self._queue, self._log = queue, log
        self._workers: list[subprocess.Popen[bytes] | None] = [None] * count
        self._due = [0.0] * count
        self._rest = [_REST] * count

    def __enter__(self) -> "Workers":
        self.look()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def look(self) -> None:
        """Begin those that are not there; call it every second or so."""
        for place, worker in enumerate(self._workers):
            if worker is not None and worker.poll() is not None:
                self._forget(worker.pid)
                self._workers[place] = None
                if worker.returncode != 0:
                    self._due[place] = time.monotonic() + self._rest[place]
                    self._rest[place] = min(2 * self._rest[place], _LONGEST_REST)
                else:
                    self._rest[place] = _REST
            if self._workers[place] is None and time.monotonic() >= self._due[place]:
                self._workers[place] = self._begin()

    def stop(self) -> None:
        """Ask all to end, and kill those that do not."""
        alive = [worker for worker in self._workers if worker is not None]
        for worker in alive:
            worker.terminate()
        deadline = time.monotonic() + DRAIN_SECONDS
        for worker in alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(max(deadline - time.monotonic(), 0))
            if worker.poll() is None:
                worker.kill()
                worker.wait()
            self._forget(worker.pid)
        self._workers = [None] * len(self._workers)

    def _begin(self) -> "subprocess.Popen[bytes]":
        # in a session of its own, so that Ctrl-C in a terminal comes to this process alone
        with contextlib.ExitStack() as stack:
            said: IO[bytes] | None = None if self._log is None else stack.enter_context(self._log.open("ab"))
            return subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )

    def _forget(self, pid: int) -> None:
        """A worker has ended: what it had is anybody's at once; when its leases are over, where the disk is full."""
        with contextlib.suppress(DiskFull):
            for worker in self._queue.workers():
                if worker.pid == pid and worker.host == socket.gethostname():
                    self._queue.forget(worker.id)


def supervise(folder: Path, count: int, *, memory: int | None = None) -> None:
    """Keep workers at work until SIGTERM or Ctrl-C.

    Args:
        folder: of the service.
        count: how many.
        memory: most bytes that all together may take; half of the machine's if None.
    """
    ending = False

    def end(number: int, frame: object) -> None:
        nonlocal ending
        ending = True

    for number in (posix_signal.SIGTERM, posix_signal.SIGINT):
        posix_signal.signal(number, end)
    with contextlib.closing(Queue(folder)) as queue, Workers(folder, queue, count, memory=memory) as workers:
        while not ending:
            workers.look()
            time.sleep(0.2)
