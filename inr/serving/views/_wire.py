"""What the renderer and the server say to each other: lengths, a line of JSON, and bytes."""

import json
import struct
from typing import Any, BinaryIO

HEAD = struct.Struct("<II")  # bytes of JSON, and of what follows it


def packed(message: dict[str, Any], data: bytes = b"") -> bytes:
    """A message as it goes over a pipe."""
    text = json.dumps(message).encode()
    return HEAD.pack(len(text), len(data)) + text + data


def read(pipe: BinaryIO) -> dict[str, Any] | None:
    """The next message without data from a pipe; None at its end."""
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    return json.loads(pipe.read(HEAD.unpack(head)[0]))
