"""Fields: what jobs made that are done, or were stopped."""

import base64
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from inr._version import __version__
from inr.serving.http.answers import file_answer, is_known, tag_of, tagged_json
from inr.serving.http.lists import Cursor, Limit, list_answer
from inr.serving.http.models import FieldBody, FieldList, Id
from inr.serving.http.reading import shown_name
from inr.serving.http.schema import CACHED, refuses
from inr.serving.http.service import Service, TheService, TheUser, in_thread
from inr.serving.http.shown import job_json, view_links
from inr.serving.http.sources import field_image, own_field
from inr.serving.views import View

if TYPE_CHECKING:
    from inr.serving.queue import Job

router = APIRouter(prefix="/v1", tags=["fields"])

Rate = Annotated[int | None, Query(ge=1_000, le=192_000, description="samples a second; the signal's own if left out")]
Points = Annotated[int, Query(ge=16, le=8_192, description="how many pairs of least and greatest")]
Resolution = Annotated[
    int, Query(ge=16, le=1_024, description="cells along each axis of the box, of which the longest side takes 90 %")
]
MeshFormat = Annotated[
    Literal["ply", "obj", "stl", "glb", "svg"], Path(description="svg of an outline, all others of a shape in space")
]


ProgramPart = Annotated[Literal["glsl", "data"], Path(description="the text, or the texture's floats")]


def _angle(
    azimuth: Annotated[int, Query(ge=-360, le=360, description="degrees to the right around the upward axis")] = 35,
    elevation: Annotated[int, Query(ge=-90, le=90, description="degrees above the horizon")] = 20,
    up: Annotated[Literal["x", "y", "z"], Query(description="the axis that points upwards")] = "y",
    size: Annotated[int, Query(ge=32, le=1_024, description="pixels of width and height")] = 512,
) -> View:
    """From where a shape is to be seen."""
    return View(azimuth, elevation, up, size)


Angle = Annotated[View, Depends(_angle)]
INR = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
# of what the renderer makes
DRAWN = refuses("not-found", "bad-option", "damaged-file", "busy", "unavailable")
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": INR},
    206: {"content": INR, "description": "a part of it"},
    **CACHED,
    **refuses("not-found", "range-not-satisfiable"),
}
WAV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/wav": {}}},
    206: {"content": {"audio/wav": {}}, "description": "a part of it"},
    **CACHED,
    **refuses("not-found", "bad-option", "range-not-satisfiable", "busy", "unavailable"),
}
DRAWING: dict[int | str, dict[str, Any]] = {200: {"content": {"image/webp": {}}}, **CACHED, **DRAWN}
PROGRAM: dict[int | str, dict[str, Any]] = {200: {"content": INR}, **CACHED, **DRAWN}
MESH: dict[int | str, dict[str, Any]] = {
    200: {"content": INR},
    206: {"content": INR, "description": "a part of it"},
    **CACHED,
    **DRAWN,
    **refuses("range-not-satisfiable"),
}


@router.get("/fields", response_model=FieldList, responses=CACHED | refuses("bad-cursor"))
def fields(request: Request, service: TheService, user: TheUser, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """One's fields, as the jobs that made them, the newest first."""
    found, following = service.queue.jobs(user.id, fields=True, cursor=cursor, limit=limit)
    return list_answer(request, [job_json(service.queue, job) for job in found], following, {"limit": limit})


@router.get("/fields/{id}.inr", response_class=Response, responses=FILE)
def file(request: Request, id: Id, service: TheService, user: TheUser) -> Response:
    """The field's file."""
    return file_of(request, service, own_field(service, user, id))


@router.get(
    "/fields/{id}",
    response_model=FieldBody,
    responses=CACHED | DRAWN,
)
async def field(request: Request, id: Id, service: TheService, user: TheUser) -> Response:
    """What a field is made of, how good it is, and where its views are."""
    job = await in_thread(own_field, service, user, id)
    return tagged_json(request, await described(service, job))


@router.get("/fields/{id}/audio.wav", response_class=Response, responses=WAV)
async def audio(request: Request, id: Id, service: TheService, user: TheUser, rate: Rate = None) -> Response:
    """The sound of a field, at any rate."""
    return await sound_of(request, service, await in_thread(own_field, service, user, id), rate)


@router.get(
    "/fields/{id}/peaks.json",
    response_model=list[list[float]],
    responses=CACHED | DRAWN,
)
async def peaks(request: Request, id: Id, service: TheService, user: TheUser, n: Points = 1_000) -> Response:
    """The outline of a sound: pairs of least and greatest values in [-1, 1]."""
    return await peaks_of(request, service, await in_thread(own_field, service, user, id), n)


@router.get("/fields/{id}/view.webp", response_class=Response, responses=DRAWING)
async def view(request: Request, id: Id, service: TheService, user: TheUser, angle: Angle) -> Response:
    """A shape from an angle; of an outline, the distances from it."""
    return await view_of(request, service, await in_thread(own_field, service, user, id), angle)


@router.get("/fields/{id}/mesh.{format}", response_class=Response, responses=MESH)
async def mesh(
    request: Request, id: Id, format: MeshFormat, service: TheService, user: TheUser, resolution: Resolution = 256
) -> Response:
    """The surface of a shape as a mesh, or its outline as a drawing; to be saved."""
    return await mesh_of(request, service, await in_thread(own_field, service, user, id), format, resolution)


@router.get("/fields/{id}/program.{part}", response_class=Response, responses=PROGRAM)
async def program(request: Request, id: Id, part: ProgramPart, service: TheService, user: TheUser) -> Response:
    """A picture's field as GLSL, and what its texture holds; nothing of one that a browser cannot draw."""
    return await program_of(request, service, await in_thread(own_field, service, user, id), part)


def file_of(request: Request, service: Service, job: "Job") -> Response:
    """A field's file, to be saved under the job's name."""
    assert job.result_sha256 is not None
    answer = file_answer(
        request,
        service.store.path(job.result_sha256),
        tag=tag_of(job.result_sha256, job.name),
        media_type="application/octet-stream",
        filename=f"{_stem(job)}.inr",
    )
    digest = base64.b64encode(bytes.fromhex(job.result_sha256)).decode()
    answer.headers["Repr-Digest"] = f"sha-256=:{digest}:"  # RFC 9530: of the whole file, whatever range is asked for
    return answer


def _stem(job: "Job") -> str:
    """What files that are made of a job are called, without their endings."""
    return shown_name(job.name).rpartition(".")[0] or shown_name(job.name)


async def described(service: Service, job: "Job", share: str | None = None) -> dict[str, Any]:
    """A field's JSON; of a share without what leads to its owner's things."""
    image = await in_thread(field_image, service, job)
    found = await service.renderer.call("describe", image=image.to_json())
    links = view_links(
        f"/v1/fields/{job.id}" if share is None else f"/v1/shared/{share}", found["kind"], len(found["axes"])
    )
    if share is None:
        links["preview"] = f"/v1/jobs/{job.id}/preview.webp"
        if image.signal is not None and "iiif" in links:
            links["signal_iiif"] = f"/iiif/3/signal-{job.signal}/info.json"
    return {
        **found,
        "lossless_bytes": (job.metrics or {}).get("lossless_bytes"),
        "id": share or job.id,
        "job": job.id if share is None else None,
        "name": job.name,
        "bytes": job.result_bytes,
        "metrics": job.metrics,
        "signal": job.signal if share is None and image.signal is not None else None,
        "links": links,
    }


async def sound_of(request: Request, service: Service, job: "Job", rate: int | None) -> Response:
    """A field's sound as WAV, whole or one range of it."""
    path = await service.renderer.wav(await in_thread(field_image, service, job), rate)
    return file_answer(request, path, tag=tag_of(path.name), media_type="audio/wav")


async def peaks_of(request: Request, service: Service, job: "Job", count: int) -> Response:
    """The outline of a field's sound."""
    image = await in_thread(field_image, service, job)
    return tagged_json(request, await service.renderer.call("peaks", image=image.to_json(), n=count))


async def view_of(request: Request, service: Service, job: "Job", angle: View) -> Response:
    """A field's shape from an angle."""
    image = await in_thread(field_image, service, job)
    tag = tag_of(angle.key_of(image))
    headers = {"ETag": tag, "Cache-Control": "private, max-age=86400, immutable"}
    if is_known(request.headers, tag):
        return Response(status_code=304, headers=headers)
    return Response(await service.renderer.view(image, angle), media_type="image/webp", headers=headers)


async def program_of(request: Request, service: Service, job: "Job", part: str) -> Response:
    """A field as a program for browsers, or its texture."""
    image = await in_thread(field_image, service, job)
    tag = tag_of(image.sha256, part, __version__)
    headers = {"ETag": tag, "Cache-Control": "private, max-age=86400"}
    if is_known(request.headers, tag):
        return Response(status_code=304, headers=headers)
    found = await service.renderer.call("program", image=image.to_json(), part=part)
    return Response(found, media_type="application/octet-stream", headers=headers)


async def mesh_of(request: Request, service: Service, job: "Job", format: str, resolution: int) -> Response:
    """A field's surface, to be saved under the job's name, whole or one range of it."""
    path = await service.renderer.mesh(await in_thread(field_image, service, job), f".{format}", resolution)
    return file_answer(
        request, path, tag=tag_of(path.name, job.name), media_type="application/octet-stream",
        filename=f"{_stem(job)}.{format}",
    )  # fmt: skip
