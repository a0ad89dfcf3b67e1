"""The codecs, one file each, found by name in the registry `codecs`."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.compression.codecs.base import Codec as Codec
    from inr.compression.codecs.base import Payload as Payload
    from inr.compression.codecs.base import codecs as codecs

__getattr__, __all__ = lazy_exports(__name__, {"Codec": ".base", "Payload": ".base", "codecs": ".base"})
