"""Connections whose clients neither send nor take what they should: they end, and cost others nothing."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from inr.serving.http.hardening import DeadlineProtocol

uvicorn = pytest.importorskip("uvicorn")


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"


class Impatient(DeadlineProtocol):
    head_seconds = 0.2
    taking_seconds = 0.2


async def _app(scope, receive, send):
    """Answers at once, whatever is still to come of the body: 64 MiB at /large."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1024 if scope["path"] == "/large" else 0):
        await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server whose only limits are the protocol's."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        place.listen()
        config = uvicorn.Config(_app, http=Impatient, ws="none", lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[place]))
        reader, writer = await asyncio.open_connection(*place.getsockname(), limit=1024)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            server.should_exit = True
            await task


def run(steps) -> None:
    asyncio.run(asyncio.wait_for(steps(), 30))


def test_a_refused_body_that_drips_on_is_cut_off():
    async def drip() -> None:
        async with connected() as (reader, writer):
            writer.write(HEAD)
            reading = asyncio.create_task(reader.read())
            with contextlib.suppress(ConnectionError):
                while not reading.done():
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.02)
                assert (await reading).startswith(b"HTTP/1.1 200 ")

    run(drip)


def test_the_next_request_after_a_body_that_came_late_is_served():
    async def ask() -> None:
        async with connected() as (reader, writer):
            writer.write(HEAD.replace(b"1000000", b"3"))
            await reader.readuntil(b"ok")
            await asyncio.sleep(0.1)
            writer.write(b"abc" + HEAD)  # whose own body is now due, and no longer the first one's
            assert b"HTTP/1.1 200 " in await reader.readuntil(b"ok")

    run(ask)


def test_an_answer_that_nobody_takes_ends_with_its_connection():
    async def ignore() -> None:
        async with connected() as (reader, writer):
            writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.sleep(0.6)  # reads nothing beyond its buffer
            taken = 0
            with contextlib.suppress(ConnectionError):
                while part := await reader.read(65536):
                    taken += len(part)
            assert taken < 64 << 20

    run(ignore)
