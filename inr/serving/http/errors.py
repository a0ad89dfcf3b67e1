"""Every exception as the problem that is answered."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from inr._errors import DamagedFile, InrError
from inr.serving import DiskFull
from inr.serving.http.answers import problem_answer
from inr.serving.problems import Problem, Type
from inr.serving.queue import BadCursor, InUse, KeyMismatch, NotFound, QueueFull, QuotaExceeded, WrongState

_TYPES: dict[type[InrError], Type] = {
    BadCursor: "bad-cursor",
    DamagedFile: "damaged-file",
    DiskFull: "disk-full",
    InUse: "in-use",
    KeyMismatch: "idempotency-mismatch",
    NotFound: "not-found",
    QueueFull: "queue-full",
    QuotaExceeded: "quota",
    WrongState: "wrong-state",
}
_RETRY_AFTER = {"disk-full": "60", "queue-full": "30", "quota": "30", "busy": "1"}


def problem_of(error: Exception) -> Problem:
    """The problem that an exception is; what no caller can put right is raised again."""
    if isinstance(error, Problem):
        return error
    if not isinstance(error, InrError):
        raise error
    slug = next((slug for kind, slug in _TYPES.items() if isinstance(error, kind)), "bad-option")
    headers = {"Retry-After": _RETRY_AFTER[slug]} if slug in _RETRY_AFTER else {}
    return Problem(slug, sentence(str(error)), headers=headers)


def sentence(text: str) -> str:
    """A message of the library as a sentence of its own."""
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def install(app: FastAPI) -> None:
    """Let everything that can go wrong be answered by a problem."""
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(InrError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _refused(request: Request, error: Exception) -> Response:
    return problem_answer(problem_of(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    if any(each["loc"] == ("header", "Tus-Resumable") for each in errors):
        detail = "Send Tus-Resumable: 1.0.0."
        return problem_answer(Problem("precondition-failed", detail, headers={"Tus-Version": "1.0.0"}))
    detail = "; ".join(_complaint(each) for each in errors[:5]) + "."
    # what was sent is not sent back: it may be large, or no JSON
    shown = [{"at": _place(each["loc"]), "message": each["msg"]} for each in errors[:20]]
    return problem_answer(Problem("bad-request", detail, errors=shown))


def _complaint(error: dict[str, Any]) -> str:
    return f"{_place(error['loc'])}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _place(location: Sequence[str | int]) -> str:
    """body.jobs.3.kind without the body; options' values have a branch for each type, which says nothing."""
    names = [str(part) for part in location[1:] if not str(part).startswith(("constrained-", "list["))]
    return ".".join(names) or str(location[0])


async def _http(request: Request, error: Exception) -> Response:
    """What routing refuses."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = ", ".join(sorted(set(_methods(request))))
        detail = f"{request.method} is not possible here; possible: {allowed}."
        return problem_answer(Problem("method-not-allowed", detail, headers={"Allow": allowed}))
    if error.status_code == 404:
        return problem_answer(Problem("not-found", "There is nothing at this address."))
    return problem_answer(Problem("bad-request", sentence(str(error.detail)), status=error.status_code))


def _methods(request: Request) -> Iterator[str]:
    for route in request.app.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            yield from route.methods
