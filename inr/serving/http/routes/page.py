"""The page's files: what lies in its folder when the server starts, and nothing else."""

import functools
import gzip
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

from inr.serving.http.answers import is_known
from inr.serving.http.schema import CACHED
from inr.serving.page import EXAMPLE, FOLDER

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_PRESSED = (".css", ".html", ".js", ".json", ".mjs", ".svg", ".txt", ".webmanifest")


@dataclass(frozen=True)
class _File:
    path: Path

    @functools.cached_property
    def body(self) -> bytes:
        return self.path.read_bytes()

    @functools.cached_property
    def pressed(self) -> bytes:
        return gzip.compress(self.body, mtime=0)

    @functools.cached_property
    def tag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'


@functools.cache
def page_files() -> dict[str, Path]:
    """The paths at which the page's files are had, with where they lie."""
    found = {
        "/" + path.relative_to(FOLDER).as_posix(): path
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and path.suffix in TYPES
    }
    return {"/": FOLDER / "index.html", **found}


def page_router() -> APIRouter:
    """A route for each of the page's files, and one for the example."""
    router = APIRouter()
    for address, path in page_files().items():
        router.add_api_route(address, _answering(_File(path)), include_in_schema=False, methods=["GET"])
    router.add_api_route(
        "/v1/example", _answering(_File(EXAMPLE)), methods=["GET"], tags=["signals"], response_class=Response,
        responses={200: {"content": {"image/png": {}}}, **CACHED},
        summary="Example", description="A picture to try the service with.",
    )  # fmt: skip
    return router


def _answering(file: _File) -> Callable[[Request], Awaitable[Response]]:
    media_type = TYPES[file.path.suffix]
    can_press = file.path.suffix in _PRESSED

    async def answer(request: Request) -> Response:
        headers = {"ETag": file.tag, "Cache-Control": "no-cache"}
        if can_press:
            headers["Vary"] = "Accept-Encoding"
        if is_known(request.headers, file.tag):
            return Response(status_code=304, headers=headers)
        if can_press and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.pressed, media_type=media_type, headers={**headers, "Content-Encoding": "gzip"})
        return Response(file.body, media_type=media_type, headers=headers)

    return answer
