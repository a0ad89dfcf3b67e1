"""What keeps a connection from being held open by somebody who sends nothing more, or takes nothing."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_BYTES = 16 * 1024  # a request's line and headers, together
TAKING_SECONDS = 60.0  # in which a client takes what is buffered of an answer


class DeadlineProtocol(H11Protocol):
    """HTTP/1.1 whose requests have to come with their whole head in time.

    uvicorn closes connections that are idle after an answer, and leaves half a request open for ever
    (https://github.com/encode/uvicorn/issues/157). Bodies are timed where they are read, in the gate; of one that was
    answered before it had come, the rest is due like a head. An answer that nobody takes ends with its connection.
    """

    head_seconds: float = 10.0
    taking_seconds: float = TAKING_SECONDS

    _deadline: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A head is due from now on."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._cancel()
        self._cancel_taking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A deadline does not move when a part of the head arrives."""
        cycle = self.cycle
        super().data_received(data)
        if self.cycle is not cycle:  # a whole head came
            self._cancel()
        if self.conn.their_state is h11.IDLE and self._deadline is None:
            self._expect_head()

    def on_response_complete(self) -> None:
        """What is left of a body that was refused is not waited for long."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY and self._deadline is None:
            self._expect_head()

    def pause_writing(self) -> None:
        """The client is to take what is buffered."""
        super().pause_writing()
        self._untaken = self.loop.call_later(self.taking_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It did."""
        self._cancel_taking()
        super().resume_writing()

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self._give_up)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cancel_taking(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def protocol(head_seconds: float) -> type[Any]:
    """The protocol with its deadline, as uvicorn takes it."""
    return type("DeadlineProtocol", (DeadlineProtocol,), {"head_seconds": head_seconds})
