"""The fitting service seen from another process: uploads, jobs, their events and files."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.serving.client._client import Client as Client
    from inr.serving.client._connection import Refused as Refused
    from inr.serving.client._connection import Unreachable as Unreachable
    from inr.serving.client._events import ServerEvent as ServerEvent

__getattr__, __all__ = lazy_exports(
    __name__,
    {"Client": "._client", "Refused": "._connection", "ServerEvent": "._events", "Unreachable": "._connection"},
)
