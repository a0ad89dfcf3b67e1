"""A server of its own for each figure."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image

from inr.serving.client import Client

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "chelsea.png"
STEPS = 300
START_SECONDS, END_SECONDS = 60.0, 20.0


@dataclass(frozen=True)
class Server:
    """A running `inr serve`.

    Attributes:
        folder: where it keeps all.
        url: where it answers.
        pid: of its process.
        begun: seconds of `time.perf_counter` at which the command was started.
    """

    folder: Path
    url: str
    pid: int
    begun: float

    @property
    def token(self) -> str:
        """The owner's."""
        return (self.folder / "token").read_text().strip()

    def client(self, token: str | None = None) -> Client:
        """A client of the owner's, or of whoever has another token."""
        return Client(self.url, token or self.token)

    def http(self) -> httpx.Client:
        """A connection of the owner's for what `Client` has no method for."""
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, trust_env=False, timeout=60
        )


@contextlib.contextmanager
def serving(*options: str, warm: bool = True) -> Iterator[Server]:
    """A server in a temporary folder, which ends with the block.

    Args:
        options: of `inr serve`.
        warm: wait until both workers have fitted something.
    """
    with tempfile.TemporaryDirectory(prefix="inr-service-") as temporary:
        folder = Path(temporary)
        port = _free_port()
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "inr", "serve", str(folder), "--port", str(port), *options]
        begun = time.perf_counter()
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            server = Server(folder, f"http://127.0.0.1:{port}", process.pid, begun)
            try:
                _wait(server, process, "/readyz" if warm else "/healthz")
                if warm:
                    _warm(server)
                yield server
            finally:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(END_SECONDS)
                with contextlib.suppress(ProcessLookupError):  # what outlived it
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def crops(folder: Path, count: int, size: int = 64) -> list[Path]:
    """So many different pictures of 64 x 64 pixels, cut from the example."""
    picture = Image.open(EXAMPLE)
    paths = []
    for number in range(count):
        x, y = 37 * number % (picture.width - size), 53 * number % (picture.height - size)
        paths.append(folder / f"{number:04d}.png")
        picture.crop((x, y, x + size, y + size)).save(paths[-1])
    return paths


def wait_for_end(client: Client, job: str) -> dict:
    """The end of a job, which has to be done."""
    *_, end = client.events(job)
    if end.data["state"] != "done":
        raise SystemExit(f"job {job} is {end.data['state']}: {end.data.get('problem')}")
    return end.data


def _warm(server: Server) -> None:
    """Let every worker load its kernels: jobs that wait beside each other go to different ones."""
    with server.client() as client:
        jobs = []
        for path in crops(server.folder, 6):
            jobs.append(client.submit("fit", client.upload(path)["id"], {"steps": STEPS})["id"])
        for job in jobs:
            wait_for_end(client, job)


def _wait(server: Server, process: subprocess.Popen, path: str) -> None:
    while time.perf_counter() - server.begun < START_SECONDS:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(server.url + path, trust_env=False).status_code == 200:
                return
        time.sleep(0.01)
    raise SystemExit(f"the server did not start:\n{(server.folder / 'server.log').read_text()}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
