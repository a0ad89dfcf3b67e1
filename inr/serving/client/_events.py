"""What a service says of a job while it runs: Server-Sent Events, taken up again where they were cut."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from inr.serving.client._connection import Connection, Tries

_TERMINAL = ("done", "failed", "cancelled")
# Seconds without a word after which a stream is cut: there is a comment every 15.
_SILENCE = 45.0


class ServerEvent(NamedTuple):
    """One event.

    Attributes:
        kind: "state", "progress", "preview" or "end".
        data: its JSON.
    """

    kind: str
    data: dict[str, Any]


def follow(connection: Connection, job: str) -> Iterator[ServerEvent]:
    """Events of a job up to its end, over any number of connections.

    Args:
        connection: to the service.
        job: its id.

    Yields:
        Events, each once; the last one has the kind "end".

    Raises:
        Refused: the job is not there.
        Unreachable: the service is not there any longer.
    """
    import httpx

    last, tries = "", connection.tries()
    while True:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        try:
            with connection.http.stream(
                "GET", "/v1/events", params={"job": job}, headers=headers, timeout=httpx.Timeout(10, read=_SILENCE)
            ) as answer:
                if not answer.is_success:
                    answer.read()
                    if answer.status_code != 503:
                        connection.accept(answer)
                elif (ended := _end(connection, job)) is not None:  # before the stream began
                    yield ended
                    return
                else:
                    for number, event in parse(_heard(answer.iter_lines(), tries)):
                        last, tries = number or last, connection.tries()
                        yield event
                        if event.kind == "end":
                            return
        except httpx.TransportError as error:
            tries.wait(error)
        else:
            tries.wait(None)


def _heard(lines: Iterable[str], tries: Tries) -> Iterator[str]:
    """The same lines; comments tell, too, that somebody is there."""
    for line in lines:
        tries.heard()
        yield line


def _end(connection: Connection, job: str) -> ServerEvent | None:
    """The end of a job that has ended."""
    found = connection.send("GET", f"/v1/jobs/{job}").json()
    if found["state"] not in _TERMINAL:
        return None
    return ServerEvent("end", {"job": job, **{name: found.get(name) for name in ("state", "metrics", "problem")}})


def parse(lines: Iterable[str]) -> Iterator[tuple[str, ServerEvent]]:
    """Events of a stream with their ids, as the HTML standard reads it; what is not JSON is left out.

    Args:
        lines: of the stream, without their ends.
    """
    number, kind, data = "", "", list[str]()
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            found = _json("\n".join(data))
            if data and isinstance(found, dict):
                yield number, ServerEvent(kind or "message", found)
            kind, data = "", []
        elif name == "id":
            number = value
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
