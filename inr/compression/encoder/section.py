"""Encodes the sections whose coding is "integers"; `inr.compression.bitstream.section` describes and decodes them."""

import json
import zlib
from collections.abc import Mapping

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.section import DICTIONARY, MAX_DIMENSIONS, MAX_TENSORS, MAX_TEXT, TYPES
from inr.compression.encoder.integers import encode_arrays
from inr.container import varint


def encode_tensors(tensors: Mapping[str, np.ndarray]) -> bytes:
    """A section's payload; the order of the tensors does not matter.

    Args:
        tensors: integers of any width, or booleans, from -2^31 to 2^31 - 1.

    Raises InrError for other tensors.
    """
    if len(tensors) > MAX_TENSORS:
        raise InrError(f"{len(tensors)} tensors are more than the {MAX_TENSORS} that a section may hold")
    names = sorted(tensors)
    for name in names:
        if tensors[name].dtype.str[1:] not in TYPES:
            raise InrError(f"tensor '{name}' is {tensors[name].dtype}; a section of integers holds integers, booleans")
        if tensors[name].ndim > MAX_DIMENSIONS:
            raise InrError(f"tensor '{name}' has {tensors[name].ndim} axes, more than {MAX_DIMENSIONS}")
    text = _to_text([[name, tensors[name].dtype.str[1:], *tensors[name].shape] for name in names])
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=DICTIONARY)
    index = deflater.compress(text) + deflater.flush()
    return varint(len(index)) + index + encode_arrays([tensors[name] for name in names])


def _to_text(entries: list[list[str | int]]) -> bytes:
    try:
        text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    except ValueError as error:
        raise InrError(f"a tensor's name is no text: {error}") from error
    if len(text) > MAX_TEXT:
        raise InrError(f"the tensors' names and shapes take {len(text)} bytes, more than {MAX_TEXT}")
    return text
