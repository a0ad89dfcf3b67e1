"""Signals: posted at once, looked at, deleted."""

import asyncio
import contextlib
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response

from inr.serving.http.answers import JSONAnswer, file_answer, tag_of, tagged_json
from inr.serving.http.lists import Cursor, Limit, list_answer
from inr.serving.http.models import CodecList, Id, Name, SignalBody, SignalList
from inr.serving.http.reading import read_signal, reading_options, shown_name
from inr.serving.http.receiving import digest_of, receive
from inr.serving.http.schema import CACHED, refuses
from inr.serving.http.service import Service, TheService, TheUser, in_thread
from inr.serving.http.shown import signal_json
from inr.serving.http.sources import signal_image
from inr.serving.problems import Problem
from inr.signals import ShapeAs

if TYPE_CHECKING:
    from inr.serving.queue import SignalRow, User

router = APIRouter(prefix="/v1", tags=["signals"])

Sampling = Annotated[Literal["area", "point", "band"] | None, Query(description="what a sample measures")]
ValueRange = Annotated[str | None, Query(max_length=100, description="LOW:HIGH")]
NoData = Annotated[float | None, Query(allow_inf_nan=False, description="the value of samples that are missing")]
SRGB = Annotated[bool | None, Query()]
Variable = Annotated[str | None, Query(max_length=200, description="of a file that holds several")]
Shaped = Annotated[
    ShapeAs | None,
    Query(description="what is learned of a shape; of a picture or an SVG drawing: to read its silhouette"),
]
Digest = Annotated[
    str | None,
    Header(
        pattern=r"^sha-(256=:[A-Za-z0-9+/]{43}=:|512=:[A-Za-z0-9+/]{86}==:)$",
        description="of the body: sha-256=:BASE64: or sha-512=:BASE64: (RFC 9530)",
    ),
]
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.post(
    "/signals",
    status_code=201,
    response_model=SignalBody,
    responses={
        202: {"model": SignalBody, "description": "It is still being read."},
        **refuses(
            "length-required",
            "too-large",
            "unsupported-media-type",
            "unreadable-signal",
            "quota",
            "disk-full",
            "timeout",
        ),
    },
    openapi_extra={"requestBody": {"required": True, "content": _BYTES}},
)
async def post_signal(
    request: Request,
    service: TheService,
    user: TheUser,
    name: Annotated[Name, Query()] = "",
    sampling: Sampling = None,
    value_range: ValueRange = None,
    nodata: NoData = None,
    srgb: SRGB = None,
    variable: Variable = None,
    as_shape: Shaped = None,
    content_digest: Digest = None,
) -> Response:
    """Send a picture, sound, video, volume or shape of up to 16 MiB; larger ones go to /v1/uploads."""
    given = {
        "sampling": sampling, "value_range": value_range, "nodata": nodata, "srgb": srgb, "variable": variable,
        "as_shape": as_shape,
    }  # fmt: skip
    if "content-length" not in request.headers:
        raise Problem("length-required", "Say the body's length first, in Content-Length.")
    service.require_disk()
    digest = digest_of(content_digest)
    path = service.settings.folder / "uploads" / f"raw-{uuid.uuid4()}"
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        try:
            hasher, expected = digest if digest is not None else (None, b"")
            await receive(request, file, most=service.settings.raw_bytes, hasher=hasher, kept=_nothing)
        finally:
            os.close(file)
        if hasher is not None and hasher.digest() != expected:
            raise Problem("checksum-mismatch", "The body's bytes do not have the Content-Digest.", status=422)
        row = await in_thread(_keep, service, user, path, shown_name(name), reading_options(given))
    finally:
        path.unlink(missing_ok=True)
    reading = service.begin(read_signal(service, row))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(reading), service.settings.reading_seconds)
    return await in_thread(_answer, service, user, row.id)


async def _nothing(written: int) -> None:
    """A body that breaks off is not kept."""


def _keep(service: Service, user: "User", path: Path, name: str, options: dict[str, Any]) -> "SignalRow":
    sha256, size = service.store.put(path)
    if size == 0:
        raise Problem("unreadable-signal", "The body is empty; send a file.")
    return service.queue.add_signal(user.id, name=name, sha256=sha256, bytes=size, options=options)


def _answer(service: Service, user: "User", id: str) -> Response:
    row = own_signal(service, user, id)
    if row.state == "refused":
        service.queue.delete_signal(id, user.id)
        assert row.problem is not None
        raise Problem(row.problem["type"].rpartition("/")[2], row.problem["detail"])
    headers = {"Location": f"/v1/signals/{id}"}
    return JSONAnswer(signal_json(row), status_code=201 if row.state == "ready" else 202, headers=headers)


@router.get("/signals", response_model=SignalList, responses=CACHED | refuses("bad-cursor"))
def signals(request: Request, service: TheService, user: TheUser, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """One's signals, the newest first."""
    rows, following = service.queue.signals(user.id, cursor=cursor, limit=limit)
    return list_answer(request, [signal_json(row) for row in rows], following, {"limit": limit})


@router.get("/signals/{id}", response_model=SignalBody, responses=CACHED | refuses("not-found"))
def signal(request: Request, id: Id, service: TheService, user: TheUser) -> Response:
    """One signal."""
    return tagged_json(request, signal_json(own_signal(service, user, id)))


@router.delete("/signals/{id}", status_code=204, responses=refuses("not-found", "in-use"))
def delete_signal(id: Id, service: TheService, user: TheUser) -> Response:
    """Delete a signal that no job needs any more."""
    service.queue.delete_signal(id, user.id)
    return Response(status_code=204)


@router.get(
    "/signals/{id}/preview.webp",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}}, **CACHED, **refuses("not-found")},
)
def preview(request: Request, id: Id, service: TheService, user: TheUser) -> Response:
    """A picture of a signal, 768 pixels at most."""
    sha256 = own_signal(service, user, id).description.get("preview")
    if sha256 is None:
        raise Problem("not-found", "The signal has no preview: it is no picture, or not read yet.")
    return file_answer(request, service.store.path(sha256), tag=f'"{sha256[:32]}"', media_type="image/webp")


@router.get(
    "/signals/{id}/original",
    response_class=Response,
    responses={
        200: {"content": _BYTES},
        206: {"content": _BYTES, "description": "a part of it"},
        **CACHED,
        **refuses("not-found", "range-not-satisfiable"),
    },
)
def original(request: Request, id: Id, service: TheService, user: TheUser) -> Response:
    """The bytes as they were sent; to be saved, never shown."""
    row = own_signal(service, user, id)
    if row.sha256 is None:
        raise Problem("not-found", "The signal is a file of the service's own machine.")
    return file_answer(
        request,
        service.store.path(row.sha256),
        tag=tag_of(row.sha256, row.name),
        media_type="application/octet-stream",
        filename=row.name,
    )


@router.get(
    "/signals/{id}/codecs",
    response_model=CodecList,
    responses=CACHED | refuses("not-found", "wrong-state", "bad-option", "busy", "unavailable"),
)
async def codecs(
    request: Request,
    id: Id,
    service: TheService,
    user: TheUser,
    psnr: Annotated[float | None, Query(gt=0, le=200)] = None,
    bytes: Annotated[int | None, Query(gt=0, le=1 << 40)] = None,
) -> Response:
    """What JPEG, WebP and others take for a picture of one PSNR (dB) or in so many bytes."""
    if (psnr is None) == (bytes is None):
        raise Problem("bad-request", "Give either psnr or bytes.")
    image = signal_image(service, await in_thread(own_signal, service, user, id))
    if image is None:
        raise Problem("wrong-state", "The signal is not read yet, or could not be read.")
    wanted = {"psnr": psnr} if psnr is not None else {"bytes": bytes}
    return tagged_json(request, {"items": await service.renderer.call("codecs", image=image.to_json(), **wanted)})


def own_signal(service: Service, user: "User", id: str) -> "SignalRow":
    """A user's signal; raises a Problem for those of others as for those that never were."""
    found = service.queue.signal(id, user.id)
    if found is None:
        raise Problem("not-found", f"There is no signal {id}.")
    return found
