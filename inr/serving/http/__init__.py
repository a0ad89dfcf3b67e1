"""The service over HTTP: an ASGI application, the server that runs it, and the processes beside it."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.serving.http.app import make_app as make_app
    from inr.serving.http.server import serve as serve
    from inr.serving.http.service import Service as Service

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Service": ".service",
        "make_app": ".app",
        "serve": ".server",
    },
)
