"""What the queue keeps and gives: plain values, the same whichever database holds them."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["queued", "running", "cancelling", "paused", "done", "failed", "cancelled"]
Kind = Literal["fit", "compress", "recompress", "sweep"]

ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
LEASED: tuple[State, ...] = ("running", "cancelling")


@dataclass(frozen=True)
class Quotas:
    """How much one user may have.

    Attributes:
        waiting: jobs queued or paused.
        running: jobs running at once; 0 is no limit.
        bytes: of signals, uploads and results together.
        seconds_a_job: the largest budget in seconds that a job may ask for, and how long it may run.
    """

    waiting: int = 10_000
    running: int = 0
    bytes: int = 20 << 30
    seconds_a_job: float = 86_400.0


@dataclass(frozen=True)
class User:
    """Somebody who owns signals and jobs.

    Attributes:
        weight: the share of the workers' time beside other users who wait as well: twice the weight, twice the time.
        used_seconds: that workers have spent on this user's jobs, all in all.
    """

    id: str
    name: str
    role: Literal["user", "admin"]
    weight: float
    quotas: Quotas
    used_seconds: float


@dataclass(frozen=True)
class SignalRow:
    """An uploaded signal, or a file on this machine that its owner named.

    Attributes:
        name: what the user calls it; never part of a path.
        sha256: of the bytes that were uploaded; None for files on this machine.
        array_sha256: of its canonical form in the store, once it is ready.
        path: of a file on this machine; None for uploads.
        kind: "image", "audio", "video", "volume", "scattered" or "field", once it is ready.
        description: of the canonical form.
        options: how it is to be read.
        bytes: of the upload, which count against the owner's quota, as those of the canonical form do.
        created, expires: seconds since 1970.
        problem: why it was refused.
    """

    id: str
    user: str
    name: str
    sha256: str | None
    array_sha256: str | None
    path: str | None
    kind: str | None
    description: dict[str, Any]
    options: dict[str, Any]
    bytes: int
    created: float
    expires: float
    state: Literal["reading", "ready", "refused"]
    problem: dict[str, Any] | None


@dataclass(frozen=True)
class Upload:
    """A resumable upload: `offset` of `length` bytes are safely on the disk; it is dropped at `expires`."""

    id: str
    user: str
    length: int
    offset: int
    name: str
    options: dict[str, Any]
    expires: float


@dataclass(frozen=True)
class NewJob:
    """A job to be submitted.

    Attributes:
        name: what the user calls it.
        signal: id of the signal that is fitted.
        field: id of the job whose result is recompressed.
        priority: -10 to 10 among the user's own jobs, the highest first.
        threads: that it computes with; part of what makes its result the same bytes again.
        traceparent: of the request, for logs (W3C Trace Context).
    """

    kind: Kind
    name: str
    signal: str | None = None
    field: str | None = None
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    priority: int = 0
    threads: int = 1
    engine: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True)
class Job:
    """A job as it stands.

    Attributes:
        pausing: running, and asked to pause.
        stopping: queued, for a worker to end it with what it has learned.
        attempt: how often a worker has claimed it.
        crashes: how often a worker died of it, since it was submitted or retried.
        threads, engine, horizon, inr_version: what it was first run with, kept so that a later attempt gives the same
            bytes; `horizon` is the number of steps that a budget in seconds became.
        checkpoint_step: of the newest checkpoint; None without one.
        created, started, ended, not_before: seconds since 1970; `started` is when a worker first claimed it.
        seconds: that workers spent on it, all attempts together.
    """

    id: str
    user: str
    kind: Kind
    name: str
    signal: str | None
    field: str | None
    options: dict[str, Any]
    priority: int
    state: State
    pausing: bool
    stopping: bool
    attempt: int
    crashes: int
    threads: int
    engine: str | None
    inr_version: str | None
    horizon: int | None
    checkpoint_step: int | None
    result_sha256: str | None
    result_bytes: int | None
    metrics: dict[str, Any] | None
    problem: dict[str, Any] | None
    batch: str | None
    traceparent: str | None
    created: float
    started: float | None
    ended: float | None
    not_before: float
    seconds: float


@dataclass(frozen=True)
class Submitted:
    """A job, and whether it is new; it is not where its idempotency key had been used before."""

    job: Job
    created: bool


@dataclass(frozen=True)
class Claim:
    """The right to work on a job until its lease is over or its token is refused.

    Attributes:
        resumes: whether an earlier attempt left a checkpoint, which may have been deleted since.
    """

    job: Job
    token: str
    resumes: bool


@dataclass(frozen=True)
class Progress:
    """How far a running job is.

    Attributes:
        seconds: that the steps so far took, those of earlier attempts included.
        stage: what is being done, in a word or two.
        curve: points of (seconds, PSNR), at most 300.
        preview: number of the newest preview; 0 is none.
    """

    step: int = 0
    steps: int | None = None
    seconds: float = 0.0
    psnr: float | None = None
    loss: float | None = None
    stage: str = ""
    curve: list[list[float]] = dataclasses.field(default_factory=list)
    preview: int = 0


@dataclass(frozen=True)
class Place:
    """Where a job stands: 0 is running, 1 is next; `eta` is in seconds until it ends, None where nobody works."""

    position: int
    eta: float | None


@dataclass(frozen=True)
class QueueEvent:
    """Something that happened to a job; `seq` grows and is never used twice.

    Attributes:
        kind: "state" of every step, "end" of the last one, "preview" of every new preview.
        at: seconds since 1970.
    """

    seq: int
    job: str
    kind: Literal["state", "preview", "end"]
    data: dict[str, Any]
    at: float


@dataclass(frozen=True)
class Worker:
    """A process that works on jobs, `slots` at a time; `beat` is when it was last heard of."""

    id: str
    host: str
    pid: int
    slots: int
    beat: float
