"""Sending a signal: at once where it is small, in resumable parts (tus 1.0) where it is not."""

import base64
import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inr.serving.client._connection import Connection, Refused

if TYPE_CHECKING:
    import httpx

# Bytes that a service takes at once, and of one part of more.
RAW_BYTES, PART_BYTES = 16 << 20, 8 << 20
_TUS = {"Tus-Resumable": "1.0.0"}
_POLL_SECONDS = 0.3


def upload(connection: Connection, path: Path, name: str, reading: Mapping[str, str]) -> dict[str, Any]:
    """Send a file, and wait until it is read.

    Args:
        connection: to the service.
        path: of the file.
        name: what it is called there.
        reading: how it is to be read.

    Returns:
        The signal's JSON.

    Raises:
        Refused: it cannot be read, or is too large.
        Unreachable: the service is not there.
    """
    size = path.stat().st_size
    signal = (
        _at_once(connection, path, name, reading) if size <= RAW_BYTES else _in_parts(connection, path, name, reading)
    )
    while signal["state"] == "reading":
        time.sleep(_POLL_SECONDS)
        signal = connection.send("GET", f"/v1/signals/{signal['id']}").json()
    if signal["state"] == "refused":
        problem = signal["problem"]
        raise Refused(problem["detail"], problem.get("status", 422), problem["type"].rpartition("/")[2])
    return signal


def _at_once(connection: Connection, path: Path, name: str, reading: Mapping[str, str]) -> dict[str, Any]:
    data = path.read_bytes()
    headers = {"Content-Type": "application/octet-stream", "Content-Digest": f"sha-256=:{_sha256(data)}:"}
    query = {"name": name, **reading}
    return _signal(connection.send("POST", "/v1/signals", content=data, params=query, headers=headers))


def _in_parts(connection: Connection, path: Path, name: str, reading: Mapping[str, str]) -> dict[str, Any]:
    size, offset = path.stat().st_size, 0
    encoded = (f"{key} {_base64(value.encode())}" for key, value in {"filename": name, **reading}.items())
    headers = _TUS | {"Upload-Length": str(size), "Upload-Metadata": ",".join(encoded)}
    place = connection.send("POST", "/v1/uploads", headers=headers).headers["Location"]
    with path.open("rb") as file:
        while True:
            file.seek(offset)
            part = file.read(PART_BYTES)
            headers = _TUS | {
                "Upload-Offset": str(offset),
                "Upload-Checksum": f"sha256 {_sha256(part)}",
                "Content-Type": "application/offset+octet-stream",
            }
            try:
                answer = connection.send("PATCH", place, content=part, headers=headers)
            except Refused as error:  # a connection was cut within a part, or bytes were altered on their way
                if error.slug not in ("upload-offset", "checksum-mismatch"):
                    raise
                answer = connection.send("HEAD", place, headers=_TUS)
            offset = int(answer.headers["Upload-Offset"])
            if offset == size:
                return _signal(connection.send("GET", answer.headers["Content-Location"]))


def _signal(answer: "httpx.Response") -> dict[str, Any]:
    signal: dict[str, Any] = answer.json()
    return signal


def _sha256(data: bytes) -> str:
    return _base64(hashlib.sha256(data).digest())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
