"""A worker: one process that claims jobs and does them, one after the other, until it is asked to end."""

import logging
import os
import secrets
import signal as posix_signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from inr._errors import DamagedFile, InrError
from inr.compression import fit
from inr.serving import DiskFull
from inr.serving._disk import FULL
from inr.serving.problems import Problem
from inr.serving.queue import Claim, NotFound, Queue
from inr.serving.store import RESERVE, Store
from inr.serving.views import FieldImage, build_pyramid
from inr.serving.work._heart import Heart, resident
from inr.serving.work._kinds import Diverged, Input, Outcome, hearing, run_job
from inr.serving.work._previews import Previews
from inr.serving.work._reader import lossless_of, reading_options, signal_of
from inr.serving.work._task import Interrupted, Task
from inr.signals import from_array
from inr.signals import open as open_signal

log = logging.getLogger("inr.serving")

JOBS_OF_A_LIFE = 200
_LOOK, _LONGEST_IDLE = 0.05, 1.0  # seconds between two looks whether anything happened, and without a look for a job
_CLAIMED = 16
_LARGE_SIDE = 512  # pixels of pictures whose smaller sizes are made at once; those of others are made when asked for
FULL_SECONDS = 60.0  # in which nobody claims a job after the disk was full


class Worker:
    """Claims and does jobs.

    Args:
        folder: of the service.
        memory: most bytes that the process may take; half of what it may take beside itself ends it between two jobs.
        reserve: bytes of the disk that are left alone: no job is begun with less.
        follow: end when the process that began this one does.
    """

    def __init__(self, folder: Path, *, memory: int, reserve: int = RESERVE, follow: bool = False) -> None:
        self._folder, self._memory, self._reserve, self._follow = folder, memory, reserve, follow
        self._queue, self._store = Queue(folder), Store(folder)
        self._id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._stopping = False  # a plain one, for a handler of signals may wait for no lock
        self._heart: Heart | None = None
        self._done, self._worn = 0, memory

    def stop(self) -> None:
        """Ask it to end within seconds: what is under way is kept and given back."""
        self._stopping = True
        if self._heart is not None:
            self._heart.drain()

    @property
    def asked_to_end(self) -> bool:
        """Whether it ends because it was told to, or has nobody left to work for."""
        return self._stopping or (self._heart is not None and self._heart.draining)

    def run(self, *, until_empty: bool = False) -> int:
        """Work until it is asked to end, or has worked for long enough.

        Args:
            until_empty: end where no job can be claimed, too.

        Returns:
            How many jobs were done.
        """
        warm_up()
        if (own := resident()) >= self._memory:
            raise InrError(f"a worker takes {own:,} bytes by itself, give it more than {self._memory:,}")
        self._worn = own + (self._memory - own) // 2
        self._queue.register(self._id, socket.gethostname(), os.getpid(), 1)
        self._heart = heart = Heart(self._queue, self._id, self._memory, follow=self._follow)
        try:
            while not self._ending():
                if claims := claimed(self._queue, self._store, self._id, self._reserve, _CLAIMED):
                    heart.hold(claims)
                    for claim in claims:
                        if not self._ending():
                            self._do(claim, heart)
                elif until_empty:
                    break
                else:
                    self._idle()
        finally:
            for claim in heart.stop():
                self._queue.release(claim)
            self._queue.forget(self._id)
            self._queue.close()
        return self._done

    def _idle(self) -> None:
        """Wait until something happened, but look for jobs now and then: some may be claimed from a certain time on."""
        until = time.monotonic() + _LONGEST_IDLE
        while time.monotonic() < until and not self.asked_to_end and not self._queue.changed():
            time.sleep(_LOOK)

    def _ending(self) -> bool:
        """Whether to begin no more job: it was asked to end, or has worked for long enough."""
        return self.asked_to_end or self._done >= JOBS_OF_A_LIFE or resident() > self._worn

    def _tell(self, tell: Callable[[], object]) -> None:
        """Tell the queue what became of a job, as soon as the disk has room for that: the job is not to blame."""
        while True:
            try:
                tell()
                return
            except DiskFull:
                if self.asked_to_end:
                    raise
                time.sleep(_LONGEST_IDLE)

    def _do(self, claim: Claim, heart: Heart) -> None:
        """Do one job, whatever comes of it."""
        task = Task(self._queue, claim, self._folder, self._seconds_left(claim))
        try:
            if not heart.begin(task):
                return
            outcome = self._outcome(task)
            if self._finished(task, outcome):
                log.info("job %s is done in %.2f s", claim.job.id, task.seconds)
        except Interrupted:
            self._tell(task.leave)
        except Exception as error:  # whatever it is, it must not cost the next job
            self._fail(task, error)
        finally:
            heart.end()
            self._done += 1

    def _seconds_left(self, claim: Claim) -> float:
        try:
            quotas = self._queue.user(claim.job.user).quotas
        except NotFound:  # removed since, and the job with them
            return 1.0
        return max(quotas.seconds_a_job - claim.job.seconds, 1.0)

    def _outcome(self, task: Task) -> Outcome:
        task.check()
        torch.set_num_threads(task.job.threads)
        return run_job(task, self._input(task))

    def _input(self, task: Task) -> Input:
        """What a job works on, from the store; or from a file that its owner named on this machine."""
        job = task.job
        task.stage("reading")
        signal, field = job.signal, job.field
        data: bytes | None = None
        if field is not None:
            fitted = self._queue.job(field)
            if fitted is None or fitted.result_sha256 is None:
                raise InrError("the field that is to be recompressed was deleted")
            data = self._store.path(fitted.result_sha256).read_bytes()
            signal = signal or fitted.signal
        row = None if signal is None else self._queue.signal(signal)
        if row is None or row.state != "ready":
            if data is None:
                raise InrError("the signal of this job was deleted")
            return Input(field=data)
        if row.path is not None:
            return Input(open_signal(row.path, **reading_options(row.options)), Path(row.path), data)
        assert row.array_sha256 is not None
        path = self._store.path(row.array_sha256)
        if row.kind == "field":
            if job.kind != "recompress":
                raise InrError(
                    f"{row.name} is already a fitted field; inr recompress makes it smaller, inr render draws it"
                )
            return Input(field=path.read_bytes())
        with hearing() as said:
            found = signal_of(path, row.description, row.name)
        return Input(found, lossless_of(row.description), data, tuple(said()))

    def _finished(self, task: Task, outcome: Outcome) -> bool:
        """Put the result into the store, then end the job; False where it is not wanted any more."""
        digest, size = self._store.put(outcome.data)
        done = self._queue.finish(
            task.claim, result_sha256=digest, result_bytes=size, metrics=outcome.metrics, seconds=task.seconds
        )
        if done:
            try:
                self._show(task, outcome, digest)
            except (InrError, OSError):
                log.exception("no pictures of job %s", task.job.id)
        return done

    def _show(self, task: Task, outcome: Outcome, digest: str) -> None:
        """Draw what pages show of a job that is done."""
        task.checkpoint.unlink(missing_ok=True)
        Previews(task).draw(outcome.field, outcome.execute)
        shape, cache = outcome.field.domain.shape or (), self._folder / "cache"
        if cache.is_dir() and outcome.field.domain.kind == "image" and max(shape) > _LARGE_SIDE:
            build_pyramid(FieldImage(self._store.path(digest), digest), cache)

    def _fail(self, task: Task, error: Exception) -> None:
        """Say why a job cannot be done; one that met a full disk is done later."""
        if is_full_disk(error):
            log.warning("the disk is full: %s", error)
            self._tell(lambda: self._queue.release(task.claim, not_before=time.time() + FULL_SECONDS))
            self._tell(lambda: self._queue.hold(FULL_SECONDS, "the disk is full"))
            return
        self._tell(lambda: self._queue.fail(task.claim, problem_of(error).to_json(), task.seconds))
        if not isinstance(error, (InrError, MemoryError)):
            log.error("job %s failed", task.job.id, exc_info=error)


def claimed(queue: Queue, store: Store, worker: str, reserve: int, limit: int) -> list[Claim]:
    """The next jobs of a worker; none where nothing waits, or the disk is nearly full, which everybody is then told.

    Args:
        queue: that has the jobs.
        store: on the same disk.
        worker: its id.
        reserve: bytes of the disk that are left alone.
        limit: how many jobs it wants.
    """
    try:
        if queue.held() is not None:
            return []
        if store.free() < reserve:
            queue.hold(FULL_SECONDS, "the disk is nearly full")
            return []
        return queue.claim(worker, limit=limit)
    except DiskFull:  # so full that this cannot even be written
        return []


def is_full_disk(error: Exception) -> bool:
    """Whether an error says that a disk has no room, for which no job is to blame.

    Args:
        error: that work ended with.
    """
    return isinstance(error, DiskFull) or (isinstance(error, OSError) and error.errno in FULL)


def problem_of(error: Exception) -> Problem:
    """Why a job cannot be done, as its owner is told.

    Args:
        error: that its work ended with.
    """
    if isinstance(error, Diverged):
        return Problem("diverged", str(error))
    if isinstance(error, DamagedFile):
        return Problem("damaged-file", str(error))
    if isinstance(error, InrError):
        return Problem("bad-option", str(error))
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "allocate" in str(error)):
        return Problem("memory", "not enough memory for this; choose a smaller network, batch or size")
    return Problem("internal", f"the worker met a {type(error).__name__}; the log of the service says more")


def warm_up() -> None:
    """Load and compile what the usual fit needs, by fitting a small picture for a moment."""
    picture = from_array(np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8))
    for coding in ("exact", "coded"):
        fit(picture, coding=coding, steps=2, seed=0)


def install(worker: Worker) -> None:
    """Let SIGTERM and Ctrl-C end a worker in good order."""
    for number in (posix_signal.SIGTERM, posix_signal.SIGINT):
        posix_signal.signal(number, lambda number, frame: worker.stop())
