"""Enters the coding "integers" with the container; what encoding takes is imported when something is encoded."""

import importlib.util
from collections.abc import Mapping

import numpy as np

from inr.container import register_coder

CODING = "integers"


def codable() -> bool:
    """Whether sections can be encoded here: entropy coding takes a library that is not installed everywhere."""
    try:
        return importlib.util.find_spec("constriction") is not None
    except ValueError:
        return False


def _encode(tensors: Mapping[str, np.ndarray]) -> bytes:
    from inr.compression.encoder.section import encode_tensors

    return encode_tensors(tensors)


def _decode(payload: memoryview, max_bytes: int) -> dict[str, np.ndarray]:
    from inr.compression.bitstream.section import decode_tensors

    return decode_tensors(payload, max_bytes)


register_coder(CODING, _encode, _decode)
