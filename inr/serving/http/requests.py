"""What is sent, for the schema at /openapi.json."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from inr.serving.http.models import EXAMPLE_ID, Id, Name


def _whole(value: object) -> object:
    """JSON does not tell 3.0 from 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


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
    Field(
        max_length=64,
        description="those of the command, with underscores",
        json_schema_extra={"additionalProperties": False},
    ),
]
Priority = Annotated[
    int, Field(ge=-10, le=10, strict=True, description="the larger, the earlier"), BeforeValidator(_whole)
]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _like(**example: Any) -> ConfigDict:
    """With an example in the schema."""
    return ConfigDict(json_schema_extra={"examples": [example]})


_FIT: dict[str, Any] = {
    "kind": "fit", "signal": EXAMPLE_ID, "name": "cat.png", "options": {"psnr": 40, "seconds": 60},
}  # fmt: skip
_SMALLER: dict[str, Any] = {"kind": "recompress", "field": EXAMPLE_ID, "options": {"bytes": 20_000}}


class Code(_Sent):
    """The one-time code of a link."""

    model_config = _like(code="the-code-of-the-link")

    code: Annotated[str, Field(min_length=1, max_length=200)]


class _JobRequest(_Sent):
    """What all jobs have; options are those of the command of the same name, with underscores."""

    name: Name = ""
    options: Options = Field(default_factory=dict)
    priority: Priority = 0


class SignalJobRequest(_JobRequest):
    """A job on an uploaded signal, by its id."""

    model_config = _like(**_FIT)

    kind: Literal["fit", "compress", "sweep"]
    signal: Id
    field: None = None


class FieldJobRequest(_JobRequest):
    """A job on the file that a done job made, by its id."""

    model_config = _like(**_SMALLER)

    kind: Literal["recompress"]
    field: Id
    signal: None = None


JobRequest = Annotated[SignalJobRequest | FieldJobRequest, Field(discriminator="kind")]


class BatchRequest(_Sent):
    """Up to 1,000 jobs."""

    model_config = _like(jobs=[_FIT, _SMALLER])

    jobs: Annotated[list[JobRequest], Field(min_length=1, max_length=1_000)]


class PriorityRequest(_Sent):
    """Another priority."""

    model_config = _like(priority=5)

    priority: Priority
