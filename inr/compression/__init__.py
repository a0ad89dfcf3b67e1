"""Weights as few bytes: entropy-coded integers, and the coding "integers" of a file's sections."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports
from inr.compression import _entropy_section  # noqa: F401  enters the coding with the container

if TYPE_CHECKING:
    from inr.compression._entropy_coding import decode_integers as decode_integers
    from inr.compression._entropy_coding import encode_integers as encode_integers

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "decode_integers": "._entropy_coding",
        "encode_integers": "._entropy_coding",
    },
)
