"""Fields: what jobs made that are done, or were stopped."""

import base64
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from inr.serving.http.answers import file_answer, tag_of, tagged_json
from inr.serving.http.lists import Cursor, Limit, list_answer
from inr.serving.http.models import FieldBody, FieldList, Id
from inr.serving.http.reading import shown_name
from inr.serving.http.schema import CACHED, refuses
from inr.serving.http.service import Service, TheService, TheUser, in_thread
from inr.serving.http.shown import job_json, view_links
from inr.serving.http.sources import field_image, own_field

if TYPE_CHECKING:
    from inr.serving.queue import Job

router = APIRouter(prefix="/v1", tags=["fields"])

Rate = Annotated[int | None, Query(ge=1_000, le=192_000, description="samples a second; the signal's own if left out")]
Points = Annotated[int, Query(ge=16, le=8_192, description="how many pairs of least and greatest")]
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


def file_of(request: Request, service: Service, job: "Job") -> Response:
    """A field's file, to be saved under the job's name."""
    assert job.result_sha256 is not None
    name = shown_name(job.name).rpartition(".")[0] or shown_name(job.name)
    answer = file_answer(
        request,
        service.store.path(job.result_sha256),
        tag=tag_of(job.result_sha256, job.name),
        media_type="application/octet-stream",
        filename=f"{name}.inr",
    )
    digest = base64.b64encode(bytes.fromhex(job.result_sha256)).decode()
    answer.headers["Repr-Digest"] = f"sha-256=:{digest}:"  # RFC 9530: of the whole file, whatever range is asked for
    return answer


async def described(service: Service, job: "Job", share: str | None = None) -> dict[str, Any]:
    """A field's JSON; of a share without what leads to its owner's things."""
    image = await in_thread(field_image, service, job)
    found = await service.renderer.call("describe", image=image.to_json())
    links = view_links(f"/v1/fields/{job.id}" if share is None else f"/v1/shared/{share}", found["kind"])
    if share is None:
        links["preview"] = f"/v1/jobs/{job.id}/preview.webp"
        if image.signal is not None:
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
