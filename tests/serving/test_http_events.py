"""Streams of events: what they begin with, what is replayed, and how they end."""

import asyncio
import json
from typing import Any

import anyio
import pytest

from inr.serving.http.app import guarded
from inr.serving.http.routes import events
from inr.serving.http.tail import BACKLOG, Message
from inr.serving.queue import Progress
from tests.serving.http_service import FIELD, Stage
from tests.serving.test_http import problem


@pytest.fixture
def stage(folder):
    with Stage(folder).open() as stage:
        yield stage


class Listener:
    """A client of a stream, which the transport of httpx would wait for to end."""

    def __init__(self, stage: Stage, query: str = "", **headers: str) -> None:
        sent = {"host": "127.0.0.1:8765", "authorization": f"Bearer {stage.token}", **headers}
        self._scope = {
            "type": "http", "method": "GET", "path": "/v1/events", "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value],
            "http_version": "1.1", "server": ("127.0.0.1", 8765), "client": ("127.0.0.1", 1), "scheme": "http",
            "raw_path": b"/v1/events",
        }  # fmt: skip
        self._app = stage.app
        self._parts: asyncio.Queue[bytes] = asyncio.Queue()
        self._text = ""
        self.status = 0
        self.headers: dict[str, str] = {}

    async def __aenter__(self) -> "Listener":
        gone = asyncio.Event()
        begun = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not begun.is_set():
                begun.set()
                return {"type": "http.request", "body": b"", "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                await self._parts.put(message.get("body", b""))

        self._gone = gone
        self._task = asyncio.create_task(self._app(self._scope, receive, send))
        return self

    async def __aexit__(self, *error: object) -> None:
        self._gone.set()
        await asyncio.wait_for(self._task, 5)

    async def next(self) -> dict[str, str]:
        """The fields of the next event; a comment's field has no name."""
        while "\n\n" not in self._text:
            self._text += (await asyncio.wait_for(self._parts.get(), 5)).decode()
        event, _, self._text = self._text.partition("\n\n")
        return dict(line.split(": ", 1) if not line.startswith(":") else ("", line[2:]) for line in event.splitlines())

    async def named(self, name: str) -> tuple[str | None, dict[str, Any]]:
        """The id and the data of the next event of a name."""
        while True:
            event = await self.next()
            if event.get("event") == name:
                return event.get("id"), json.loads(event["data"])


def test_a_stream_tells_a_job_from_its_place_to_its_end(stage):
    id = stage.job()

    async def listen():
        async with Listener(stage) as listener:
            first = await listener.next()
            assert (first["retry"], listener.status) == ("2000", 200)
            assert listener.headers["content-type"].startswith("text/event-stream")
            _, waiting = await listener.named("state")
            assert (waiting["job"], waiting["state"], waiting["position"]) == (id, "queued", 1)
            claim = stage.begin()
            _, running = await listener.named("state")
            assert (running["state"], running["position"], running["attempt"]) == ("running", 0, 1)
            _, progress = await listener.named("progress")
            assert (progress["step"], progress["psnr"]) == (10, 20.0)
            assert "curve" not in progress
            stage.queue.beat(claim, Progress(step=20, steps=100, preview=1))
            _, preview = await listener.named("preview")
            assert preview == {"job": id, "preview": 1, "url": f"/v1/jobs/{id}/preview.webp?n=1"}
            sha256, size = stage.store.put(FIELD)
            stage.queue.finish(claim, result_sha256=sha256, result_bytes=size, metrics={"psnr": 30.0}, seconds=1.0)
            number, end = await listener.named("end")
            assert (end["state"], end["metrics"]) == ("done", {"psnr": 30.0})
            assert end["links"]["file"] == f"/v1/fields/{id}.inr"
            assert int(number) == stage.queue.last_seq()

    stage.runner.run(listen())


def test_what_was_missed_is_sent_again_and_nothing_twice(stage):
    id = stage.job()
    stage.queue.pause(id, stage.ada.id)
    stage.queue.resume(id, stage.ada.id)
    seen = [event.seq for event in stage.queue.events(0)]

    async def listen():
        async with Listener(stage, **{"last-event-id": str(seen[0])}) as listener:
            await listener.next()
            assert [await listener.named("state") for _ in seen[1:]] == [
                (str(seq), {"job": id, "state": state, "position": place, "eta": None, "attempt": 0})
                for seq, state, place in zip(seen[1:], ("paused", "queued"), (None, 1), strict=True)
            ]
            stage.queue.cancel(id, stage.ada.id)
            number, end = await listener.named("end")
            assert (int(number), end["state"]) == (seen[-1] + 1, "cancelled")

    stage.runner.run(listen())


def test_streams_hold_the_jobs_of_their_user_and_those_that_were_named(stage):
    mine, other, bobs = stage.job(), stage.job(), stage.job(stage.bob)

    async def listen():
        async with Listener(stage, query=f"job={mine}") as listener:
            _, first = await listener.named("state")
            assert first["job"] == mine
            for each, owner in ((bobs, stage.bob), (other, stage.ada), (mine, stage.ada)):
                stage.queue.cancel(each, owner.id)
            _, end = await listener.named("end")
            assert end["job"] == mine

    stage.runner.run(listen())
    problem(stage.client.get(f"/v1/events?job={bobs}"), 404, "not-found")
    problem(stage.client.get("/v1/events", headers={"Last-Event-ID": "x"}), 400, "bad-cursor")


def test_a_stream_ends_after_the_seconds_that_its_client_waits(stage):
    id = stage.job()
    seen = stage.client.get("/v1/events?wait=0").text
    assert [line for line in seen.splitlines() if line.startswith("event")] == ["event: state"]
    assert id in seen
    assert stage.client.get("/v1/events?wait=0", headers={"Last-Event-ID": "0"}).text.count("event: state") == 1
    assert stage.client.get("/v1/events?wait=0.2").status_code == 200
    assert stage.service.tail.listeners(stage.ada.id) == 0
    problem(stage.client.get("/v1/events?wait=-1"), 422, "bad-request")


@pytest.mark.parametrize("ended", ["token", "session", "user"])
def test_a_stream_ends_when_its_user_may_listen_no_longer(stage, monkeypatch, ended):
    monkeypatch.setattr(events, "CHECK_SECONDS", 0.05)
    session = stage.queue.redeem(stage.queue.new_code(stage.ada.id))
    as_browser = {"authorization": "", "cookie": f"inr_session={session}"} if ended == "session" else {}

    async def listen():
        async with Listener(stage, **as_browser) as listener, Listener(stage, **as_browser) as other:
            assert [(await each.next())["retry"] for each in (listener, other)] == ["2000", "2000"]
            await asyncio.sleep(0.2)
            assert stage.service.tail.listeners(stage.ada.id) == 2
            if ended == "token":
                stage.queue.replace_token(stage.ada.id)
            elif ended == "session":
                stage.queue.end_session(session)
            else:
                stage.queue.remove_user(stage.ada.id)
            for each in (listener, other):
                assert (await each.next())[""] == "come again"
        async with Listener(stage, **as_browser) as again:
            await asyncio.wait_for(again._task, 5)
            assert again.status == 401

    stage.runner.run(listen())
    assert stage.service.tail.listeners(stage.ada.id) == 0


def test_streams_end_when_the_server_does(stage):
    async def listen():
        async with Listener(stage) as listener:
            await listener.next()
            stage.service.drain()
            last = await listener.next()
            assert last["retry"] == "2000"
            await asyncio.wait_for(listener._task, 5)

    stage.runner.run(listen())
    answer = stage.client.get("/v1/events")
    problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (ExceptionGroup("", [anyio.BrokenResourceError()]), 0),
        (ExceptionGroup("", [anyio.BrokenResourceError(), ValueError()]), 1),
    ],
)
def test_a_client_that_hangs_up_is_no_fault(stage, caplog, error, logged):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    stage.app = guarded(app, stage.service)

    async def listen():
        async with Listener(stage) as listener:
            await listener._task

    stage.runner.run(listen())
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["a request failed"] * logged


def test_a_client_that_does_not_read_is_let_go(stage):
    """It comes again with the last event that it had, and gets what followed."""

    async def listen():
        tail = stage.service.tail
        with tail.stream(stage.ada.id, ()) as slow, tail.stream(stage.bob.id, ()) as other:
            tail._put([Message(stage.ada.id, "job", "state", {}, seq) for seq in range(BACKLOG + 1)])
            assert slow.messages.get_nowait() is None
            assert slow.messages.empty()
            assert other.messages.empty()
            assert [tail.listeners(user.id) for user in (stage.ada, stage.bob)] == [0, 1]

    stage.runner.run(listen())
