"""What the routes share: the queue, the store, the renderer, and who asks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from weakref import WeakValueDictionary

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request

from inr.serving.http.gate import unauthorised
from inr.serving.http.metrics import Metrics
from inr.serving.http.tail import Tail
from inr.serving.problems import Problem
from inr.serving.queue import Queue, User
from inr.serving.settings import Settings
from inr.serving.store import Store

if TYPE_CHECKING:
    from inr.serving.views import Renderer

_T = TypeVar("_T")

THREADS = 8  # that wait for the disk, SQLite's included
READERS = 2  # uploads that are read side by side
SMALL_SAMPLES = 1 << 16  # up to which a job has one thread


class Service:
    """What the routes share.

    Args:
        settings: what the server was told.
        queue, store: of its folder.
        renderer: the process that renders and checks; begun and ended by whoever made it.
        read: makes the canonical form of an upload; `inr.serving.work.read`, in a sandbox, if not given.
        warm: makes that quick for the first time, too; `inr.serving.work.warm_readers` if not given.
    """

    def __init__(
        self,
        settings: Settings,
        queue: Queue,
        store: Store,
        renderer: "Renderer",
        *,
        read: Callable[..., Any] | None = None,
        warm: Callable[[], None] | None = None,
    ) -> None:
        self.settings, self.queue, self.store, self.renderer = settings, queue, store, renderer
        self.read = read or _read_in_sandbox
        self.metrics = Metrics(queue, store)
        self.tail = Tail(queue, self.metrics.queue_seconds.observe)
        self.readers = CapacityLimiter(READERS)
        self._reading: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self.draining = asyncio.Event()
        self.uploads: dict[str, Any] = {}  # whose turn it is to write to each
        self._warm: Callable[[], None] | None = warm or _warm_readers
        self._parts: dict[str, Any] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def parts(self) -> dict[str, Any]:
        """What fields can be made of; it stays the same while the server runs."""
        if self._parts is None:
            self._parts = await self.renderer.call("parts")
        return self._parts

    def threads_of(self, description: dict[str, Any] | None) -> int:
        """Threads of a job, which decide about its last bits: one where the signal is small."""
        small = description is not None and description["size"] <= SMALL_SAMPLES
        return 1 if small else self.settings.threads

    def reading_of(self, user: str) -> asyncio.Semaphore:
        """What a user's uploads wait for before they wait for a reader, so that those of others are read meanwhile."""
        return self._reading.setdefault(user, asyncio.Semaphore(READERS))

    def begin(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Let something go on behind the answer."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def warm_readers(self) -> None:
        """Let what readers need be loaded, before the first upload is there to be read."""
        warm, self._warm = self._warm, None
        if warm is not None:
            self.begin(in_thread(warm))

    def drain(self) -> None:
        """Take leave: streams end, and /readyz says so."""
        self.draining.set()
        self.tail.close()
        for turn in self.uploads.values():
            turn.end()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While inside, the queue's events are followed."""
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        self.begin(self.tail.run())
        try:
            yield
        finally:
            self.drain()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def require_disk(self) -> None:
        """Raises a Problem where too little of the disk is free for anything to be taken."""
        if self.store.free() < self.settings.free_bytes:
            raise Problem(
                "disk-full",
                f"Less than {self.settings.free_bytes:,} bytes of the disk are free; delete fields, or make room.",
                headers={"Retry-After": "60"},
            )


def _read_in_sandbox(*args: Any) -> Any:
    from inr.serving.work import read  # numpy comes with it, which a server needs for nothing else

    return read(*args)


def _warm_readers() -> None:
    from inr.serving.work import warm_readers

    warm_readers()


async def in_thread(call: Callable[..., _T], *args: Any, **keywords: Any) -> _T:
    """What a call that waits for the disk returns, while others are served."""
    return await to_thread.run_sync(lambda: call(*args, **keywords))


async def _service(request: Request) -> Service:
    return request.app.state.service


async def _user(request: Request) -> User:
    user = request.scope["state"]["user"]
    if user is None:
        raise unauthorised()
    return user


async def _anyone(request: Request) -> User | None:
    return request.scope["state"]["user"]


TheService = Annotated[Service, Depends(_service)]
TheUser = Annotated[User, Depends(_user)]
Anyone = Annotated[User | None, Depends(_anyone)]
