"""Follows the queue's events once, for all streams."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from inr.serving.http.shown import event_json, progress_json, state_json
from inr.serving.logs import log

if TYPE_CHECKING:
    from inr.serving.queue import Job, Queue

EVENT_SECONDS = 0.1  # between looks at the queue's events
PROGRESS_SECONDS = 0.25  # between two events `progress` of one job
PLACE_SECONDS = 2.0  # between looks at the places of jobs that wait
MOST_PLACED = 50  # events at once up to which the place of each job is looked up
BACKLOG = 1_000  # messages that a stream may be behind before it is closed, to be replayed


@dataclass(frozen=True)
class Message:
    """One event of a stream; seq is its place in the queue's events, None for what is not replayed."""

    user: str
    job: str
    event: str
    data: dict[str, Any]
    seq: int | None = None


@dataclass(eq=False)
class Stream:
    """What one client listens to: a user's jobs, or some of them."""

    user: str
    jobs: frozenset[str]
    messages: "asyncio.Queue[Message | None]" = field(default_factory=lambda: asyncio.Queue(BACKLOG))

    def wants(self, message: Message) -> bool:
        """Whether a message is for this client."""
        return message.user == self.user and (not self.jobs or message.job in self.jobs)

    def close(self) -> None:
        """End the stream when what is left has been sent, or at once where too much is."""
        if self.messages.full():
            while not self.messages.empty():
                self.messages.get_nowait()
        self.messages.put_nowait(None)


class Tail:
    """Follows the queue's events once, for all streams.

    Args:
        queue: whose events.
        waited: told how many seconds each job waited, when its first attempt begins.
    """

    def __init__(self, queue: "Queue", waited: Callable[[float], None]) -> None:
        self._queue, self._waited = queue, waited
        self._streams: set[Stream] = set()
        self._closed = False
        self._after = 0
        self._progress: dict[str, Any] = {}
        self._places: dict[str, int] = {}
        self._progress_due = self._places_due = 0.0

    @contextlib.contextmanager
    def stream(self, user: str, jobs: Sequence[str]) -> Iterator[Stream]:
        """While inside, what happens to a user's jobs is put to the stream."""
        stream = Stream(user, frozenset(jobs))
        self._streams.add(stream)
        if self._closed:
            stream.close()
        try:
            yield stream
        finally:
            self._streams.discard(stream)

    def listeners(self, user: str) -> int:
        """How many streams of a user's there are."""
        return sum(stream.user == user for stream in self._streams)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for stream in self._streams:
            stream.close()

    async def run(self) -> None:
        """Look at the queue until cancelled."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "tail") as thread:
            self._after = await loop.run_in_executor(thread, self._queue.last_seq)
            while True:
                await asyncio.sleep(EVENT_SECONDS)
                try:
                    messages = await loop.run_in_executor(thread, self._look)
                except Exception:
                    log.exception("the queue could not be looked at")
                    await asyncio.sleep(1)
                    continue
                self._put(messages)

    def _put(self, messages: Sequence[Message]) -> None:
        for stream in list(self._streams):
            for message in filter(stream.wants, messages):
                if stream.messages.full():
                    stream.close()
                    self._streams.discard(stream)
                    break
                stream.messages.put_nowait(message)

    def _look(self) -> list[Message]:
        """What is new."""
        messages = []
        events = self._queue.events(self._after)
        for event in events:
            self._after = event.seq
            job = self._queue.job(event.job)
            if job is None:
                continue
            if event.data.get("state") == "running" and event.data.get("attempt") == 1 and job.started is not None:
                self._waited(max(job.started - job.created, 0.0))
            data = event_json(self._queue, event, job, placed=len(events) <= MOST_PLACED)
            messages.append(Message(job.user, job.id, event.kind, data, event.seq))
        if self._streams:
            messages.extend(self._moving())
        return messages

    def _moving(self) -> Iterator[Message]:
        """What is not an event of the queue: how far jobs that run are, and the places of jobs that wait."""
        now = time.monotonic()
        if now >= self._progress_due:
            self._progress_due = now + PROGRESS_SECONDS
            yield from self._moved()
        if now >= self._places_due:
            self._places_due = now + PLACE_SECONDS
            yield from self._advanced()

    def _moved(self) -> Iterator[Message]:
        known, self._progress = self._progress, {}
        for job in self._of_state("running"):
            self._progress[job.id] = progress = self._queue.progress(job.id)
            if progress is not None and progress != known.get(job.id):
                yield Message(job.user, job.id, "progress", {"job": job.id, **progress_json(progress, curve=False)})

    def _advanced(self) -> Iterator[Message]:
        known, self._places = self._places, {}
        for job in self._of_state("queued"):
            place = self._queue.place(job)
            if place is None:  # it began meanwhile
                continue
            self._places[job.id] = place.position
            if place.position != known.get(job.id, place.position):
                yield Message(job.user, job.id, "state", state_json(job, place))

    def _of_state(self, state: Any) -> "Iterator[Job]":
        """Jobs in a state that somebody listens to."""
        listening = {stream.user for stream in list(self._streams)}  # which may change meanwhile
        for user in listening:
            jobs, _ = self._queue.jobs(user, state=state)
            yield from jobs
