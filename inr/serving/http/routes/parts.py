"""What fields can be made of."""

from fastapi import APIRouter, Request, Response

from inr.serving.http.answers import tagged_json
from inr.serving.http.models import PartsBody
from inr.serving.http.schema import CACHED, refuses
from inr.serving.http.service import TheService, TheUser

router = APIRouter(prefix="/v1", tags=["jobs"])


@router.get("/parts", response_model=PartsBody, responses=CACHED | refuses("busy", "unavailable"))
async def parts(request: Request, service: TheService, user: TheUser) -> Response:
    """Encodings, activations, networks, teachers and the rest, with what each is and where it is from; presets."""
    return tagged_json(request, await service.parts())
