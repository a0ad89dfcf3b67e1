"""Signals and fields as few bytes: codecs, quantisers, entropy coding; enters the coding "integers" of sections."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports
from inr.compression.bitstream import section  # noqa: F401  enters the coding with the container

if TYPE_CHECKING:
    from inr.compression.api import Compressed as Compressed
    from inr.compression.api import compress as compress
    from inr.compression.api import decode as decode
    from inr.compression.api import decompress as decompress
    from inr.compression.api import encode as encode
    from inr.compression.api import recompress as recompress
    from inr.compression.api import sample as sample
    from inr.compression.bitstream.files import build_any_field as build_any_field
    from inr.compression.bitstream.integers import decode_integers as decode_integers
    from inr.compression.bitstream.integers import encode_integers as encode_integers
    from inr.compression.codecs import Codec as Codec
    from inr.compression.codecs import Payload as Payload
    from inr.compression.reference_weights import initial_weights as initial_weights

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Codec": ".codecs",
        "Compressed": ".api",
        "Payload": ".codecs",
        "build_any_field": ".bitstream.files",
        "compress": ".api",
        "decode": ".api",
        "decode_integers": ".bitstream.integers",
        "decompress": ".api",
        "encode": ".api",
        "encode_integers": ".bitstream.integers",
        "initial_weights": ".reference_weights",
        "recompress": ".api",
        "sample": ".api",
    },
)
