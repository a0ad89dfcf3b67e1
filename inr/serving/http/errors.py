"""Every exception as the problem that is answered."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match

from inr._errors import DamagedFile, InrError
from inr.serving import DiskFull
from inr.serving._disk import FULL
from inr.serving.http.answers import problem_answer
from inr.serving.problems import Problem, Type
from inr.serving.queue import BadCursor, InUse, KeyMismatch, NotFound, QueueFull, QuotaExceeded, WrongState
from inr.serving.views import BadRequest, Busy, RendererStopped

_TYPES: dict[type[InrError], Type] = {
    BadCursor: "bad-cursor",
    BadRequest: "bad-iiif-request",
    Busy: "busy",
    DamagedFile: "damaged-file",
    DiskFull: "disk-full",
    InUse: "in-use",
    KeyMismatch: "idempotency-mismatch",
    NotFound: "not-found",
    QueueFull: "queue-full",
    QuotaExceeded: "quota",
    RendererStopped: "unavailable",
    WrongState: "wrong-state",
}
_RETRY_AFTER = {"disk-full": "60", "queue-full": "30", "quota": "30", "busy": "1", "unavailable": "2"}


def problem_of(error: Exception) -> Problem:
    """The problem that an exception is; what no caller can put right is raised again."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, OSError) and error.errno in FULL:
        error = DiskFull("the disk is full; free some space")
    if not isinstance(error, InrError):
        raise error
    fitting = (slug for kind, slug in _TYPES.items() if isinstance(error, kind))
    slug: Type = next(fitting, "bad-option")
    headers = {"Retry-After": _RETRY_AFTER[slug]} if slug in _RETRY_AFTER else {}
    if isinstance(error, Busy):
        headers["Retry-After"] = str(error.retry_after)
    return Problem(slug, " ".join(str(error).split()), headers=headers)


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Let everything that can go wrong be answered by a problem.

    Args:
        app: gets the handlers.
        routes: all of its routes, which say what is possible at an address.
    """
    app.state.all_routes = routes
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(InrError, _refused)
    app.add_exception_handler(OSError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _broken)


async def _refused(request: Request, error: Exception) -> Response:
    return problem_answer(problem_of(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    places = {tuple(each["loc"]) for each in errors}
    if ("header", "Tus-Resumable") in places:
        detail = "Send Tus-Resumable: 1.0.0."
        return problem_answer(Problem("precondition-failed", detail, headers={"Tus-Version": "1.0.0"}))
    if ("query", "cursor") in places:
        return problem_answer(Problem("bad-cursor", "That cursor is none that a list gave; start without one."))
    if ("header", "last-event-id") in places:
        return problem_answer(Problem("bad-cursor", "Last-Event-ID is the id of an event of this service."))
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
    return problem_answer(Problem("bad-request", str(error.detail)))


def _methods(request: Request) -> Iterator[str]:
    for route in request.app.state.all_routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            yield from route.methods


async def _gone(request: Request, error: Exception) -> Response:
    """For the log: nobody hears it."""
    return problem_answer(Problem("timeout", "The connection broke off."))


async def _broken(request: Request, error: Exception) -> Response:
    """What is the service's own fault, and raised again for the log."""
    return problem_answer(broken(request.scope["state"]["traceparent"]))


def broken(trace: str) -> Problem:
    """The problem of a fault, with the trace under which the log has it."""
    return Problem("internal", f"The service made an error; its log has it under {trace}.")
