"""The gate: what every request has to pass before anything else looks at it.

All is decided on the ASGI scope as it came from the socket, never on an address built from headers (CVE-2026-48710).
"""

import asyncio
import contextlib
import logging
import math
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inr.serving.http.answers import problem_answer
from inr.serving.http.errors import broken
from inr.serving.logs import log, tell, traceparent
from inr.serving.problems import Problem
from inr.serving.settings import Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = SAFE | {"POST", "PUT", "PATCH", "DELETE"}
COOKIE = "inr_session"
CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:", "connect-src 'self'",
    "media-src 'self' blob:", "font-src 'self'", "manifest-src 'self'", "base-uri 'none'", "form-action 'none'",
    "frame-ancestors 'none'",
))  # fmt: skip
MOST_SERVED = 500  # requests at once, streams among them
MOST_OF_ONE = 250  # of one user, or of all who are nobody: others are served meanwhile
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# what has no owner: everything else takes a token, be there a route for it or not
_PUBLIC = re.compile(r"/(healthz|readyz|v1/session|v1/shared/[^/]+(/[^/]+)?|iiif/3/.*|problems/[^/]+)?")
_SIGNALS, _UPLOADS, _UPLOAD = "/v1/signals", "/v1/uploads", re.compile(r"/v1/uploads/[^/]+")

Lookup = Callable[[str | None, str | None], Awaitable[Any]]


class Gate:
    """ASGI middleware that checks who asks, from where, for whom and with how much, and guards what is answered.

    Args:
        app: what lies behind.
        settings: names, limits and times.
        user_of: the user of a bearer token or a session's cookie, or None.
        pages: paths of the page's files, which are public.
        observe: told the route, the method, the status and the seconds of each answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        user_of: Lookup,
        pages: frozenset[str],
        observe: Callable[[str, str, int, float], None],
    ) -> None:
        self._app, self._settings, self._user_of = app, settings, user_of
        self._pages, self._observe = pages, observe
        self._served = 0
        self._served_by: Counter[str | None] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError("the service speaks HTTP only")
        began = time.perf_counter()
        headers = Headers(scope=scope)
        trace = traceparent(headers.get("traceparent"))
        scope.setdefault("state", {})["traceparent"] = trace
        answer = _Answer(send, head_only=scope["method"] == "HEAD")
        self._served += 1
        try:
            if self._served > MOST_SERVED:
                raise Problem("busy", "Too many requests are being served.", status=503, headers={"Retry-After": "2"})
            await self._admit(scope, headers)
            answer.body = _Body(receive, self._limit(scope), self._settings)
            with self._turn(scope["state"]["user"]):
                await self._app(_routed(scope), answer.body, answer)
        except Problem as problem:
            await answer.refuse(problem)
        except Exception as error:
            if not _is_hang_up(error):
                log.exception("a request failed", extra={"members": {"trace": trace}})
            await answer.refuse(broken(trace))
        finally:
            self._served -= 1
            route = getattr(scope.get("route"), "path", None) or ("page" if scope["path"] in self._pages else "none")
            method = scope["method"] if scope["method"] in METHODS else "other"  # whose names clients make up
            seconds = time.perf_counter() - began
            self._observe(route, method, answer.status, seconds)
            tell(
                "request", level=logging.INFO if answer.status < 500 else logging.WARNING, method=method,
                route=route, status=answer.status, seconds=round(seconds, 4), trace=trace,
            )  # fmt: skip

    async def _admit(self, scope: Scope, headers: Headers) -> None:
        """Raises a Problem for what is not to be answered; finds the user."""
        self._check_host(headers)
        if scope["method"] not in SAFE:
            _check_origin(headers)
            self._check_body(scope, headers)
        public = scope["path"] in self._pages or is_public(scope["path"])
        scope["state"]["user"] = user = await self._find_user(headers)
        scope["state"]["user_now"] = partial(self._find_user, headers)
        if user is None and not public:
            raise unauthorised()

    @contextlib.contextmanager
    def _turn(self, user: Any) -> Iterator[None]:
        """While inside, one more request of a user's is served."""
        who = None if user is None else user.id
        if self._served_by[who] >= MOST_OF_ONE:
            raise Problem("busy", f"{MOST_OF_ONE} requests of yours are being served.", headers={"Retry-After": "2"})
        self._served_by[who] += 1
        try:
            yield
        finally:
            self._served_by[who] -= 1
            if not self._served_by[who]:
                del self._served_by[who]

    def _check_host(self, headers: Headers) -> None:
        given = headers.getlist("host")
        host = given[0].lower() if len(given) == 1 else ""
        name = re.sub(r":\d{1,5}$", "", host)
        if not name or not {host, name} & self._settings.names:
            names = ", ".join(sorted(self._settings.names))
            raise Problem("forbidden-host", f"The Host is none of {names}; inr serve --hosts NAME adds one.")

    def _check_body(self, scope: Scope, headers: Headers) -> None:
        """Raises a Problem for a body of a type that forms can send, or of more bytes than are taken, unread."""
        length, chunked = headers.get("content-length"), "transfer-encoding" in headers
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind or chunked or length not in (None, "0"):
            taken = _media_type(scope)
            if kind != taken and (kind or scope["path"] != _SIGNALS):
                raise Problem("unsupported-media-type", f"Send the body as {taken}.", headers={"Accept": taken})
        if chunked and length is not None:  # a proxy before this may believe the other one (request smuggling)
            detail = "Send either Content-Length or Transfer-Encoding."
            raise Problem("bad-request", detail, headers={"Connection": "close"})
        limit = self._limit(scope)
        if length is not None and int(length) > limit:
            raise _too_large(limit)

    def _limit(self, scope: Scope) -> int:
        if scope["path"] == _SIGNALS:
            return self._settings.raw_bytes
        if scope["method"] == "PATCH":
            return self._settings.upload_bytes
        return self._settings.json_bytes

    async def _find_user(self, headers: Headers) -> Any:
        given = headers.get("authorization")
        if given is not None:
            scheme, _, token = given.partition(" ")
            return await self._user_of(token.strip(), None) if scheme.lower() == "bearer" else None
        session = cookie_of(headers)
        return await self._user_of(None, session) if session else None


def is_public(path: str) -> bool:
    """Whether anybody may ask here, as its route then sees to it that only what is shared is answered."""
    return _PUBLIC.fullmatch(path) is not None


def _is_hang_up(error: Exception) -> bool:
    """Whether a stream's client went while something was sent, which FastAPI raises as if it were a fault."""
    return isinstance(error, ExceptionGroup) and error.split(anyio.BrokenResourceError)[1] is None


def unauthorised() -> Problem:
    """The problem of a request without a token that counts."""
    return Problem(
        "unauthorised",
        "Send Authorization: Bearer TOKEN, or open the link that inr serve printed.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _check_origin(headers: Headers) -> None:
    """Raises a Problem for an unsafe request that a page of another site makes."""
    site = headers.get("sec-fetch-site", "same-origin").lower()
    own = {f"{scheme}://{headers['host'].lower()}" for scheme in ("http", "https")}
    if site not in ("same-origin", "none") or not {origin.lower() for origin in headers.getlist("origin")} <= own:
        raise Problem("forbidden-origin", "Only the service's own page may do this, and programs that send no Origin.")


def _media_type(scope: Scope) -> str:
    """The type that a request's body must have."""
    if scope["method"] == "PATCH" and _UPLOAD.fullmatch(scope["path"]):
        return "application/offset+octet-stream"
    return "application/octet-stream" if scope["path"] == _SIGNALS else "application/json"


def cookie_of(headers: Headers) -> str | None:
    """The session's cookie; several of the name are none."""
    found = [
        value.strip()
        for line in headers.getlist("cookie")
        for name, _, value in (item.partition("=") for item in line.split(";"))
        if name.strip() == COOKIE
    ]
    return found[0] if len(found) == 1 else None


def _routed(scope: Scope) -> Scope:
    """HEAD is answered as GET is, without the body; uploads have their own."""
    if scope["method"] == "HEAD" and not scope["path"].startswith(_UPLOADS):
        scope["method"] = "GET"
    return scope


def _too_large(limit: int) -> Problem:
    return Problem("too-large", f"The body may have {limit:,} bytes at most.", limit=limit)


class _Body:
    """Counts and times a body while it arrives; what is wrong with it is kept for the answer.

    A file may come slowly, part by part; a small body has to be whole within the time of one part.
    """

    def __init__(self, receive: Receive, limit: int, settings: Settings) -> None:
        self._receive, self._left, self._seconds = receive, limit, settings.body_seconds
        self._limit = limit
        self._until = time.monotonic() + self._seconds if limit <= settings.json_bytes else math.inf
        self._more = True
        self.problem: Problem | None = None

    async def __call__(self) -> Message:
        if not self._more:  # what now comes is that the client goes
            return await self._receive()
        try:
            left = min(self._seconds, max(self._until - time.monotonic(), 0))
            message = await asyncio.wait_for(self._receive(), left)
        except TimeoutError:
            self.problem = Problem(
                "timeout", f"The body did not come within {self._seconds:g} s.", headers={"Connection": "close"}
            )
            raise self.problem from None
        self._left -= len(message.get("body", b""))
        self._more = message.get("more_body", False)
        if self._left < 0:
            self.problem = _too_large(self._limit)
            self.problem.headers["Connection"] = "close"
            raise self.problem
        return message


class _Answer:
    """Sends what is answered with the headers that guard it; a body that was refused decides the answer."""

    def __init__(self, send: Send, *, head_only: bool) -> None:
        self._send, self._head_only = send, head_only
        self.body: _Body | None = None
        self.started = False
        self.status = 500
        self._replaced = False

    async def __call__(self, message: Message) -> None:
        # a framework that was reading the body makes an answer of its own from the exception
        if self.body is not None and self.body.problem is not None and not self.started:
            await self.refuse(self.body.problem)
            self._replaced = True
        if not self._replaced:
            await self._deliver(message)

    async def refuse(self, problem: Problem) -> None:
        """Answer with a problem, where no answer has begun."""
        if not self.started:
            await problem_answer(problem)({"type": "http"}, _nothing, self._deliver)

    async def _deliver(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        elif self._head_only:
            message = {**message, "body": b""}
        await self._send(message)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
