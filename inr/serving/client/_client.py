"""One service, as a program uses it."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inr._errors import DamagedFile
from inr.serving.client._address import find_token, parse_address
from inr.serving.client._connection import Connection
from inr.serving.client._events import ServerEvent, follow
from inr.serving.client._upload import upload

if TYPE_CHECKING:
    import httpx

# Seconds for which a lost connection is tried again.
_PATIENCE = 120.0
_DOWNLOADS = 3  # tries, until one has the digest that the service names


class Client:
    """A fitting service, as `inr serve` starts it, seen from a program.

    Args:
        url: where it is, as http://127.0.0.1:8765, or the whole link that it printed.
        token: says who asks; None: that of the link, $INR_TOKEN, or of this account's own service on this machine.
        patience: seconds for which a lost connection is tried again.
        notice: told in one line when a connection is lost.
        transport: what carries the requests; None: the network.

    Raises:
        InrError: the address is none.
        Refused: the link's code is used up or too old.
        Unreachable: nothing answers there.
        MissingExtra: httpx is not installed.

    With a service at that address, this fits a picture and keeps the field's file:

        with Client("http://127.0.0.1:8765") as client:
            signal = client.upload(Path("photo.png"))
            job = client.submit("fit", signal["id"], {"psnr": 40})
            for event in client.events(job["id"]):
                print(event.kind, event.data)
            Path("photo.inr").write_bytes(client.download(job["id"]))
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        patience: float = _PATIENCE,
        notice: Callable[[str], None] | None = None,
        transport: "httpx.BaseTransport | None" = None,
    ) -> None:
        address = parse_address(url)
        code = address.code if token is None else None
        token = token or (None if code else find_token(address))
        self.base = address.base
        self._connection = Connection(address, token, patience, notice, transport)
        if code is not None:  # the answer's cookie is kept, and sent from then on
            self._connection.send("POST", "/v1/session", json={"code": code})

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._connection.close()

    def me(self) -> dict[str, Any]:
        """Who asks: "name", "quotas", "used"."""
        return self._json("GET", "/v1/me")

    def upload(
        self, path: Path, *, name: str | None = None, reading: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Send a signal; a large one in parts that are taken up again where a connection was cut.

        Args:
            path: of a file.
            name: what it is called there; the file's name if not given.
            reading: how it is to be read: "sampling", "value_range" as "low:high", "nodata", "srgb", "variable".

        Returns:
            The signal's JSON: "id", "kind", "shape", "channels", "bytes".

        Raises:
            Refused: it cannot be read, or is too large.
            Unreachable: the service is not there any longer.
        """
        return upload(self._connection, path, path.name if name is None else name, reading or {})

    def submit(
        self,
        kind: str,
        signal: str | None,
        options: Mapping[str, Any],
        *,
        field: str | None = None,
        name: str = "",
        priority: int = 0,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Queue a job.

        Args:
            kind: "fit", "compress", "recompress" or "sweep".
            signal: id of what it is about; None for one that is about a field alone.
            options: the command line's, by their long names with underscores.
            field: id of the job whose field is recompressed.
            name: what it is called.
            priority: from -10 to 10.
            key: the same key gives the same job, however often it is sent (`Idempotency-Key`).

        Returns:
            The job's JSON: "id", "state", "position", "eta" and so on.

        Raises:
            Refused: an option is not possible, or a quota is used up.
            Unreachable: the service is not there any longer.
        """
        body = {"kind": kind, "options": dict(options), "name": name, "priority": priority}
        body |= {part: id for part, id in (("signal", signal), ("field", field)) if id is not None}
        headers = {} if key is None else {"Idempotency-Key": key}
        return self._json("POST", "/v1/jobs", json=body, headers=headers)

    def submit_many(self, jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Queue up to 1,000 jobs at once.

        Args:
            jobs: of each "kind", "signal" or "field", "options", "name", "priority", as of `submit`.

        Returns:
            The batch's JSON: "id", and "results" with a "job" or a "problem" each.

        Raises:
            Refused: there are too many, or they are no jobs.
            Unreachable: the service is not there any longer.
        """
        return self._json("POST", "/v1/batches", json={"jobs": [dict(job) for job in jobs]})

    def job(self, id: str) -> dict[str, Any]:
        """A job's JSON; raises Refused where there is none of that id."""
        return self._json("GET", f"/v1/jobs/{id}")

    def signal(self, id: str) -> dict[str, Any]:
        """A signal's JSON; raises Refused where there is none of that id."""
        return self._json("GET", f"/v1/signals/{id}")

    def cancel(self, id: str) -> dict[str, Any]:
        """Ask a job to stop; what it has learned is kept. The job's JSON; raises Refused where it has ended."""
        return self._json("POST", f"/v1/jobs/{id}/cancel")

    def resume(self, id: str) -> dict[str, Any]:
        """Let a paused job go on. The job's JSON; raises Refused where it is not paused."""
        return self._json("POST", f"/v1/jobs/{id}/resume")

    def retry(self, id: str) -> dict[str, Any]:
        """Try a failed job again. The job's JSON; raises Refused where it has not failed."""
        return self._json("POST", f"/v1/jobs/{id}/retry")

    def events(self, id: str) -> Iterator[ServerEvent]:
        """Events of a job from now to its end, taken up again where a connection was cut.

        Args:
            id: of the job.

        Yields:
            Events, each once; the last one has the kind "end".

        Raises:
            Refused: there is no such job.
            Unreachable: the service is not there any longer.
        """
        return follow(self._connection, id)

    def download(self, id: str) -> bytes:
        """The .inr file of a job that has a field.

        Args:
            id: of the job.

        Raises:
            Refused: there is no such field.
            DamagedFile: what arrives is not what the service has.
            Unreachable: the service is not there any longer.
        """
        for _ in range(_DOWNLOADS):
            answer = self._connection.send("GET", f"/v1/fields/{id}.inr")
            if _is_whole(answer.content, answer.headers.get("Repr-Digest", "")):
                return answer.content
        raise DamagedFile(f"the field of job {id} arrives with other bytes than {self.base} says", "file")

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._connection.send(method, path, **request).json()
        return found


def _is_whole(data: bytes, digest: str) -> bool:
    """Whether bytes have the SHA-256 of a digest header (RFC 9530); those of a header without one have."""
    name, _, value = digest.partition("=")
    return name != "sha-256" or value == f":{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"
