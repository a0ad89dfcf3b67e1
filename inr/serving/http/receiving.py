"""Bodies that become files, hashed and counted on their way."""

import base64
import binascii
import hashlib
import os
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request

from inr.serving.http.service import in_thread
from inr.serving.problems import Problem

Kept = Callable[[int], Awaitable[None]]
CHUNK = 1 << 20  # bytes that are written at once, away from the loop
_DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


async def receive(request: Request, file: int, *, most: int, hasher: Any, kept: Kept) -> None:
    """Append a body to an open file.

    Args:
        request: whose body it is.
        file: descriptor, at the place where the body goes.
        most: bytes that there may be; more raise a Problem.
        hasher: updated by every byte; None for none.
        kept: told how many bytes have been written, after every piece, also of a body that breaks off.
    """
    waiting, written = bytearray(), 0

    async def write() -> None:
        nonlocal written
        if waiting:
            piece = bytes(waiting)
            waiting.clear()
            await in_thread(_append, file, piece, hasher)
            written += len(piece)
            await kept(written)

    try:
        async for chunk in request.stream():
            if written + len(waiting) + len(chunk) > most:
                raise Problem("too-large", f"The body may have {most:,} bytes at most.", limit=most)
            waiting += chunk
            if len(waiting) >= CHUNK:
                await write()
    finally:
        await write()


def _append(file: int, piece: bytes, hasher: Any) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(file, view) :]
    if hasher is not None:
        hasher.update(piece)


def digest_of(header: str | None) -> tuple[Any, bytes] | None:
    """The hash and the digest that a Content-Digest of one member names (RFC 9530)."""
    if header is None:
        return None
    name, _, digest = header.partition("=:")
    return _DIGESTS[name](), decoded(digest.removesuffix(":"), "Content-Digest")


def decoded(text: str, name: str) -> bytes:
    """Base64 as bytes; raises a Problem that names where it stood."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem("bad-request", f"{name} holds {text[:40]!r}, which is not base64.") from None
