"""A job while it is worked on: how far it is, and whether to go on."""

import math
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from inr._json import finite
from inr.serving.problems import Problem
from inr.serving.queue import Claim, Job, Progress, Queue

if TYPE_CHECKING:
    from inr.fitting import Event

# Why a job is to be left before it is done: its owner wants it cancelled or paused, it is somebody else's now, the
# worker is to end, or the job takes more seconds or memory than it may.
Reason = Literal["cancel", "pause", "lost", "drain", "timeout", "memory"]

_CURVE_POINTS, _CURVE_GAP = 300, 0.05  # most of them, and seconds between two at the beginning


class Interrupted(Exception):
    """A job is left before it is done; what can be gone on with has been kept."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Task:
    """A claimed job that has been begun. One thread works on it and tells, another reads and may ask it to end.

    Args:
        queue: that the claim is of; None where the job is done far from it, and nobody is told.
        claim: the right to work on it.
        folder: of the service.
        seconds: most that this attempt may take.

    Attributes:
        folder: of the job's own files; made when it is first asked for.
        asked: when it was asked to end, in seconds of `time.monotonic`; None while it was not.
    """

    def __init__(self, queue: Queue | None, claim: Claim, folder: Path, seconds: float = math.inf) -> None:
        self.claim = claim
        self._queue = queue
        self.asked: float | None = None
        self._folder = folder / "jobs" / claim.job.id
        self._seconds = seconds
        self._reason: Reason | None = None
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._step, self._steps = 0, 0
        self._psnr: float | None = None
        self._loss: float | None = None
        self._stage, self._preview = "starting", 0
        self._curve: list[list[float]] = []
        # one that was stopped while it waited is gone on with only to end it with what it has learned
        self._concluding = claim.job.state == "cancelling"
        if self._concluding:
            self._reason = "cancel"
        self._gap = _CURVE_GAP

    @property
    def job(self) -> Job:
        """The job as it was when it was claimed."""
        return self.claim.job

    @property
    def told(self) -> bool:
        """Whether anybody is told how far it is, and could go on where this attempt ends."""
        return self._queue is not None

    @property
    def folder(self) -> Path:
        """Where the job's own files are."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    @property
    def checkpoint(self) -> Path:
        """The file from which a later attempt goes on."""
        return self.folder / "checkpoint.inr"

    @property
    def seconds(self) -> float:
        """How long this attempt has taken so far."""
        return time.monotonic() - self._begun

    def ask(self, reason: Reason) -> None:
        """Ask whoever works on it to end, for the first reason that is given."""
        if self._reason is None:
            self._reason, self.asked = reason, time.monotonic()

    @property
    def reason(self) -> Reason | None:
        """Why it is to end; None while it is not."""
        if self._reason is None and self.seconds > self._seconds:
            self.ask("timeout")
        return self._reason

    def check(self) -> None:
        """Raise Interrupted where it is to end, and not with what it has."""
        if (reason := self.reason) is not None and not self._concluding:
            raise Interrupted(reason)

    def conclude(self) -> bool:
        """Whether it is to be stopped with what it has, as its owner wanted; it is then not to be left before."""
        if self.reason == "cancel":
            self._concluding = True
        return self._concluding

    def plan(self, engine: str | None, horizon: int | None) -> None:
        """Keep with the job how it is run.

        Args:
            engine: that was chosen.
            horizon: the number of steps.
        """
        if self._queue is None:
            return
        if not self._queue.plan(self.claim, threads=self.job.threads, engine=engine, horizon=horizon):
            self.ask("lost")

    def checkpointed(self) -> None:
        """A checkpoint is on the disk."""
        if self._queue is not None and not self._queue.checkpointed(self.claim, self._step):
            self.ask("lost")

    def leave(self) -> None:
        """Say in the queue what becomes of the job, which was asked to end."""
        assert self._queue is not None
        match self.reason:
            case "cancel":
                self._queue.cancelled(self.claim)
            case "pause" | "drain":
                self._queue.release(self.claim)
            case "timeout":
                detail = f"the job was ended after {self.seconds:.0f} seconds, which is all that it may take"
                self._queue.fail(self.claim, Problem("timeout", detail).to_json(), self.seconds)
            case "memory":
                detail = "the job took more memory than a worker has; take a smaller signal, network or batch"
                self._queue.fail(self.claim, Problem("memory", detail).to_json(), self.seconds)

    def stage(self, what: str) -> None:
        """Say what is being done, and end where that is wanted."""
        with self._lock:
            self._stage = what
        self.check()

    def tell(self, event: "Event") -> None:
        """Keep what an event says of the progress."""
        with self._lock:
            if event.kind == "stage":
                self._stage = event.message
                return
            self._stage, self._step, self._steps = "fitting", event.step, event.steps
            self._loss, self._psnr = finite(event.loss), finite(event.psnr)
            if self._psnr is not None and (not self._curve or event.seconds - self._curve[-1][0] >= self._gap):
                self._curve.append([round(event.seconds, 3), round(self._psnr, 3)])
                if len(self._curve) > _CURVE_POINTS:
                    self._curve, self._gap = self._curve[::2], 2 * self._gap

    def count(self, done: int, planned: int, psnr: float, stage: str) -> None:
        """Keep how many of several fits are done.

        Args:
            done, planned: fits.
            psnr: of the newest, in dB.
            stage: what is being fitted.
        """
        with self._lock:
            self._step, self._steps, self._psnr, self._stage = done, planned, finite(psnr), stage

    def previewed(self) -> None:
        """There is a new preview."""
        with self._lock:
            self._preview += 1

    def progress(self) -> Progress:
        """How far it is."""
        with self._lock:
            return Progress(
                self._step, self._steps or None, self.seconds, self._psnr, self._loss, self._stage,
                [*self._curve], self._preview,
            )  # fmt: skip
