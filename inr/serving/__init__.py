"""The fitting service: a queue of jobs and a store of files in one folder, and what works on them and shows them."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.serving._disk import DiskFull as DiskFull
    from inr.serving.client import Client as Client
    from inr.serving.queue import Queue as Queue
    from inr.serving.store import Store as Store

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Client": ".client",
        "DiskFull": "._disk",
        "Queue": ".queue",
        "Store": ".store",
    },
)
