"""The server itself, on a socket: who holds a connection open, who ends it, and what is left when it is killed."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ENTRY = (sys.executable, "-c", "from inr.cli import main; main()")
TUS = {"Tus-Resumable": "1.0.0"}


@dataclass
class Running:
    """A server, and what it printed."""

    process: "subprocess.Popen[str]"
    folder: Path
    link: str
    log: Path

    @property
    def port(self) -> int:
        return int(re.search(r":(\d+)/#code=", self.link)[1])

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **headers: str) -> httpx.Client:
        token = (self.folder / "token").read_text().strip()
        return httpx.Client(base_url=self.base, headers={"Authorization": f"Bearer {token}", **headers}, timeout=20)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def resident(self) -> int:
        """Bytes of memory."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def serving(folder: Path, *options: str) -> Iterator[Running]:
    """A server with no workers unless the options say so."""
    log = folder.with_suffix(".log")
    root = Path(__file__).parents[2]
    with log.open("a") as errors:
        process = subprocess.Popen(
            [*ENTRY, "serve", str(folder), "--port", "0", "--workers", "0", *options],
            stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, "PYTHONPATH": str(root)},
        )  # fmt: skip
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield Running(process, folder, process.stdout.readline().strip().removeprefix("open "), log)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def answer_to(connection: socket.socket, sent: bytes) -> bytes:
    """What comes back until the server closes."""
    connection.sendall(sent)
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            found += part
    return found


@pytest.mark.long
def test_a_server_from_its_start_to_its_end(tmp_path):
    """It starts without torch, numba and numpy, opens a session by its link, refuses a second one, and drains."""
    with serving(tmp_path / "a") as server:
        libraries = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert not re.search(r"libtorch|llvmlite|numpy", libraries)
        assert (server.folder / "token").stat().st_mode & 0o777 == 0o600
        assert server.folder.stat().st_mode & 0o777 == 0o700
        code = server.link.partition("#code=")[2]
        with httpx.Client(base_url=server.base) as page:
            assert page.get("/").text.startswith("<!doctype html>")
            assert page.post("/v1/session", json={"code": code}).status_code == 204
            assert page.get("/v1/me").json()["name"] == "owner"
        second = subprocess.run(
            [*ENTRY, "serve", str(server.folder), "--port", "0"], capture_output=True, text=True, check=False
        )
        assert (second.returncode, second.stdout) == (2, "")
        expected = f"another inr serve is at work in {server.folder}; stop it, or give another folder"
        assert second.stderr == f"inr: error: {expected}\n"
        with server.client() as client, client.stream("GET", "/v1/events") as events:
            lines = events.iter_lines()
            assert next(lines) == ": inr"
            server.process.send_signal(signal.SIGTERM)
            rest = list(lines)
            assert "retry: 2000" in rest[-3:]
        assert server.process.wait(10) == 0
        for line in server.log.read_text().splitlines():
            told = json.loads(line)
            assert code not in line
            assert told["level"] != "error", told


@pytest.mark.long
def test_half_a_request_is_not_waited_for(tmp_path, monkeypatch):
    """A head that comes byte by byte (slowloris, uvicorn #157), a body that stops, a connection that says nothing."""
    with serving(tmp_path / "a") as server, contextlib.ExitStack() as stack:
        token = (server.folder / "token").read_text().strip()
        head = f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        silent, dripping, stopping = (stack.enter_context(server.connect()) for _ in range(3))
        for connection in (silent, dripping, stopping):
            connection.settimeout(40)
        began = time.monotonic()
        stopping.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())

        def drip() -> None:
            with contextlib.suppress(OSError):
                while time.monotonic() - began < 60:
                    dripping.sendall(b"X")
                    time.sleep(0.5)

        thread = threading.Thread(target=drip)
        thread.start()
        assert silent.recv(1) == b""
        with contextlib.suppress(ConnectionResetError):
            assert dripping.recv(1) == b""
        thread.join()
        assert answer_to(stopping, b"").startswith(b"HTTP/1.1 408 ")
        with server.client() as client:
            assert client.get("/healthz").text == "ok\n"


@pytest.mark.long
def test_hostile_requests_take_no_memory(tmp_path):
    """A header without an end, lengths that lie or contradict each other, and bodies beyond what was said."""
    with serving(tmp_path / "a") as server:
        token = (server.folder / "token").read_text().strip()
        head = f"POST /v1/signals HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n".encode()
        before = server.resident()
        with server.connect() as connection, contextlib.suppress(ConnectionError):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
            for _ in range(300):
                connection.sendall(b"x" * (1 << 20))
        for lengths in (
            b"Content-Length: -1\r\n",
            b"Content-Length: 1e3\r\n",
            b"Content-Length: 4\r\nContent-Length: 5\r\n",
            b"Content-Length: " + b"9" * 30 + b"\r\n",
            b"Content-Length: 99999999999\r\n",
        ):
            with server.connect() as connection:
                found = answer_to(connection, head + lengths + b"Connection: close\r\n\r\nabcd")
                assert found.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), lengths
        with server.connect() as connection:  # what follows a body is a request of its own, and none
            body = b"Content-Type: application/octet-stream\r\nContent-Length: 2\r\n\r\nabcd\r\n\r\n"
            assert b"HTTP/1.1 400 " in answer_to(connection, head + body)
        with server.connect() as connection:
            connection.sendall(head + b"Content-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\nabcd")
        assert server.resident() - before < 40 << 20
        with server.client() as client:
            assert client.get("/v1/signals").json()["items"][1:] == []
        deadline = time.monotonic() + 30
        while list((server.folder / "uploads").iterdir()):  # nothing is left of any of them
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.long
def test_a_killed_server_goes_on_with_uploads_and_events(tmp_path):
    """What had been told is there: the offset of an upload that was cut, and what a stream had not sent."""
    data = os.urandom(20 << 20)
    with serving(tmp_path / "a") as server, server.client() as client:
        place = client.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(data))}).headers["location"]

        def half() -> Iterator[bytes]:
            yield data[: 17 << 20]
            time.sleep(1)
            server.process.kill()
            yield data[17 << 20 :]

        headers = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        with pytest.raises(httpx.TransportError):
            client.patch(place, content=half(), headers=headers)
    with serving(tmp_path / "a") as server, server.client() as client:
        offset = int(client.head(place, headers=TUS).headers["upload-offset"])
        assert 16 << 20 <= offset <= 17 << 20  # it is synced every 8 MiB, about
        headers["Upload-Offset"] = str(offset)
        last = client.patch(place, content=data[offset:], headers=headers)
        assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(data)))
        signal_id = place.rpartition("/")[2]
        while (found := client.get(f"/v1/signals/{signal_id}").json())["state"] == "reading":
            time.sleep(0.1)
        assert found["state"] == "refused"
        assert found["problem"]["type"] == "/problems/unreadable-signal"


@pytest.mark.long
def test_a_fit_goes_on_after_the_server_was_ended_and_after_it_was_killed(tmp_path):
    picture = Path(__file__).parents[2] / "examples" / "chelsea.png"
    headers = {"Content-Type": "application/octet-stream"}

    def until(client: httpx.Client, path: str, *states: str, step: int = 0) -> dict:
        deadline = time.monotonic() + 200
        while True:
            found = client.get(path).json()
            if found["state"] in states and (found.get("progress") or {}).get("step", 0) >= step:
                return found
            assert time.monotonic() < deadline, found
            assert found["state"] not in ("failed", "refused"), found
            time.sleep(0.1)

    with serving(tmp_path / "a", "--workers", "1") as server, server.client() as client:
        signal_id = client.post("/v1/signals", content=picture.read_bytes(), headers=headers).json()["id"]
        until(client, f"/v1/signals/{signal_id}", "ready")
        body = {"kind": "fit", "signal": signal_id, "options": {"steps": 500}}
        job = client.post("/v1/jobs", json=body).json()["links"]["self"]
        until(client, job, "running", step=20)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(15) == 0
    with serving(tmp_path / "a", "--workers", "1") as server, server.client() as client:
        found = until(client, job, "running", "done", step=20)
        assert (found["attempt"], found["crashes"]) == (2, 0)
        server.process.kill()
        server.process.wait()
    with serving(tmp_path / "a", "--workers", "1") as server, server.client() as client:
        found = until(client, job, "done")
        assert found["crashes"] == 0
        assert found["metrics"]["steps"] == 500
        file = client.get(found["links"]["file"]).content
        again = client.post("/v1/jobs", json=body).json()["links"]["self"]
        at_once = until(client, again, "done")
        assert at_once["attempt"] == 1
        assert file == client.get(at_once["links"]["file"]).content
