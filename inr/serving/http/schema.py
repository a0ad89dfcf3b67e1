"""The OpenAPI schema: every route with all that it answers, problems included."""

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from inr._version import __version__
from inr.serving.http.gate import COOKIE
from inr.serving.http.models import ProblemBody
from inr.serving.problems import MEDIA_TYPE, TYPES, Type

PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
_ALWAYS: tuple[Type, ...] = ("forbidden-host", "internal")
_UNSAFE: tuple[Type, ...] = ("forbidden-origin",)
_WITH_BODY: tuple[Type, ...] = ("unsupported-media-type", "too-large", "timeout", "bad-request")
_WITH_TOKEN: tuple[Type, ...] = ("unauthorised",)


# the client says by If-None-Match that it has the answer
CACHED: dict[int | str, dict[str, Any]] = {304: {"description": "It is as it was."}}


# what can be asked next with something that an answer has: by operation, its name and the operations that take it
_NEXT: dict[str, tuple[str, tuple[str, ...]]] = {
    "signals_post_signal": ("id", ("signals_signal", "signals_codecs", "signals_original", "signals_delete_signal")),
    "jobs_submit": (
        "id",
        ("jobs_job", "jobs_pause", "jobs_resume", "jobs_set_priority", "jobs_cancel", "fields_field"),
    ),
    "shares_share": ("name", ("shares_shared", "shares_shared_file")),
}


def refuses(*slugs: Type) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these types of problem, beside those that all routes have."""
    found: dict[int | str, list[str]] = {}
    for slug in slugs:
        found.setdefault(TYPES[slug][0], []).append(slug)
    return {status: _problem_of(names) for status, names in found.items()}


def _problem_of(slugs: Iterable[str]) -> dict[str, Any]:
    return {"description": ", ".join(slugs), "content": PROBLEM}


def openapi(app: FastAPI, is_public: Callable[[str], bool]) -> dict[str, Any]:
    """The whole schema.

    Args:
        app: with all of its routes.
        is_public: whether a path takes no token.
    """
    schema = get_openapi(
        title="inr",
        version=__version__,
        summary="Fits pictures, sounds, videos and volumes as small continuous functions, and serves them.",
        routes=app.routes,
    )
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["ProblemBody"] = ProblemBody.model_json_schema()
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
    }
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            _complete(operation, method, public=is_public(path))
    return schema


def _complete(operation: dict[str, Any], method: str, *, public: bool) -> None:
    """Add the problems that a kind of request may have anywhere, and who may make it."""
    slugs = list(_ALWAYS)
    if method not in ("get", "head", "options"):
        slugs += _UNSAFE
    if "requestBody" in operation:
        slugs += _WITH_BODY
    for parameter in operation.get("parameters", ()):
        _without_null(parameter["schema"])
        slugs.append("bad-request")
    if not public:
        slugs += _WITH_TOKEN
        operation["security"] = [{"token": []}, {"session": []}]
    responses = operation["responses"]
    if operation["operationId"] in _NEXT:
        name, following = _NEXT[operation["operationId"]]
        responses["201"]["links"] = {
            each: {"operationId": each, "parameters": {name: f"$response.body#/{name}"}} for each in following
        }
    for status, response in refuses(*dict.fromkeys(slugs)).items():
        known = responses.get(str(status))
        if known is None or "HTTPValidationError" in str(known):
            responses[str(status)] = response
        else:
            known["description"] += ", " + response["description"]


def _without_null(schema: dict[str, Any]) -> None:
    """What may be left out of an address or a header is no null there."""
    kinds = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        schema.update(kinds[0])
    elif kinds:
        schema["anyOf"] = kinds
