"""Whether the service lives, whether it can work, and its numbers."""

from fastapi import APIRouter, Response

from inr.serving.http.answers import JSONAnswer
from inr.serving.http.metrics import MEDIA_TYPE
from inr.serving.http.models import ReadyBody
from inr.serving.http.service import Service, TheService, TheUser

router = APIRouter(tags=["operation"])


@router.get("/healthz", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def healthz() -> Response:
    """The process answers."""
    return Response("ok\n", media_type="text/plain")


@router.get(
    "/readyz",
    response_model=ReadyBody,
    responses={503: {"model": ReadyBody, "description": "Something of it is missing."}},
)
def readyz(service: TheService) -> Response:
    """The database answers, there is room on the disk, a worker lives, and the service is not going down."""
    ready = {"database": True, "disk": _has_room(service), "workers": False}
    try:
        ready["workers"] = bool(service.queue.workers())
    except Exception:  # whatever it is, the database does not answer
        ready["database"] = False
    whole = all(ready.values()) and not service.draining.is_set()
    return JSONAnswer(ready, status_code=200 if whole else 503, headers={} if whole else {"Retry-After": "5"})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(service: TheService, user: TheUser) -> Response:
    """Numbers for Prometheus, which sends a token as everybody does."""
    return Response(service.metrics.text(), headers={"Content-Type": MEDIA_TYPE})


def _has_room(service: Service) -> bool:
    return service.store.free() >= service.settings.free_bytes
