"""Resumable uploads: tus 1.0.0 (https://tus.io/protocols/resumable-upload) with creation, checksum, expiration and
termination.

The offset that is told is on the disk: bytes are synced before it moves, and what a cut connection brought is kept, but
for what comes with a checksum, which counts whole or not at all.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Request, Response

from inr.serving.http.models import Id
from inr.serving.http.reading import read_signal
from inr.serving.http.receiving import receive
from inr.serving.http.schema import PROBLEM, refuses
from inr.serving.http.service import Service, TheService, TheUser, in_thread
from inr.serving.http.tus import CHECKSUMS, TUS, VERSION, checksum_of, metadata_of
from inr.serving.problems import Problem

if TYPE_CHECKING:
    from inr.serving.queue import Upload, User

router = APIRouter(prefix="/v1", tags=["signals"])

SYNC_BYTES = 8 << 20  # that may come again after the server was killed
Resumable = Annotated[Literal["1.0.0"], Header(alias="Tus-Resumable", description="another is answered by 412")]
_PATCH_BODY = {"application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@dataclass
class _Turn:
    """Whose turn it is to write to one upload: who comes ends what still waits for a connection that is gone."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    patience: asyncio.Timeout | None = None
    users: int = 0

    def end(self) -> None:
        """Let whoever writes stop; what arrived is kept."""
        if self.patience is not None:
            self.patience.reschedule(asyncio.get_running_loop().time())


@router.options("/uploads", status_code=204)
async def options(service: TheService, user: TheUser) -> Response:
    """What of tus there is."""
    return Response(
        status_code=204,
        headers={
            **TUS,
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,checksum,expiration,termination",
            "Tus-Max-Size": str(service.settings.upload_bytes),
            "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
        },
    )


@router.post(
    "/uploads",
    status_code=201,
    response_class=Response,
    responses=refuses("precondition-failed", "too-large", "quota", "disk-full", "unsupported-media-type"),
)
async def create(
    service: TheService,
    user: TheUser,
    upload_length: Annotated[int, Header(ge=1, description="bytes in all")],
    tus_resumable: Resumable,
    upload_metadata: Annotated[
        str, Header(max_length=4_000, description="filename and options of reading, in base64")
    ] = "",
) -> Response:
    """Begin an upload."""
    most = service.settings.upload_bytes
    if upload_length > most:
        raise Problem("too-large", f"An upload may have {most:,} bytes at most.", limit=most, headers=TUS)
    service.require_disk()
    service.warm_readers()
    name, reading = metadata_of(upload_metadata)
    expires = time.time() + service.settings.upload_seconds
    upload = await in_thread(service.queue.add_upload, user.id, upload_length, name, reading, expires)
    headers = {"Location": f"/v1/uploads/{upload.id}", "Upload-Expires": formatdate(expires, usegmt=True)}
    return Response(status_code=201, headers=TUS | headers)


@router.head(
    "/uploads/{id}", response_class=Response, responses=refuses("not-found", "upload-expired", "precondition-failed")
)
async def offset(id: Id, service: TheService, user: TheUser, tus_resumable: Resumable) -> Response:
    """How much of an upload has arrived."""
    async with _turn(service, user, id):
        upload = await in_thread(_own, service, user, id)
        if upload is not None and upload.offset == upload.length:  # the server ended before it was a signal
            await _finish(service, upload)
    return Response(status_code=200, headers=TUS | await in_thread(_standing, service, user, id))


@router.patch(
    "/uploads/{id}",
    status_code=204,
    responses=refuses(
        "not-found", "upload-expired", "upload-offset", "precondition-failed", "too-large", "checksum-mismatch",
        "disk-full", "unsupported-media-type", "timeout",
    ) | {423: {"description": "Another request took over.", "content": PROBLEM}},
    openapi_extra={"requestBody": {"required": True, "content": _PATCH_BODY}},
)  # fmt: skip
async def append(
    request: Request,
    id: Id,
    service: TheService,
    user: TheUser,
    upload_offset: Annotated[int, Header(ge=0, description="where the body goes on")],
    tus_resumable: Resumable,
    upload_checksum: Annotated[str | None, Header(max_length=200, description="ALGORITHM BASE64 of the body")] = None,
) -> Response:
    """Send the next bytes of an upload; after the last the signal of the same id is read."""
    checksum = checksum_of(upload_checksum)
    async with _turn(service, user, id) as turn:
        upload = await in_thread(_own, service, user, id)
        at = upload.offset if upload is not None else await in_thread(_size, service, user, id)
        if upload_offset != at:
            raise Problem("upload-offset", f"The upload goes on at {at}.", offset=at, headers=TUS)
        if upload is not None:
            service.require_disk()
            if await _append(request, service, turn, upload, checksum) == upload.length:
                await _finish(service, upload)
    return Response(status_code=204, headers=TUS | await in_thread(_standing, service, user, id))


@router.delete("/uploads/{id}", status_code=204, responses=refuses("not-found", "precondition-failed"))
async def terminate(id: Id, service: TheService, user: TheUser, tus_resumable: Resumable) -> Response:
    """Give an upload up."""
    async with _turn(service, user, id):
        if not await in_thread(service.queue.delete_upload, id, user.id):
            raise _absent(id)
        _place(service, id).unlink(missing_ok=True)
    return Response(status_code=204, headers=TUS)


@contextlib.asynccontextmanager
async def _turn(service: Service, user: "User", id: str) -> AsyncIterator[_Turn]:
    """While inside, nobody else writes to a user's upload; whoever did is stopped, and what arrived is kept."""
    if not await in_thread(_is_own, service, user, id):
        raise _absent(id)
    turn = service.uploads.setdefault(id, _Turn())
    turn.users += 1
    try:
        turn.end()
        async with turn.lock:
            yield turn
    finally:
        turn.users -= 1
        if turn.users == 0:
            service.uploads.pop(id, None)


async def _append(request: Request, service: Service, turn: _Turn, upload: "Upload", checksum: Any) -> int:
    """Write a body behind what is there; the offset that was reached."""
    path = _place(service, upload.id)
    hasher, expected = checksum if checksum is not None else (None, b"")
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    written = synced = 0

    async def keep(count: int) -> None:
        nonlocal written, synced
        written = count
        if hasher is None and written - synced >= SYNC_BYTES:
            await in_thread(_sync, service, upload, file, upload.offset + written)
            synced = written

    try:
        os.ftruncate(file, upload.offset)  # bytes beyond were never told of
        os.lseek(file, upload.offset, os.SEEK_SET)
        whole = False
        try:
            async with asyncio.timeout(None) as turn.patience:
                await receive(request, file, most=upload.length - upload.offset, hasher=hasher, kept=keep)
            whole = True
        except TimeoutError:
            raise Problem("busy", "Another request goes on with the upload.", status=423, headers=TUS) from None
        finally:
            turn.patience = None
            if hasher is None or (whole and hasher.digest() == expected):
                await in_thread(_sync, service, upload, file, upload.offset + written)
            else:
                os.ftruncate(file, upload.offset)
        if hasher is not None and hasher.digest() != expected:
            raise Problem(
                "checksum-mismatch", "The body's bytes do not have the Upload-Checksum; send them again.", headers=TUS
            )
    finally:
        os.close(file)
    return upload.offset + written


def _sync(service: Service, upload: "Upload", file: int, offset: int) -> None:
    os.fsync(file)
    service.queue.set_offset(upload.id, offset)


async def _finish(service: Service, upload: "Upload") -> None:
    """Make a signal of a whole upload, and begin to read it."""
    signal = await in_thread(_keep, service, upload)
    service.begin(read_signal(service, signal))


def _keep(service: Service, upload: "Upload") -> Any:
    path = _place(service, upload.id)
    sha256, _ = service.store.put(path)
    signal = service.queue.finish_upload(upload.id, sha256)
    path.unlink(missing_ok=True)
    return signal


def _is_own(service: Service, user: "User", id: str) -> bool:
    return service.queue.upload(id, user.id) is not None or service.queue.signal(id, user.id) is not None


def _own(service: Service, user: "User", id: str) -> "Upload | None":
    """A user's upload that goes on; None where it has become a signal; raises a Problem where it is neither."""
    upload = service.queue.upload(id, user.id)
    if upload is None:
        if service.queue.signal(id, user.id) is None:
            raise _absent(id)
        return None
    if upload.expires <= time.time():
        raise Problem("upload-expired", "The upload was not finished in time; begin another.", headers=TUS)
    return upload


def _standing(service: Service, user: "User", id: str) -> dict[str, str]:
    """The headers that say how far an upload is."""
    upload = _own(service, user, id)
    if upload is None:
        size = str(_size(service, user, id))
        return {"Upload-Offset": size, "Upload-Length": size, "Content-Location": f"/v1/signals/{id}"}
    expires = formatdate(upload.expires, usegmt=True)
    return {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.length), "Upload-Expires": expires}


def _size(service: Service, user: "User", id: str) -> int:
    """Bytes of an upload that has become a signal."""
    signal = service.queue.signal(id, user.id)
    if signal is None:
        raise _absent(id)
    return signal.bytes


def _place(service: Service, id: str) -> Any:
    return service.settings.folder / "uploads" / id


def _absent(id: str) -> Problem:
    return Problem("not-found", f"There is no upload {id}.", headers=TUS)
