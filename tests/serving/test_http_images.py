"""Tiles that nobody wants any more, and pages of other sites."""

import asyncio
from typing import Any

import pytest

from tests.serving.http_service import Stage, ask

HOST = ("Host", "127.0.0.1:8765")


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path).open() as stage:
        yield stage


def test_who_leaves_is_not_drawn_for(stage):
    path = f"/iiif/3/{stage.field()}/full/max/0/default.jpg"
    begun, seen = asyncio.Event(), []

    async def tile(image: Any, request: Any) -> bytes:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return b""

    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        seen.append(message.get("status"))

    async def serve() -> None:
        await stage.app(scope, receive, send)
        await asyncio.sleep(0)

    headers = [(b"host", HOST[1].encode()), (b"authorization", f"Bearer {stage.token}".encode())]
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": headers, "http_version": "1.1", "server": ("127.0.0.1", 8765), "client": ("127.0.0.1", 1),
        "scheme": "http",
    }  # fmt: skip
    stage.renderer.tile = tile
    stage.runner.run(asyncio.wait_for(serve(), 10))
    assert sorted(map(str, seen)) == ["499", "None", "cancelled"]


@pytest.mark.parametrize("rest", ["info.json", "full/max/0/default.jpg"])
def test_pages_of_other_sites_may_ask_for_shares_alone(stage, rest):
    id = stage.field()
    name = stage.client.post(f"/v1/fields/{id}/shares").json()["name"]
    for asked, everybody in ((name, "*"), (id, None), ("nothing", None)):
        answer = ask(stage, "OPTIONS", f"/iiif/3/{asked}/{rest}", [HOST])
        assert (answer.status, answer.headers.get("access-control-allow-origin")) == (204, everybody)
    assert ask(stage, "GET", f"/iiif/3/{id}/{rest}", [HOST]).status == 404
