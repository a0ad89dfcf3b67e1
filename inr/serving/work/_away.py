"""Fits of a queue on the machines of a Ray cluster: claimed and ended here, made there."""

import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from inr._cluster import Cluster, Outcome
from inr._files import describe
from inr.serving.problems import Problem
from inr.serving.queue import Claim, Job, Queue
from inr.serving.store import Store
from inr.serving.work._heart import Heart
from inr.serving.work._kinds import Input, run_job
from inr.serving.work._reader import reading_options
from inr.serving.work._task import Task
from inr.serving.work._worker import FULL_SECONDS, claimed, is_full_disk, problem_of
from inr.signals import open as open_signal

_NO_LIMIT = 1 << 62  # bytes of memory: of this process, which fits nothing


@dataclass(frozen=True)
class Sent:
    """What a machine is sent for a job.

    Attributes:
        job: as it was claimed, of kind fit.
        path: of the signal's file, here; data: its bytes.
        reading: options of reading, as requests write them.
        checkpoint: from which the fit goes on; None where it begins.
    """

    job: Job
    path: str
    data: bytes
    reading: dict[str, Any]
    checkpoint: bytes | None


@dataclass(frozen=True)
class Made:
    """What comes back of a job.

    Attributes:
        seconds: that it took.
        data: the bytes of the field's file; None where it cannot be made.
        metrics: how good it is, as plain JSON.
        problem: why it cannot be made, as JSON.
    """

    seconds: float
    data: bytes | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    problem: dict[str, Any] | None = None


class Away:
    """Has the fits of a queue made on a cluster; a context manager, which gives back what is under way.

    A job is held by a lease that is kept here, its bytes depend on nothing but what is sent, and the store names them
    by their digest: a job that two machines did, since one was taken for dead, is done once.

    Args:
        folder: of the service.
        queue: of the folder; its jobs are of kind fit, of files that are named by their paths.
        cluster: that fits.
        threads: of each job.
        at_once: jobs under way at most; as many as suit the cluster when None.
        reserve: bytes of the disk that are left alone: no job is begun with less.
        more: puts further jobs into the queue when it is empty; whether there were any.
    """

    def __init__(
        self,
        folder: Path,
        queue: Queue,
        cluster: Cluster,
        *,
        threads: int,
        at_once: int | None,
        reserve: int,
        more: Callable[[], bool],
    ) -> None:
        self._folder, self._queue, self._store, self._cluster = folder, queue, Store(folder), cluster
        self._threads, self._at_once, self._reserve, self._more = threads, at_once, reserve, more
        self._id = f"{socket.gethostname()}-ray-{secrets.token_hex(4)}"
        self._claims = dict[str, Claim]()

    def __enter__(self) -> "Away":
        self._queue.register(self._id, socket.gethostname(), 0, self._cluster.cores)
        self._heart = Heart(self._queue, self._id, _NO_LIMIT)
        return self

    def __exit__(self, *_: object) -> None:
        for claim in self._heart.stop():
            self._queue.release(claim)
        self._queue.forget(self._id)

    def run(self, on_look: Callable[[], object]) -> Iterator[None]:
        """Do what waits, until nothing does, or nothing may be begun since the disk is full.

        Args:
            on_look: called a few times a second.

        Yields:
            After every job that has ended.

        Raises:
            InrError: the cluster is gone, or cannot do such jobs.
        """

        def go_on() -> bool:
            on_look()
            return True

        outcomes = self._cluster.run(_make, None, self._sent(), cores=self._threads, at_once=self._at_once, go_on=go_on)
        for outcome in outcomes:
            self._end(outcome)
            yield

    def _sent(self) -> Iterator[tuple[Claim, Sent]]:
        """Claim jobs as there is room for them."""
        while True:
            claims = claimed(self._queue, self._store, self._id, self._reserve, 1)
            if not claims and (self._queue.held() is not None or not self._more()):
                return
            for claim in claims:
                sent = self._read(claim)
                if isinstance(sent, Problem):
                    self._queue.fail(claim, sent.to_json(), 0.0)
                    continue
                self._claims[claim.job.id] = claim
                self._heart.hold([*self._claims.values()])
                yield claim, sent
                del sent  # the cluster has it now

    def _read(self, claim: Claim) -> Sent | Problem:
        row = None if claim.job.signal is None else self._queue.signal(claim.job.signal)
        if row is None or row.path is None:
            return Problem("bad-option", "the signal of this job was deleted")
        checkpoint = self._checkpoint(claim)
        try:
            begun = checkpoint.read_bytes() if checkpoint.exists() else None
            return Sent(claim.job, row.path, Path(row.path).read_bytes(), row.options, begun)
        except OSError as error:
            return Problem("bad-option", f"cannot read {row.path}: {describe(error)}")

    def _checkpoint(self, claim: Claim) -> Path:
        return Task(self._queue, claim, self._folder).checkpoint

    def _end(self, outcome: Outcome[Claim, Made]) -> None:
        """Put the result into the store, then end the job; it is done later where the disk is full."""
        claim, made = outcome.key, outcome.value
        if made is None:
            made = Made(0.0, problem=Problem("crash-loop", outcome.failure or "").to_json())
        try:
            if made.data is None:
                assert made.problem is not None
                self._queue.fail(claim, made.problem, made.seconds)
            else:
                digest, size = self._store.put(made.data)
                self._queue.finish(
                    claim, result_sha256=digest, result_bytes=size, metrics=made.metrics, seconds=made.seconds
                )
                self._checkpoint(claim).unlink(missing_ok=True)
        except Exception as error:
            if not is_full_disk(error):
                raise
            self._queue.release(claim, not_before=time.time() + FULL_SECONDS)
            self._queue.hold(FULL_SECONDS, "the disk is full")
        del self._claims[claim.job.id]
        self._heart.hold([*self._claims.values()])


def _make(_: None, sent: Sent) -> Made:
    """A task: what a worker does with a job, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="inr-fit-") as folder:
        path = Path(folder, Path(sent.path).name)
        path.write_bytes(sent.data)
        task = Task(None, Claim(sent.job, "", sent.checkpoint is not None), Path(folder))
        if sent.checkpoint is not None:
            task.checkpoint.write_bytes(sent.checkpoint)
        torch.set_num_threads(sent.job.threads)
        try:
            outcome = run_job(task, Input(open_signal(path, **reading_options(sent.reading)), path))
        except Exception as error:  # whatever it is, it is this job's alone
            told = problem_of(error).to_json()
            return Made(task.seconds, problem={**told, "detail": told["detail"].replace(str(path), sent.path)})
        return Made(task.seconds, outcome.data, outcome.metrics)
