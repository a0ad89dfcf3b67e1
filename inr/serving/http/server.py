"""The server: one a folder, with its workers and its renderer, until it is told to end."""

import asyncio
import contextlib
import dataclasses
import fcntl
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import FrameType

import uvicorn

from inr._errors import InrError
from inr._files import describe
from inr.serving.http.app import make_app
from inr.serving.http.hardening import HEAD_BYTES, protocol
from inr.serving.http.service import Service, in_thread
from inr.serving.logs import log, start_logging
from inr.serving.queue import Queue, User
from inr.serving.settings import OWNER, Settings, keep_token
from inr.serving.store import Store, tidy
from inr.serving.views import Renderer
from inr.serving.work import Workers

MOST_CONNECTIONS = 1_000
LOOK_SECONDS = 0.5  # between looks whether a worker has died
DISK_SECONDS = 5.0  # between looks at how much of the disk is free
TIDY_SECONDS = 300.0


def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: what the server is told.
        announce: told the link that opens the page, once, when the server listens.

    Raises:
        InrError: the folder is another server's, the address is taken, or others could reach it without a token.
    """
    folder = settings.folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(folder), contextlib.closing(Queue(folder)) as queue:
        owner = _owner(queue, folder)
        _check_reach(settings, queue)
        listening = _listen(settings)
        settings = _with_port(settings, listening)
        start_logging(logging.WARNING if sys.stderr.isatty() else logging.INFO)
        link = f"{settings.base}/#code={queue.new_code(owner.id)}"
        asyncio.run(_serve(settings, queue, listening, lambda: announce(link)))


async def _serve(settings: Settings, queue: Queue, listening: socket.socket, announce: Callable[[], None]) -> None:
    store = Store(settings.folder)
    (settings.folder / "uploads").mkdir(exist_ok=True)
    renderer = Renderer(settings.folder / "cache")
    service = Service(settings, queue, store, renderer)
    config = uvicorn.Config(
        make_app(service),
        http=protocol(settings.head_seconds),
        ws="none",
        loop="asyncio",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=int(settings.keep_alive_seconds),
        timeout_graceful_shutdown=max(int(settings.drain_seconds) - 1, 1),
        limit_concurrency=MOST_CONNECTIONS,
    )
    server = _Server(config, service.drain, announce)
    async with _beside(renderer, service):
        await server.serve(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends streams first when it is told to end, and ends with status 0."""

    def __init__(self, config: uvicorn.Config, leave: Callable[[], None], announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._leave, self._announce = leave, announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; a second Ctrl-C waits for nothing."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._leave)


@contextlib.asynccontextmanager
async def _beside(renderer: Renderer, service: Service) -> AsyncIterator[None]:
    """While inside, the other processes run, and the folder is looked after."""
    workers = asyncio.create_task(_keep_at_work(service))
    others = [asyncio.create_task(each) for each in (renderer.start(), _upkeep(service))]
    try:
        yield
    finally:
        service.draining.set()
        for task in others:
            task.cancel()
        await asyncio.gather(workers, *others, return_exceptions=True)
        await renderer.stop()


async def _keep_at_work(service: Service) -> None:
    """See that there are workers until the service takes leave, then let them end."""
    workers = Workers(service.settings.folder, service.queue, service.settings.workers)
    while not service.draining.is_set():
        try:
            await in_thread(workers.look)
        except Exception:
            log.exception("the workers could not be looked after")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.draining.wait(), LOOK_SECONDS)
    await in_thread(workers.stop)


async def _upkeep(service: Service) -> None:
    """Hold claims while the disk is nearly full; forget what is over."""
    settings, queue, store = service.settings, service.queue, service.store
    tidied = -TIDY_SECONDS
    loop = asyncio.get_running_loop()
    while True:
        try:
            if await in_thread(store.free) < settings.free_bytes:
                await in_thread(queue.hold, 3 * DISK_SECONDS, "the disk is nearly full")
            if loop.time() - tidied >= TIDY_SECONDS:
                tidied = loop.time()
                await in_thread(tidy, settings.folder, queue, store)
        except Exception:
            log.exception("the folder could not be looked after")
        await asyncio.sleep(DISK_SECONDS)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InrError(f"another inr serve is at work in {folder}; stop it, or give another folder") from None
        yield


def _owner(queue: Queue, folder: Path) -> User:
    """The user of this machine, whose token lies in the folder for programs to read.

    One that others could have read is worth nothing any more: there is a new one, and sessions end.
    """
    path = folder / "token"
    private = path.is_file() and path.stat().st_mode & 0o077 == 0
    token = path.read_text(errors="replace").strip() if private else ""
    user = queue.user_of_token(token) if token else None
    if user is not None:
        return user
    user = next((user for user in queue.users() if user.name == OWNER), None)
    if user is None:
        user, token = queue.add_user(OWNER, role="admin")
    else:
        token = queue.replace_token(user.id)
    keep_token(folder, token)
    return user


def _check_reach(settings: Settings, queue: Queue) -> None:
    """Raises InrError where others could reach the server, and nobody has made tokens for them or said its names."""
    if settings.loopback:
        return
    if all(user.name == OWNER for user in queue.users()):
        raise InrError(
            f"--host {settings.host} lets other machines in, and nobody has a token: "
            f"make one for each user first, with inr token add NAME --folder {settings.folder}"
        )
    if settings.host in ("0.0.0.0", "::") and not settings.hosts and not settings.url:
        raise InrError(
            f"--host {settings.host} listens at every address: say by which names it is called, with --hosts"
        )


def _listen(settings: Settings) -> socket.socket:
    """A socket at the address. It says that it is of TCP, by which asyncio knows to send small answers at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(512)
    except OSError as error:
        listening.close()
        where = f"{settings.host}:{settings.port}"
        raise InrError(f"cannot listen at {where}: {describe(error)}; give another --port") from None
    return listening


def _with_port(settings: Settings, listening: socket.socket) -> Settings:
    """The settings with the port that was taken."""
    return dataclasses.replace(settings, port=listening.getsockname()[1])
