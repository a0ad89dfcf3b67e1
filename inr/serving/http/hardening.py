"""What keeps a connection from being held open by somebody who sends nothing more."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_BYTES = 16 * 1024  # a request's line and headers, together


class DeadlineProtocol(H11Protocol):
    """HTTP/1.1 whose requests have to come with their whole head in time.

    uvicorn closes connections that are idle after an answer, and leaves half a request open for ever
    (https://github.com/encode/uvicorn/issues/157). Bodies are timed where they are read, in the gate.
    """

    head_seconds: float = 10.0

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A head is due from now on."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """No head is due any more."""
        self._cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A deadline does not move when a part of the head arrives."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._cancel()
        elif self._deadline is None:
            self._expect_head()

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self._give_up)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def protocol(head_seconds: float) -> type[Any]:
    """The protocol with its deadline, as uvicorn takes it."""
    return type("DeadlineProtocol", (DeadlineProtocol,), {"head_seconds": head_seconds})
