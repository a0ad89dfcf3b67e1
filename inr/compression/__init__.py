"""Signals and fields as few bytes: codecs, quantisers, entropy coding; enters the coding "integers" of sections."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports
from inr.compression import _entropy_section  # noqa: F401  enters the coding with the container

if TYPE_CHECKING:
    from inr.compression._api import Compressed as Compressed
    from inr.compression._api import compress as compress
    from inr.compression._api import decode as decode
    from inr.compression._api import decompress as decompress
    from inr.compression._api import encode as encode
    from inr.compression._api import recompress as recompress
    from inr.compression._api import sample as sample
    from inr.compression._codec import Codec as Codec
    from inr.compression._codec import Payload as Payload
    from inr.compression._codec import codecs as codecs
    from inr.compression._entropy_coding import decode_integers as decode_integers
    from inr.compression._entropy_coding import encode_integers as encode_integers
    from inr.compression._initial import initial_weights as initial_weights

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Codec": "._codec",
        "Compressed": "._api",
        "Payload": "._codec",
        "codecs": "._codec",
        "compress": "._api",
        "decode": "._api",
        "decode_integers": "._entropy_coding",
        "decompress": "._api",
        "encode": "._api",
        "encode_integers": "._entropy_coding",
        "initial_weights": "._initial",
        "recompress": "._api",
        "sample": "._api",
    },
)
