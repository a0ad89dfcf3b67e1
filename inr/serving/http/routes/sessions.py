"""Who asks: the session of a browser, and what a user has."""

from fastapi import APIRouter, Response
from starlette.requests import Request

from inr.serving.http.gate import COOKIE, cookie_of
from inr.serving.http.models import MeBody, QueueBody
from inr.serving.http.requests import Code
from inr.serving.http.schema import refuses
from inr.serving.http.service import Service, TheService, TheUser, in_thread
from inr.serving.http.shown import me_json
from inr.serving.problems import Problem
from inr.serving.queue import SESSION_SECONDS

router = APIRouter(prefix="/v1", tags=["users"])


@router.post("/session", status_code=204, responses=refuses("unauthorised"))
async def begin_session(body: Code, service: TheService) -> Response:
    """Trade the one-time code of a link, or a token, for a session's cookie."""
    session = await in_thread(_redeemed, service, body.code)
    if session is None:
        raise Problem("unauthorised", "The code was used or is too old; inr serve prints a new link when it starts.")
    service.warm_readers()
    answer = Response(status_code=204)
    answer.set_cookie(
        COOKIE,
        session,
        httponly=True,
        samesite="strict",
        secure=service.settings.base.startswith("https:"),
        path="/",
        max_age=int(SESSION_SECONDS),
    )
    return answer


def _redeemed(service: Service, code: str) -> str | None:
    """The token of a new session."""
    user = service.queue.user_of_token(code)
    return service.queue.redeem(code if user is None else service.queue.new_code(user.id))


@router.delete("/session", status_code=204)
def end_session(request: Request, service: TheService, user: TheUser) -> Response:
    """End the session of this cookie."""
    session = cookie_of(request.headers)
    if session is not None:
        service.queue.end_session(session)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/me", response_model=MeBody)
def me(service: TheService, user: TheUser) -> object:
    """Who the token belongs to, the quotas, and what is used of them."""
    return me_json(user, service.queue.counts(user.id), service.queue.used_bytes(user.id))


@router.get("/queue", response_model=QueueBody)
def queue(service: TheService, user: TheUser) -> object:
    """How busy the service is."""
    counts = service.queue.counts()
    return {
        "waiting": counts.get("queued", 0),
        "running": counts.get("running", 0),
        "workers": len(service.queue.workers()),
        "held": service.queue.held(),
    }
