"""What is answered, for the schema at /openapi.json."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from inr.serving.problems import TYPES
from inr.serving.queue import Kind, State

EXAMPLE_ID = "01936f2e-7c1a-7d3b-9a41-5e2f0c6b8d10"
Id = Annotated[
    str,
    Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="a UUID", examples=[EXAMPLE_ID]),
]
Name = Annotated[str, Field(max_length=200, description="text to show; no path")]


_PROBLEM_TYPES: list[Any] = [
    {"const": f"/problems/{slug}", "title": title, "description": f"with status {status}"}
    for slug, (status, title) in TYPES.items()
]


class ProblemBody(BaseModel):
    """RFC 9457: what is wrong, and what would be right."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: Annotated[str, Field(json_schema_extra={"oneOf": _PROBLEM_TYPES})]
    title: str
    status: int
    detail: str


class SignalBrief(BaseModel):
    """A signal, within a job."""

    id: Id
    name: str
    kind: str | None
    shape: list[int] | None
    channels: int | None
    bytes: int


class SignalBody(SignalBrief):
    """An uploaded signal; shape is in samples an axis, the last axis of the array's first."""

    state: Literal["reading", "ready", "refused"]
    lossless_bytes: int | None
    created: str
    expires: str | None
    problem: ProblemBody | None
    links: dict[str, str]


class ProgressBody(BaseModel):
    """How far a job is; the curve holds pairs of seconds and PSNR in dB."""

    step: int
    steps: int | None
    seconds: float
    psnr: float | None
    loss: float | None
    stage: str
    curve: list[list[float | None]]
    preview: int


class JobBody(BaseModel):
    """A job; times are ISO 8601 in UTC, eta is in seconds, position 0 is running."""

    id: Id
    kind: Kind
    name: str
    state: State
    priority: int
    position: int | None
    eta: float | None
    attempt: int
    crashes: int
    checkpoint_step: int | None
    threads: int
    engine: str | None
    inr_version: str | None
    batch: str | None
    options: dict[str, Any]
    signal: SignalBrief | None
    field: Id | None
    created: str
    started: str | None
    ended: str | None
    progress: ProgressBody | None
    metrics: dict[str, Any] | None
    problem: ProblemBody | None
    links: dict[str, str]


class BatchResult(BaseModel):
    """What became of one job of a batch."""

    status: int
    job: JobBody | None = None
    problem: ProblemBody | None = None


class BatchBody(BaseModel):
    """What became of a batch, in its order."""

    id: Id
    results: list[BatchResult]


class AxisBody(BaseModel):
    """An axis of a field, between low and high in its unit."""

    name: str
    size: int | None
    low: float | None
    high: float | None
    unit: str | None


class FieldBody(BaseModel):
    """A fitted field."""

    id: str
    job: Id | None
    name: str
    kind: str | None
    shape: list[int] | None
    channels: int | None
    axes: list[AxisBody]
    bytes: int | None
    lossless_bytes: int | None
    metrics: dict[str, Any] | None
    parts: dict[str, Any] | None
    signal: Id | None
    links: dict[str, str]


class ShareBody(BaseModel):
    """A public address of one field."""

    name: str
    url: str


class QuotasBody(BaseModel):
    """What a user may use."""

    waiting: int
    running: int
    bytes: int
    seconds_a_job: float


class UsedBody(BaseModel):
    """What a user has used."""

    seconds: float
    bytes: int


class MeBody(BaseModel):
    """Who the token belongs to."""

    id: str
    name: str
    role: Literal["user", "admin"]
    quotas: QuotasBody
    used: UsedBody
    waiting: int
    running: int


class QueueBody(BaseModel):
    """How busy the service is; held says why no job begins."""

    waiting: int
    running: int
    workers: int
    held: str | None


class PartBody(BaseModel):
    """One part of its kind."""

    model_config = ConfigDict(extra="allow")

    name: str
    title: str
    paper: str


class PartsBody(BaseModel):
    """What fields can be made of, by kind; presets are whole combinations."""

    model_config = ConfigDict(extra="allow")

    encodings: list[PartBody]
    activations: list[PartBody]
    networks: list[PartBody]
    presets: list[PartBody]


class SignalList(BaseModel):
    """A page of signals, the newest first."""

    items: list[SignalBody]
    next: str | None


class JobList(BaseModel):
    """A page of jobs, the newest first."""

    items: list[JobBody]
    next: str | None


class FieldList(BaseModel):
    """A page of fields, the newest first."""

    items: list[JobBody]
    next: str | None


class ShareList(BaseModel):
    """The shares of a field."""

    items: list[ShareBody]


class CodecSize(BaseModel):
    """What another format takes for the same signal."""

    format: str
    quality: float | None
    bytes: int
    psnr: float | None


class CodecList(BaseModel):
    """What other formats take for the same signal."""

    items: list[CodecSize]


class ReadyBody(BaseModel):
    """What the service needs to work."""

    database: bool
    disk: bool
    workers: bool
