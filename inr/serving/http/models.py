"""What is sent and answered, for the schema at /openapi.json."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _whole(value: object) -> object:
    """JSON does not tell 3.0 from 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Kind = Literal["fit", "compress", "recompress", "sweep"]
State = Literal["queued", "running", "cancelling", "paused", "done", "failed", "cancelled"]
Word = Annotated[str, Field(max_length=2_000)]
Value = (
    Annotated[bool, Field(strict=True)]
    | Annotated[int, Field(strict=True)]
    | Annotated[float, Field(strict=True, allow_inf_nan=False)]
    | Word
    | Annotated[list[Word], Field(max_length=1_000)]
    | None
)
Options = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")], Value],
    Field(max_length=64, json_schema_extra={"additionalProperties": False}),
]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="a UUID")]
Name = Annotated[str, Field(max_length=200, description="text to show; no path")]
Priority = Annotated[
    int, Field(ge=-10, le=10, strict=True, description="the larger, the earlier"), BeforeValidator(_whole)
]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Code(_Sent):
    """The one-time code of a link."""

    code: Annotated[str, Field(min_length=1, max_length=200)]


class _JobRequest(_Sent):
    """What all jobs have; options are those of the command of the same name, with underscores."""

    name: Name = ""
    options: Options = Field(default_factory=dict)
    priority: Priority = 0


class SignalJobRequest(_JobRequest):
    """A job on an uploaded signal, by its id."""

    kind: Literal["fit", "compress", "sweep"]
    signal: Id
    field: None = None


class FieldJobRequest(_JobRequest):
    """A job on the file that a done job made, by its id."""

    kind: Literal["recompress"]
    field: Id
    signal: None = None


JobRequest = Annotated[SignalJobRequest | FieldJobRequest, Field(discriminator="kind")]


class BatchRequest(_Sent):
    """Up to 1,000 jobs."""

    jobs: Annotated[list[JobRequest], Field(min_length=1, max_length=1_000)]


class PriorityRequest(_Sent):
    """Another priority."""

    priority: Priority


class ProblemBody(BaseModel):
    """RFC 9457: what is wrong, and what would be right."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: Annotated[str, Field(pattern=r"^/problems/[a-z-]+$")]
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
