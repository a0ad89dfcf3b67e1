"""Jobs: submitted, looked at, and steered."""

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from inr.serving.http.answers import JSONAnswer, is_known, tag_of, tagged_json
from inr.serving.http.errors import problem_of
from inr.serving.http.lists import Cursor, Limit, list_answer
from inr.serving.http.models import BatchBody, Id, JobBody, JobList
from inr.serving.http.requests import BatchRequest, FieldJobRequest, JobRequest, PriorityRequest
from inr.serving.http.schema import CACHED, refuses
from inr.serving.http.service import Service, TheService, TheUser, in_thread
from inr.serving.http.shown import job_json
from inr.serving.problems import Problem
from inr.serving.queue import Kind, NewJob, State

if TYPE_CHECKING:
    from inr.serving.queue import Job, User

router = APIRouter(prefix="/v1", tags=["jobs"])

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="makes asking again safe: the first answer comes back",
    ),
]
_SUBMITTING = refuses(
    "bad-option", "not-found", "wrong-state", "idempotency-mismatch", "quota", "queue-full", "disk-full", "busy",
    "unavailable",
)  # fmt: skip


@router.post("/jobs", status_code=201, response_model=JobBody, responses=_SUBMITTING)
async def submit(request: Request, body: JobRequest, service: TheService, user: TheUser, key: Key = None) -> Response:
    """Queue a job."""
    new = await _checked(service, user, body, request.scope["state"]["traceparent"], {})
    asked = hashlib.sha256(json.dumps(body.model_dump(), sort_keys=True).encode()).hexdigest()
    submitted = await in_thread(service.queue.submit, user.id, new, key=key, body_hash=asked)
    headers = {"Location": f"/v1/jobs/{submitted.job.id}"}
    if not submitted.created:
        headers["Idempotency-Replayed"] = "true"
    return JSONAnswer(await in_thread(job_json, service.queue, submitted.job), status_code=201, headers=headers)


@router.post("/batches", status_code=207, response_model=BatchBody, responses=refuses("disk-full"))
async def submit_batch(request: Request, body: BatchRequest, service: TheService, user: TheUser) -> Response:
    """Queue up to 1,000 jobs; each has a result of its own, without its place."""
    trace, batch = request.scope["state"]["traceparent"], str(uuid.uuid4())
    known: dict[str, Any] = {}
    checked: list[NewJob | Problem] = []
    for each in body.jobs:
        try:
            checked.append(await _checked(service, user, each, trace, known))
        except Exception as error:
            checked.append(problem_of(error))
    queued = await in_thread(_queue_all, service, user, [each for each in checked if isinstance(each, NewJob)], batch)
    rest = iter(queued)
    results = [each.to_json() if isinstance(each, Problem) else next(rest) for each in checked]
    answered = [
        {"status": result["status"], "problem": result} if "detail" in result else {"status": 201, "job": result}
        for result in results
    ]
    return JSONAnswer({"id": batch, "results": answered}, status_code=207)


@router.get("/jobs", response_model=JobList, responses=CACHED | refuses("bad-cursor"))
def jobs(
    request: Request,
    service: TheService,
    user: TheUser,
    state: Annotated[State | None, Query()] = None,
    kind: Annotated[Kind | None, Query()] = None,
    batch: Annotated[Id | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """One's jobs, the newest first."""
    asked = {"state": state, "kind": kind, "batch": batch, "limit": limit}
    found, following = service.queue.jobs(user.id, state=state, kind=kind, batch=batch, cursor=cursor, limit=limit)
    return list_answer(request, [job_json(service.queue, job) for job in found], following, asked)


@router.get("/jobs/{id}", response_model=JobBody, responses=CACHED | refuses("not-found"))
def job(request: Request, id: Id, service: TheService, user: TheUser) -> Response:
    """One job."""
    return tagged_json(request, job_json(service.queue, own_job(service, user, id), course=True))


@router.delete("/jobs/{id}", status_code=204, responses=refuses("not-found", "wrong-state"))
def delete_job(id: Id, service: TheService, user: TheUser) -> Response:
    """Delete a job that has ended, with its field and its shares."""
    service.queue.delete_job(id, user.id)
    return Response(status_code=204)


_STEERING = refuses("not-found", "wrong-state")


@router.post("/jobs/{id}/cancel", status_code=202, response_model=JobBody, responses=_STEERING)
def cancel(id: Id, service: TheService, user: TheUser) -> Response:
    """Stop a job; what it has learned is kept as its field."""
    return _accepted(service, service.queue.cancel(id, user.id))


@router.post("/jobs/{id}/pause", status_code=202, response_model=JobBody, responses=_STEERING)
def pause(id: Id, service: TheService, user: TheUser) -> Response:
    """Stop a job so that it can go on from where it is."""
    return _accepted(service, service.queue.pause(id, user.id))


@router.post("/jobs/{id}/resume", status_code=202, response_model=JobBody, responses=_STEERING)
def resume(id: Id, service: TheService, user: TheUser) -> Response:
    """Queue a paused job again."""
    return _accepted(service, service.queue.resume(id, user.id))


@router.post("/jobs/{id}/retry", status_code=202, response_model=JobBody, responses=_STEERING)
def retry(id: Id, service: TheService, user: TheUser) -> Response:
    """Queue a failed job again."""
    return _accepted(service, service.queue.retry(id, user.id))


@router.post("/jobs/{id}/priority", status_code=202, response_model=JobBody, responses=_STEERING)
def set_priority(id: Id, body: PriorityRequest, service: TheService, user: TheUser) -> Response:
    """Move a job before or behind one's others."""
    return _accepted(service, service.queue.set_priority(id, user.id, body.priority))


@router.get(
    "/jobs/{id}/preview.webp",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}}, **CACHED, **refuses("not-found")},
)
def preview(request: Request, id: Id, service: TheService, user: TheUser) -> Response:
    """The newest picture of a job."""
    own_job(service, user, id)
    try:  # at once, for a worker may put a newer one in its place at any time
        picture = (service.settings.folder / "jobs" / id / "preview.webp").read_bytes()
    except FileNotFoundError:
        raise Problem("not-found", "The job has no preview yet, or its signal is no picture.") from None
    headers = {"ETag": tag_of(id, hashlib.sha256(picture).hexdigest()), "Cache-Control": "private, no-cache"}
    if is_known(request.headers, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(picture, media_type="image/webp", headers=headers)


def own_job(service: Service, user: "User", id: str) -> "Job":
    """A user's job; raises a Problem for those of others as for those that never were."""
    found = service.queue.job(id, user.id)
    if found is None:
        raise Problem("not-found", f"There is no job {id}.")
    return found


def _accepted(service: Service, job: "Job") -> Response:
    return JSONAnswer(job_json(service.queue, job), status_code=202)


async def _checked(service: Service, user: "User", body: JobRequest, trace: str, known: dict[str, Any]) -> NewJob:
    """The job that is asked for, with its options as they are kept.

    Args:
        service: whose renderer checks the options.
        user: who asks.
        body: what is asked for.
        trace: of the request.
        known: what was checked before, for batches of jobs that differ in few things.

    Raises:
        Problem: the job cannot be queued.
    """
    service.require_disk()
    signal, description, name = await in_thread(_input, service, user, body)
    asked = json.dumps([body.kind, body.options, signal], sort_keys=True)
    if asked not in known:
        known[asked] = await service.renderer.call(
            "check",
            kind=body.kind,
            options=body.options,
            description=description,
            seconds=user.quotas.seconds_a_job,
            threads=service.threads_of(description),
        )
    return NewJob(
        kind=body.kind,
        name=body.name or name,
        signal=signal,
        field=body.field,
        options=known[asked],
        priority=body.priority,
        threads=service.threads_of(description),
        traceparent=trace,
    )


def _input(service: Service, user: "User", body: JobRequest) -> tuple[str | None, dict[str, Any] | None, str]:
    """The signal of a job, its description, and the name of what the job begins with."""
    if isinstance(body, FieldJobRequest):
        source = own_job(service, user, body.field)
        if source.result_sha256 is None:
            raise Problem(
                "wrong-state", f"Job {source.id} is {source.state}; only files of jobs that are done can be compressed."
            )
        row = service.queue.signal(source.signal, user.id) if source.signal is not None else None
        if row is None or row.state != "ready":
            return None, None, source.name
        return row.id, row.description, source.name
    row = service.queue.signal(body.signal, user.id)
    if row is None:
        raise Problem("not-found", f"There is no signal {body.signal}.")
    if row.state != "ready":
        raise Problem("wrong-state", _UNREADY[row.state], headers={"Retry-After": "1"})
    return row.id, row.description, row.name


_UNREADY = {
    "reading": "The signal is still being read; ask again in a moment.",
    "refused": "The signal could not be read, see its problem.",
}


def _queue_all(service: Service, user: "User", jobs: list[NewJob], batch: str) -> list[dict[str, Any]]:
    """Each job's JSON, or its problem's."""
    try:
        return [
            job_json(service.queue, new.job, placed=False) for new in service.queue.submit_many(user.id, jobs, batch)
        ]
    except Exception as error:
        return [problem_of(error).to_json()] * len(jobs)
