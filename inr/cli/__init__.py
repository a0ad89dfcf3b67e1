"""The command line: parses, calls the library, prints."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:


__getattr__, __all__ = lazy_exports(
    __name__,
    {
    },
)
