"""One process that answers messages, as the server sees it."""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any

from inr._errors import InrError
from inr.serving import DiskFull
from inr.serving.views import _wire
from inr.serving.views._errors import BadRequest, RendererStopped

_DYING = 5.0  # seconds that a process may take to end after it closed its output

Answer = tuple[Any, float]  # bytes or plain JSON, and the seconds that it took


class Conversation:
    """A process, and what it was asked and has not answered yet; made by `begin`.

    Args:
        process: with pipes for its input and output.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._number = 0
        self._ended = False
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def begin(cls, command: Sequence[str]) -> "Conversation":
        """Start a process.

        Args:
            command: what is run.
        """
        pipe = asyncio.subprocess.PIPE
        # in a session of its own, Ctrl-C does not reach it: it ends with its input
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True))

    @property
    def has_ended(self) -> bool:
        """Whether nothing that is asked will be answered any more."""
        return self._ended

    def ask(self, operation: str, arguments: dict[str, Any], timeout: float) -> asyncio.Future[Answer]:
        """Send a message.

        Args:
            operation: what is wanted.
            arguments: plain JSON.
            timeout: seconds after which the process is killed if there is no answer.

        Returns:
            What will have the answer; or an error, RendererStopped where the process ended before.
        """
        self._number += 1
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._asked[self._number] = future
        timer = loop.call_later(timeout, self._expire, self._number, timeout)
        future.add_done_callback(lambda done: timer.cancel())
        assert self._process.stdin is not None
        self._process.stdin.write(_wire.packed({"id": self._number, "op": operation, "arguments": arguments}))
        return future

    def _expire(self, number: int, timeout: float) -> None:
        future = self._asked.pop(number)
        future.set_exception(RendererStopped(f"this took longer than {timeout:g} seconds, and was stopped"))
        self.end()

    def end(self) -> None:
        """Kill the process; what it was asked is answered by RendererStopped."""
        if not self._ended:
            self._ended = True
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def ending(self) -> None:
        """Wait until the process has ended."""
        await asyncio.wait([self._listener])  # a caller that is cancelled does not cancel the listener

    async def _listen(self) -> None:
        """Hand answers to those who wait for them, until there are no more."""
        assert self._process.stdout is not None
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                text, size = _wire.HEAD.unpack(await self._process.stdout.readexactly(_wire.HEAD.size))
                told = json.loads(await self._process.stdout.readexactly(text))
                data = await self._process.stdout.readexactly(size)
                future = self._asked.pop(told["id"], None)
                if future is None:  # it came too late
                    continue
                if "error" in told:
                    future.set_exception(_error(told["error"], told["detail"]))
                else:
                    future.set_result((told.get("result", data), told["seconds"]))
        self._ended = True
        for future in self._asked.values():
            future.set_exception(RendererStopped("the renderer stopped; try again in a moment"))
        self._asked.clear()
        try:  # killing a process that has died already confuses asyncio
            await asyncio.wait_for(self._process.wait(), _DYING)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _error(kind: str, detail: str) -> InrError:
    if kind == "bad-request":
        return BadRequest(detail)
    if kind == "disk-full":
        return DiskFull(detail)
    if kind == "refused":
        return InrError(detail)
    return RendererStopped("the renderer could not do this; its log says why")
