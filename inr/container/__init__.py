"""The .inr file: a header and named sections, each with a checksum; knows nothing of fields."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.container._coders import Coder as Coder
    from inr.container._coders import coders as coders
    from inr.container._coders import register_coder as register_coder
    from inr.container._file import GIB as GIB
    from inr.container._file import Contents as Contents
    from inr.container._file import Section as Section
    from inr.container._file import dumps as dumps
    from inr.container._file import loads as loads
    from inr.container._file import read as read
    from inr.container._file import write as write
    from inr.container._header import Entry as Entry
    from inr.container._stream import Payload as Payload
    from inr.container._stream import Sections as Sections
    from inr.container._stream import write_payloads as write_payloads
    from inr.container._varint import varint as varint

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Coder": "._coders",
        "Contents": "._file",
        "Entry": "._header",
        "GIB": "._file",
        "Payload": "._stream",
        "Section": "._file",
        "Sections": "._stream",
        "coders": "._coders",
        "dumps": "._file",
        "loads": "._file",
        "read": "._file",
        "register_coder": "._coders",
        "varint": "._varint",
        "write": "._file",
        "write_payloads": "._stream",
    },
)
