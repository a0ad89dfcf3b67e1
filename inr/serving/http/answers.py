"""Answers that are more than JSON: problems, files by range, and what caches ask."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from inr._json import finite
from inr.serving.problems import MEDIA_TYPE, Problem

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class JSONAnswer(Response):
    """A JSON body; numbers that are not finite are null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body."""
        return json.dumps(finite(content), separators=(",", ":"), allow_nan=False).encode()


class ProblemAnswer(JSONAnswer):
    """A problem's body."""

    media_type = MEDIA_TYPE


def problem_answer(problem: Problem) -> Response:
    """The answer that a problem is."""
    headers = {"Cache-Control": "no-store"} | problem.headers
    return ProblemAnswer(problem.to_json(), status_code=problem.status, headers=headers)


def tag_of(*parts: object) -> str:
    """A strong ETag of what decides an answer."""
    return '"' + hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32] + '"'


def is_known(headers: Headers, tag: str) -> bool:
    """Whether the client says by If-None-Match that it has what the tag stands for."""
    known = headers.get("if-none-match", "")
    return known.strip() == "*" or tag in {item.strip().removeprefix("W/") for item in known.split(",")}


def tagged_json(
    request: Request, content: Any, *, media_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer with its ETag, or 304 where the client has it.

    Args:
        request: says what the client has.
        content: plain JSON.
        media_type: what it is.
        headers: sent along.
    """
    answer = JSONAnswer(content, media_type=media_type)
    tag = tag_of(media_type, bytes(answer.body).decode())
    tagged = {"Cache-Control": "private, no-cache", **(headers or {}), "ETag": tag}
    if is_known(request.headers, tag):
        return Response(status_code=304, headers=tagged)
    answer.headers.update(tagged)
    return answer


def file_answer(
    request: Request,
    path: Path,
    *,
    tag: str,
    media_type: str,
    filename: str | None = None,
    cache: str = "private, no-cache",
) -> Response:
    """A file, whole or one range of it, or 304 where the client has it.

    Args:
        request: asked for it; several ranges at once are answered by the whole file (CVE-2025-62727).
        path: the file; raises a Problem where it is gone.
        tag: its ETag.
        media_type: what it is.
        filename: makes it a download of this name.
        cache: the Cache-Control header.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise Problem("not-found", "The file is no longer kept.") from None
    headers = {"ETag": tag, "Cache-Control": cache}
    if is_known(request.headers, tag):
        return Response(status_code=304, headers=headers)
    if filename is not None:
        headers["Content-Disposition"] = attachment(filename)
    _keep_one_range(request, status.st_size)
    return FileResponse(path, media_type=media_type, headers=headers, stat_result=status)


def attachment(filename: str) -> str:
    """A Content-Disposition that makes a browser save the answer, whatever it is."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", filename).strip("._") or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _keep_one_range(request: Request, size: int) -> None:
    """Take away a Range header that is not one range of bytes; refuse one that lies outside the file."""
    asked = request.headers.get("range")
    if asked is None:
        return
    found = _RANGE.fullmatch(asked.strip())
    if found is None or found.groups() == ("", ""):
        headers = [pair for pair in request.scope["headers"] if pair[0] != b"range"]
        request.scope["headers"] = headers
        return
    first, last = found.groups()
    outside = int(first) >= size or (last and int(last) < int(first)) if first else int(last) == 0
    if outside or size == 0:
        raise Problem(
            "range-not-satisfiable",
            f"The file has {size} bytes, from 0 to {max(size - 1, 0)}.",
            headers={"Content-Range": f"bytes */{size}"},
        )
