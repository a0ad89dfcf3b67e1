"""Shares: a field that everybody may see who was told its name."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from inr.serving.http.answers import JSONAnswer
from inr.serving.http.models import FieldBody, Id, ShareBody, ShareList
from inr.serving.http.routes.fields import (
    DRAWING,
    DRAWN,
    FILE,
    MESH,
    PROGRAM,
    WAV,
    Angle,
    MeshFormat,
    Points,
    ProgramPart,
    Rate,
    Resolution,
    described,
    file_of,
    mesh_of,
    peaks_of,
    program_of,
    sound_of,
    view_of,
)
from inr.serving.http.schema import CACHED, refuses
from inr.serving.http.service import TheService, TheUser, in_thread
from inr.serving.http.sources import own_field, shared_field

router = APIRouter(prefix="/v1", tags=["shares"])

Share = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$", examples=["kRZ0bXq3mJ8"])]
EVERYBODY = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


@router.post("/fields/{id}/shares", status_code=201, response_model=ShareBody, responses=refuses("not-found"))
def share(id: Id, service: TheService, user: TheUser) -> Response:
    """Give a field a public address, which nobody can guess."""
    own_field(service, user, id)
    name = service.queue.share(id, user.id)
    return JSONAnswer(_share_json(name), status_code=201, headers={"Location": f"/v1/shared/{name}"})


@router.get("/fields/{id}/shares", response_model=ShareList, responses=refuses("not-found"))
def shares(id: Id, service: TheService, user: TheUser) -> Response:
    """The public addresses of a field."""
    own_field(service, user, id)
    return JSONAnswer({"items": [_share_json(name) for name in service.queue.shares(id)]})


@router.delete("/fields/{id}/shares/{name}", status_code=204, responses=refuses("not-found"))
def unshare(id: Id, name: Share, service: TheService, user: TheUser) -> Response:
    """Take a public address away."""
    own_field(service, user, id)
    service.queue.unshare(name, user.id)
    return Response(status_code=204)


@router.get("/shared/{name}.inr", response_class=Response, responses=FILE)
def shared_file(request: Request, name: Share, service: TheService) -> Response:
    """The file of a shared field."""
    return _public(file_of(request, service, shared_field(service, name)))


@router.get("/shared/{name}", response_model=FieldBody, responses=DRAWN)
async def shared(name: Share, service: TheService) -> Response:
    """A shared field."""
    job = await in_thread(shared_field, service, name)
    return _public(JSONAnswer(await described(service, job, share=name)))


@router.get("/shared/{name}/audio.wav", response_class=Response, responses=WAV)
async def shared_audio(request: Request, name: Share, service: TheService, rate: Rate = None) -> Response:
    """The sound of a shared field."""
    return _public(await sound_of(request, service, await in_thread(shared_field, service, name), rate))


@router.get(
    "/shared/{name}/peaks.json",
    response_model=list[list[float]],
    responses=CACHED | DRAWN,
)
async def shared_peaks(request: Request, name: Share, service: TheService, n: Points = 1_000) -> Response:
    """The outline of a shared field's sound."""
    return _public(await peaks_of(request, service, await in_thread(shared_field, service, name), n))


@router.get("/shared/{name}/view.webp", response_class=Response, responses=DRAWING)
async def shared_view(request: Request, name: Share, service: TheService, angle: Angle) -> Response:
    """A shared shape from an angle."""
    return _public(await view_of(request, service, await in_thread(shared_field, service, name), angle))


@router.get("/shared/{name}/mesh.{format}", response_class=Response, responses=MESH)
async def shared_mesh(
    request: Request, name: Share, format: MeshFormat, service: TheService, resolution: Resolution = 256
) -> Response:
    """The surface of a shared shape as a mesh, or its outline as a drawing."""
    return _public(await mesh_of(request, service, await in_thread(shared_field, service, name), format, resolution))


@router.get("/shared/{name}/program.{part}", response_class=Response, responses=PROGRAM)
async def shared_program(request: Request, name: Share, part: ProgramPart, service: TheService) -> Response:
    """A shared picture's field as GLSL, and what its texture holds."""
    return _public(await program_of(request, service, await in_thread(shared_field, service, name), part))


def _public(answer: Response) -> Response:
    answer.headers.update(EVERYBODY)
    return answer


def _share_json(name: str) -> dict[str, Any]:
    return {"name": name, "url": f"/#/shared/{name}"}
