"""A service without its other processes: what they would do is played, and requests need no socket."""

import asyncio
import atexit
import contextlib
import functools
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from fastapi import FastAPI

from inr import InrError
from inr.serving.http import Service
from inr.serving.http.app import guarded, make_routes
from inr.serving.queue import Claim, NewJob, Progress, Queue, User
from inr.serving.settings import Settings
from inr.serving.store import Store
from inr.serving.views import BadRequest, Canvas

PICTURE = b"\x89PNG the pretended picture"
FIELD = b"\x89INR" + bytes(range(200))
DESCRIPTION = {
    "domain": {"kind": "image"}, "kind": "image", "shape": [48, 64], "channels": 3, "size": 48 * 64,
    "lossless_bytes": 5_000, "preview": None,
}  # fmt: skip


class PlayedRenderer:
    """Answers what the renderer's process would, and remembers what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def call(self, operation: str, *, cost: float = 0.0, **arguments: Any) -> Any:
        self.asked.append((operation, arguments))
        return getattr(self, f"_{operation}")(**arguments)

    async def canvas(self, image: Any) -> Canvas:
        return Canvas((64, 48), False, 3)

    async def tile(self, image: Any, request: Any) -> bytes:
        if request.quality == "slope":
            raise BadRequest("this would take about 90 seconds; ask for fewer pixels at once")
        return b"tile " + request.canonical.encode()

    async def wav(self, image: Any, rate: float | None = None) -> Path:
        path = self.folder / "sound.wav"
        path.write_bytes(b"RIFF" + str(rate).encode())
        return path

    async def view(self, image: Any, view: Any) -> bytes:
        if view.elevation == 90:
            raise InrError("the field has no surface inside its box: it has one sign throughout")
        return repr(tuple(view)).encode()

    async def mesh(self, image: Any, suffix: str, resolution: int) -> Path:
        if suffix == ".svg":
            raise InrError("this shape lies in space: it has a mesh, not an outline (inr.shapes.mesh)")
        path = self.folder / f"mesh-{resolution}{suffix}"
        path.write_bytes(b"mesh" + str(resolution).encode())
        return path

    def _check(self, kind: str, options: dict[str, Any], description: Any, **rest: Any) -> dict[str, Any]:
        if "activation" in options and options["activation"] not in ("sine", "relu"):
            raise InrError(f"there is no activation {options['activation']!r}; did you mean 'sine'?")
        return {"seed": 0, **options}

    def _parts(self) -> dict[str, Any]:
        part = {"name": "sine", "title": "Sine", "paper": "Sitzmann et al. 2020"}
        return {"encodings": [], "activations": [part], "networks": [], "presets": []}

    def _describe(self, image: Any) -> dict[str, Any]:
        axis = {"name": "x", "size": 64, "low": -1.0, "high": 1.0, "unit": None}
        return {
            "kind": "image", "shape": [48, 64], "channels": 3, "axes": [axis], "parameters": 50,
            "parts": {"activation": "sine"},
        }  # fmt: skip

    def _peaks(self, image: Any, n: int) -> list[list[float]]:
        return [[-0.5, 0.5]] * 2

    def _codecs(self, **arguments: Any) -> list[dict[str, Any]]:
        return [{"format": "jpeg", "quality": 80.0, "bytes": 1_234, "psnr": 35.0}]


@dataclass(frozen=True)
class Read:
    """What the sandboxed reader gives."""

    kind: str
    description: dict[str, Any]
    array_sha256: str


def played_reader(path: Path, name: str, options: dict[str, Any], store: Store) -> Read:
    """Takes anything for a picture but what says that it is none."""
    data = path.read_bytes()
    if data.startswith(b"no picture"):
        raise InrError(f"{name} is no file that inr can read")
    array, _ = store.put(b"array of " + data[:100])
    return Read("image", DESCRIPTION, array)


class Client:
    """Asks the application itself, without a socket; the service moves only while something is asked."""

    def __init__(self, runner: asyncio.Runner, app: Any, headers: dict[str, str]) -> None:
        self._runner = runner
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8765", headers=headers
        )

    def request(self, method: str, address: str, **sent: Any) -> httpx.Response:
        return self._runner.run(self._http.request(method, address, **sent))

    get = functools.partialmethod(request, "GET")
    head = functools.partialmethod(request, "HEAD")
    post = functools.partialmethod(request, "POST")
    put = functools.partialmethod(request, "PUT")
    patch = functools.partialmethod(request, "PATCH")
    delete = functools.partialmethod(request, "DELETE")
    options = functools.partialmethod(request, "OPTIONS")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    stage: "Stage", method: str, address: str, headers: Sequence[tuple[str, str]], parts: Sequence[bytes] = (b"",)
) -> Answer:
    """Ask with headers as they are, as httpx would not send them.

    Args:
        stage: who is asked.
        method, address: as on the first line of a request.
        headers: all of them, Host too.
        parts: of the body; where there are none, reading it fails.
    """
    raw, _, query = address.partition("?")
    scope = {
        "type": "http", "method": method, "path": unquote(raw), "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "", "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "http_version": "1.1", "server": ("127.0.0.1", 8765), "client": ("127.0.0.1", 1), "scheme": "http",
    }  # fmt: skip
    rest, sent = list(parts), list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": rest.pop(0), "more_body": bool(rest)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    stage.runner.run(stage.app(scope, receive, send))
    told = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], told, b"".join(each.get("body", b"") for each in sent[1:]))


@functools.cache
def _template() -> Path:
    """The folder of a service with two users, which every test has a copy of."""
    folder = Path(tempfile.mkdtemp(prefix="inr-test-service-"))
    atexit.register(shutil.rmtree, folder)
    queue = Queue(folder)
    tokens = [queue.add_user(name)[1] for name in ("Ada", "Bob")]
    (folder / "tokens").write_text("\n".join(tokens))
    (folder / "uploads").mkdir()
    queue.close()
    return folder


@functools.cache
def _routes() -> FastAPI:
    """The routes, which take longer to make than most tests."""
    return make_routes()


class Stage:
    """A service on the test's folder, with two users, Ada and Bob.

    Attributes:
        client: sends Ada's token; `as_bob` are the headers that send Bob's.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.settings = Settings(folder, **{"free_bytes": 0, **settings})
        shutil.copytree(_template(), folder, dirs_exist_ok=True)
        self.queue = Queue(folder)
        self.store = Store(folder)
        self.token, bobs = (folder / "tokens").read_text().split()
        self.ada, self.bob = self.queue.users()
        self.as_bob = {"Authorization": f"Bearer {bobs}"}
        self.renderer = PlayedRenderer(folder)
        self.warmed = 0
        self.service = Service(
            self.settings, self.queue, self.store, self.renderer, read=played_reader, warm=self._warm
        )
        routes = _routes()
        routes.state.service = self.service
        self.app = guarded(routes, self.service)
        headers = {"Authorization": f"Bearer {self.token}", "User-Agent": "test"}
        self.runner = asyncio.Runner()
        self.client = Client(self.runner, self.app, headers)

    @contextlib.contextmanager
    def open(self) -> Iterator["Stage"]:
        with self.runner:
            running = self.service.running()
            self.runner.run(running.__aenter__())
            try:
                yield self
            finally:
                self.runner.run(running.__aexit__(None, None, None))
                self.queue.close()

    def _warm(self) -> None:
        self.warmed += 1

    def signal(self, user: User | None = None) -> str:
        """A signal that has been read."""
        sha256, size = self.store.put(PICTURE)
        row = self.queue.add_signal((user or self.ada).id, name="cat.png", sha256=sha256, bytes=size)
        array, _ = self.store.put(b"array")
        self.queue.signal_ready(row.id, "image", DESCRIPTION, array)
        return row.id

    def job(self, user: User | None = None) -> str:
        """A job that waits."""
        owner = user or self.ada
        return self.queue.submit(owner.id, NewJob("fit", "cat", signal=self.signal(owner))).job.id

    def begin(self) -> Claim:
        """What a worker does first."""
        self.queue.register("worker", "here", 1, 1)
        (claim,) = self.queue.claim("worker")
        self.queue.beat(claim, Progress(step=10, steps=100, seconds=0.5, psnr=20.0, stage="fitting"))
        return claim

    def field(self, user: User | None = None) -> str:
        """A job that is done."""
        id = self.job(user)
        claim = self.begin()
        assert claim.job.id == id
        sha256, size = self.store.put(FIELD)
        assert self.queue.finish(
            claim, result_sha256=sha256, result_bytes=size, metrics={"psnr": 31.5, "bytes": size}, seconds=1.0
        )
        return id

    def preview(self, job: str, data: bytes = b"RIFFwebp") -> None:
        """What a worker draws of a job."""
        folder = self.folder / "jobs" / job
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "preview.webp").write_bytes(data)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
