"""What the server is made of, as far as that shows without a socket."""

import asyncio
import contextlib
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inr.serving.http import gate
from inr.serving.http.server import _owner, _upkeep
from tests.serving.http_service import Stage
from tests.serving.test_http import problem


def test_the_server_loads_nothing_heavy():
    program = (
        "import sys\nfrom inr.serving.http.app import make_routes\nimport inr.serving.http.server\n"
        "assert len(make_routes().openapi()['paths']) > 35\n"
        "print({'torch', 'numba', 'scipy', 'numpy', 'PIL', 'matplotlib'} & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_no_job_begins_while_the_disk_is_nearly_full(folder):
    with Stage(folder, free_bytes=1 << 60).open() as stage:
        stage.job()

        async def look_after() -> None:
            task = asyncio.create_task(_upkeep(stage.service))
            while stage.queue.held() is None:
                await asyncio.sleep(0.01)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

        stage.runner.run(asyncio.wait_for(look_after(), 10))
        assert stage.queue.held() == "the disk is nearly full"
        assert stage.queue.claim("worker") == []
        assert stage.client.get("/v1/queue").json()["held"] == "the disk is nearly full"


def test_more_requests_than_are_served_at_once_are_asked_to_come_again(folder, monkeypatch):
    monkeypatch.setattr(gate, "MOST_SERVED", 0)
    with Stage(folder).open() as stage:
        answer = stage.client.get("/healthz")
        problem(answer, 503, "busy")
        assert answer.headers["retry-after"] == "2"


def test_a_user_has_so_many_streams(folder, monkeypatch):
    monkeypatch.setattr("inr.serving.http.routes.events.MOST_STREAMS", 1)
    with Stage(folder).open() as stage, stage.service.tail.stream(stage.ada.id, ()):
        problem(stage.client.get("/v1/events"), 429, "busy")


def test_head_is_get_without_a_body(folder):
    with Stage(folder).open() as stage:
        id = stage.field()
        for path in (f"/v1/fields/{id}.inr", "/", f"/v1/jobs/{id}", f"/iiif/3/{id}/info.json"):
            got, head = stage.client.get(path), stage.client.head(path)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == got.headers["content-length"]


def test_a_disk_that_fills_up_under_a_body_is_told(folder, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Stage(folder).open() as stage:
        upload = stage.client.post("/v1/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "5"})
        place, step = upload.headers["location"], {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
        with monkeypatch.context() as patched:
            patched.setattr("inr.serving.http.receiving.os.write", full)
            answer = stage.client.post(
                "/v1/signals", content=b"12345", headers={"Content-Type": "application/octet-stream"}
            )
            problem(answer, 507, "disk-full")
            assert answer.headers["retry-after"] == "60"
            assert list((folder / "uploads").glob("raw-*")) == []
            kind = {"Content-Type": "application/offset+octet-stream"}
            problem(stage.client.patch(place, content=b"12345", headers=step | kind), 507, "disk-full")
        done = stage.client.patch(place, content=b"12345", headers=step | kind)
        assert (done.status_code, done.headers["upload-offset"]) == (204, "5")


@pytest.mark.parametrize("left", ["open", "binary", "another's", "gone"])
def test_a_token_that_others_may_know_is_replaced(queue, tmp_path, left):
    owner = _owner(queue, tmp_path)
    path = tmp_path / "token"
    first = path.read_text().strip()
    assert (_owner(queue, tmp_path), path.read_text().strip()) == (owner, first)
    session = queue.redeem(queue.new_code(owner.id))
    match left:
        case "open":
            path.chmod(0o640)
        case "binary":
            path.write_bytes(b"\xff\xfe\x00")
        case "another's":
            path.write_text("x" * 43)
        case "gone":
            path.unlink()
    assert _owner(queue, tmp_path) == owner
    assert path.stat().st_mode & 0o777 == 0o600
    assert queue.user_of_token(path.read_text().strip()) == owner
    assert queue.user_of_token(first) is None
    assert queue.user_of_session(session) is None
