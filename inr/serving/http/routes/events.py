"""What happens to jobs, as it happens: server-sent events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from inr.serving.http.models import Id
from inr.serving.http.routes.jobs import own_job
from inr.serving.http.schema import refuses
from inr.serving.http.service import Service, TheService, TheUser, in_thread
from inr.serving.http.shown import event_json, progress_json, state_json
from inr.serving.http.tail import Stream
from inr.serving.logs import log
from inr.serving.problems import Problem
from inr.serving.queue import State

if TYPE_CHECKING:
    from inr.serving.queue import User

router = APIRouter(prefix="/v1", tags=["jobs"])

RETRY_MILLISECONDS = 2_000  # after which a stream that ended is begun again
MOST_STREAMS = 100  # of one user
REPLAYED = 1_000  # events that are read at once
CHECK_SECONDS = 5.0  # between looks at whether a stream's token or session still counts
_SHOWN_STATES: tuple[State, ...] = ("running", "cancelling", "queued", "paused")


@dataclass(frozen=True)
class _Asked:
    """What a stream is to hold, and for how many seconds; `user_now` gives the user as long as they may listen."""

    user: "User"
    user_now: Callable[[], Awaitable["User | None"]]
    jobs: list[str]
    after: int | None
    wait: float | None


async def _asked(
    request: Request,
    service: TheService,
    user: TheUser,
    job: Annotated[list[Id] | None, Query(max_length=100, description="which jobs; all if none is named")] = None,
    last_event_id: Annotated[
        str | None, Header(pattern=r"^[0-9]{1,18}$", description="what came after it is sent again")
    ] = None,
    wait: Annotated[
        float | None,
        Query(
            ge=0,
            le=86_400,
            description="seconds after which the stream ends; if left out, when the client goes",
            examples=[0],
        ),
    ] = None,
) -> _Asked:
    """Everything that can be refused, before the stream begins."""
    for each in job or ():
        await in_thread(own_job, service, user, each)
    if service.tail.listeners(user.id) >= MOST_STREAMS:
        detail = f"You have {MOST_STREAMS} streams of events open; one can hold all of your jobs."
        raise Problem("busy", detail, headers={"Retry-After": "10"})
    if service.draining.is_set():
        raise Problem("unavailable", "The service is going down.", headers={"Retry-After": "5"})
    after = int(last_event_id) if last_event_id is not None else None
    return _Asked(user, request.scope["state"]["user_now"], job or [], after, wait)


@router.get(
    "/events",
    response_class=EventSourceResponse,
    responses=refuses("bad-cursor", "not-found", "busy", "unavailable"),
)
async def events(service: TheService, asked: Annotated[_Asked, Depends(_asked)]) -> AsyncIterator[ServerSentEvent]:
    """`state`, `progress` (4 a second at most), `preview` and `end` of one's jobs.

    A new stream begins with the state of each job that has not ended, one with Last-Event-ID with what was missed.
    """
    with service.tail.stream(asked.user.id, asked.jobs) as stream, _checks(stream, asked):
        if asked.wait is not None:
            asyncio.get_running_loop().call_later(asked.wait, stream.close)
        first = await in_thread(service.queue.last_seq)
        yield ServerSentEvent(retry=RETRY_MILLISECONDS, comment="inr")
        if asked.after is None:
            for event, data in await in_thread(_snapshot, service, asked):
                yield ServerSentEvent(event=event, data=data, id=str(first))
            sent = first
        else:
            sent = asked.after
            while missed := await in_thread(_missed, service, asked, sent):
                for seq, event, data in missed:
                    yield ServerSentEvent(event=event, data=data, id=str(seq))
                    sent = seq
        while (message := await stream.messages.get()) is not None:
            if message.seq is None:
                yield ServerSentEvent(event=message.event, data=message.data)
            elif message.seq > sent:
                sent = message.seq
                yield ServerSentEvent(event=message.event, data=message.data, id=str(sent))
        yield ServerSentEvent(retry=RETRY_MILLISECONDS, comment="come again")


@contextlib.contextmanager
def _checks(stream: Stream, asked: _Asked) -> Iterator[None]:
    """While inside, a stream that is not allowed any longer is ended."""
    checks = asyncio.create_task(_close_when_refused(stream, asked))
    try:
        yield
    finally:
        checks.cancel()


async def _close_when_refused(stream: Stream, asked: _Asked) -> None:
    """End a stream when its token is replaced, its session ends, or its user is removed."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            refused = await asked.user_now() is None
        except Exception:
            log.exception("whether a stream may go on could not be looked up")
            continue
        if refused:
            stream.close()
            return


def _snapshot(service: Service, asked: _Asked) -> list[tuple[str, dict[str, Any]]]:
    """The state of each job that has not ended, and of each that was named, with how far it is."""
    queue = service.queue
    if asked.jobs:
        jobs = [job for each in asked.jobs if (job := queue.job(each, asked.user.id)) is not None]
    else:
        jobs = [job for state in _SHOWN_STATES for job in queue.jobs(asked.user.id, state=state)[0]]
    shown = []
    for job in jobs:
        place = queue.place(job) if job.state in ("queued", "running") else None
        shown.append(("state", state_json(job, place)))
        progress = queue.progress(job.id) if job.state in ("running", "cancelling") else None
        if progress is not None:
            shown.append(("progress", {"job": job.id, **progress_json(progress, curve=False)}))
    return shown


def _missed(service: Service, asked: _Asked, after: int) -> list[tuple[int, str, dict[str, Any]]]:
    """Events after one, the oldest first."""
    queue = service.queue
    found: list[tuple[int, str, dict[str, Any]]] = []
    for event in queue.events(after, user=asked.user.id, jobs=asked.jobs, limit=REPLAYED):
        job = queue.job(event.job)
        if job is not None:
            found.append((event.seq, event.kind, event_json(queue, event, job)))
    return found
