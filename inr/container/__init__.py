"""The .inr file: a header and named sections, each with a checksum; knows nothing of fields."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.container._coders import Coder, coders, register_coder
    from inr.container._file import Contents, Section, dumps, loads, read, write
    from inr.container._header import Entry

__all__ = [
    "Coder",
    "Contents",
    "Entry",
    "Section",
    "coders",
    "dumps",
    "loads",
    "read",
    "register_coder",
    "write",
]
__getattr__, _ = lazy_exports(
    __name__,
    {
        "Coder": "._coders",
        "Contents": "._file",
        "Entry": "._header",
        "Section": "._file",
        "coders": "._coders",
        "dumps": "._file",
        "loads": "._file",
        "read": "._file",
        "register_coder": "._coders",
        "write": "._file",
    },
)
