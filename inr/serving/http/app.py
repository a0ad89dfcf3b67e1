"""The service as one ASGI application: the routes behind the gate."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from inr.serving.http import errors
from inr.serving.http.gate import Gate, is_public
from inr.serving.http.reading import read_again
from inr.serving.http.routes import (
    events,
    fields,
    health,
    images,
    jobs,
    page,
    parts,
    problems,
    sessions,
    shares,
    signals,
    uploads,
)
from inr.serving.http.schema import openapi
from inr.serving.http.service import Service, in_thread

_ROUTES = (sessions, parts, signals, uploads, jobs, events, fields, shares, images, health, problems)


def make_app(service: Service) -> ASGIApp:
    """The whole service, which is running while the application's lifespan is.

    Args:
        service: what the routes share.
    """
    return guarded(make_routes(service), service)


def guarded(app: ASGIApp, service: Service) -> ASGIApp:
    """Routes behind the gate."""

    async def user_of(token: str | None, session: str | None) -> Any:
        find, secret = (
            (service.queue.user_of_token, token) if token is not None else (service.queue.user_of_session, session)
        )
        return await in_thread(find, secret)

    def observe(route: str, method: str, status: int, seconds: float) -> None:
        service.metrics.requests.labels(method, route, str(status)).inc()
        service.metrics.request_seconds.labels(route).observe(seconds)

    pages = frozenset(page.page_files())
    return Gate(app, settings=service.settings, user_of=user_of, pages=pages, observe=observe)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    async with service.running():
        service.begin(read_again(service))
        yield


def _named(route: Any) -> str:
    """jobs_cancel, as clients that are made from the schema call it."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def make_routes(service: Service | None = None) -> FastAPI:
    """The routes alone, which trust that a gate stands before them."""
    app = FastAPI(
        lifespan=_lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_named,
    )
    app.state.service = service
    routers = [routes.router for routes in _ROUTES] + [page.page_router()]
    for router in routers:
        app.include_router(router)
    errors.install(app, [route for router in routers for route in router.routes])
    whole: dict[str, Any] = {}

    def schema() -> dict[str, Any]:
        if not whole:
            whole.update(openapi(app, is_public))
        return whole

    app.openapi = schema  # type: ignore[method-assign]
    app.add_api_route("/openapi.json", lambda: schema(), methods=["GET"], include_in_schema=False)
    return app
