"""Fields and signals as images of the IIIF Image API 3.0 (https://iiif.io/api/image/3.0)."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response

from inr.serving.http.answers import is_known, tagged_json
from inr.serving.http.models import EXAMPLE_ID
from inr.serving.http.routes.shares import EVERYBODY
from inr.serving.http.schema import CACHED, refuses
from inr.serving.http.service import Anyone, Service, TheService, in_thread
from inr.serving.http.sources import image_of
from inr.serving.views import INFO_TYPE, entity_tag, identify, info_json, link_header, parse

router = APIRouter(prefix="/iiif/3", tags=["images"])

_CONTEXT = (
    '<http://iiif.io/api/image/3/context.json>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
)
_PICTURES: dict[str, Any] = {f"image/{kind}": {} for kind in ("jpeg", "png", "webp", "tiff")}
Identifier = Annotated[
    str,
    Path(description="a field's id or share, or signal-ID; with a slice and a size", examples=[f"{EXAMPLE_ID}@8x"]),
]
_REFUSES = refuses("bad-iiif-request", "unauthorised", "not-found", "damaged-file", "busy", "unavailable")


@router.get("/{identifier}", status_code=303, response_class=Response, responses=_REFUSES)
async def base(identifier: Identifier, service: TheService, user: Anyone) -> Response:
    """Where an image is described."""
    named = identify(identifier)
    _, everybody = await in_thread(image_of, service, user, named.name)
    address = f"{_address(service)}/{quote(str(named), safe=';=@')}/info.json"
    return _to(Response(status_code=303, headers={"Location": address}), everybody)


@router.get(
    "/{identifier}/info.json",
    response_model=dict,
    responses=CACHED | _REFUSES,
)
async def info(request: Request, identifier: Identifier, service: TheService, user: Anyone) -> Response:
    """An image's size, tiles and qualities."""
    named = identify(identifier)
    image, everybody = await in_thread(image_of, service, user, named.name)
    document = info_json(_address(service), named, await service.renderer.canvas(image))
    linked = "application/ld+json" in request.headers.get("accept", "")
    headers = {"Vary": "Accept", "Cache-Control": _cache(everybody)} | ({} if linked else {"Link": _CONTEXT})
    kind = INFO_TYPE if linked else "application/json"
    return _to(tagged_json(request, document, media_type=kind, headers=headers), everybody)


@router.get(
    "/{identifier}/{region}/{size}/{rotation}/{quality_format}",
    response_class=Response,
    responses={200: {"content": _PICTURES}, **CACHED, **_REFUSES},
)
async def image(
    request: Request,
    identifier: Identifier,
    region: Annotated[str, Path(examples=["full", "0,0,256,256"])],
    size: Annotated[str, Path(examples=["max", "256,"])],
    rotation: Annotated[str, Path(examples=["0"])],
    quality_format: Annotated[str, Path(examples=["default.jpg", "slope.png"])],
    service: TheService,
    user: Anyone,
) -> Response:
    """A region of an image, at a size, turned, in a quality and a format."""
    named = identify(identifier)
    source, everybody = await in_thread(image_of, service, user, named.name)
    asked = parse(named, region, size, rotation, quality_format, await service.renderer.canvas(source))
    tag = entity_tag(source, asked)
    headers = {"ETag": tag, "Cache-Control": _cache(everybody), "Link": link_header(_address(service), asked)}
    if is_known(request.headers, tag):
        return _to(Response(status_code=304, headers=headers), everybody)
    began = time.perf_counter()
    picture = await _while_wanted(request, service.renderer.tile(source, asked))
    if picture is None:
        return Response(status_code=499)
    service.metrics.tile_seconds.observe(time.perf_counter() - began)
    return _to(Response(picture, media_type=asked.media_type, headers=headers), everybody)


@router.options("/{identifier}/info.json", include_in_schema=False)
@router.options("/{identifier}/{region}/{size}/{rotation}/{quality_format}", include_in_schema=False)
async def preflight(identifier: Identifier, service: TheService) -> Response:
    """Whether pages of other sites may ask for an image: for shares, as everybody may."""
    shared = await in_thread(service.queue.share_of, identify(identifier).name) is not None
    return _to(Response(status_code=204, headers={"Allow": "GET, HEAD, OPTIONS"}), shared)


async def _while_wanted(request: Request, drawing: Coroutine[Any, Any, bytes]) -> bytes | None:
    """A picture; None where the client goes before it is there, as viewers do that zoom on: what waits is not drawn."""
    task, leaving = asyncio.create_task(drawing), asyncio.create_task(_left(request))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and leaving.exception() is None:
            return None
        return await task
    finally:
        task.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    """Wait until the client goes."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _address(service: Service) -> str:
    return f"{service.settings.base}/iiif/3"


def _cache(everybody: bool) -> str:
    return f"{'public' if everybody else 'private'}, max-age=86400, immutable"


def _to(answer: Response, everybody: bool) -> Response:
    if everybody:
        answer.headers.update(EVERYBODY)
    return answer
