"""The coding "integers" of a file's sections: named integer tensors, entropy-coded.

Payload: a varint, the length of the index; the index; what `encode_arrays` makes of the tensors in its order. The index
is raw deflate, with a preset dictionary, of the JSON text `[[name, type, *shape], ...]`, sorted by name; types are
numpy's kind and bytes, as `i2`.
"""

import json
import math
import zlib

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.integers import decode_arrays
from inr.compression.bitstream.stream import Cursor

MAX_TENSORS = 4096
MAX_TEXT = 1 << 20
MAX_DIMENSIONS = 32

TYPES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
# What an index usually says, the likeliest last: part of the format.
DICTIONARY = (
    b'["mask","b1",["scale","u1",["table","u2",["levels","i8",["codes","u4",["latents","i4",1024,'
    b'["table.0","i1",16384,2],["table","i2",65536,2],["layers.6.bias","layers.5.bias","layers.5.weight",'
    b'"i2",128,128],["layers.0.bias","i1",64],["layers.0.weight","i1",64,2],["layers.1.bias","i1",64],'
    b'["layers.1.weight","i1",64,64],["layers.2.bias","i1",256],["layers.2.weight","i1",256,256],'
    b'["layers.3.bias","i1",256],["layers.3.weight","i1",256,256],["layers.4.bias","i1",3],'
    b'["layers.4.weight","i1",3,256]]'
)


def decode_tensors(payload: memoryview, max_bytes: int) -> dict[str, np.ndarray]:
    """The tensors of a payload, which take at most `max_bytes`; raises InrError for one that does not hold together.

    Tables and buffers take 48 MiB and 8 times the payload at most besides.
    """
    cursor = Cursor(payload)
    entries = _from_text(_inflate(cursor.take(cursor.varint())))
    total = sum(math.prod(shape) * dtype.itemsize for _, dtype, shape in entries)
    if total > max_bytes:
        raise InrError(f"its tensors take {total} bytes, more than the {max_bytes} allowed")
    tensors = {}
    for name, dtype, shape in entries:
        try:
            tensors[name] = np.empty(shape, dtype=dtype)
        except (ValueError, OverflowError) as error:
            raise InrError(f"tensor '{name}' has the impossible shape {list(shape)}") from error
    decode_arrays(cursor.rest(), list(tensors.values()))
    return tensors


def _inflate(packed: memoryview) -> bytes:
    inflater = zlib.decompressobj(-15, zdict=DICTIONARY)
    try:
        text = inflater.decompress(packed, MAX_TEXT + 1)
    except zlib.error as error:
        raise InrError("its index does not inflate") from error
    if len(text) > MAX_TEXT or not inflater.eof or inflater.unused_data:
        raise InrError("its index does not end where it should")
    return text


def _from_text(text: bytes) -> list[tuple[str, np.dtype, tuple[int, ...]]]:
    try:
        entries = [(name, kind, tuple(shape)) for name, kind, *shape in json.loads(text)]
    except (TypeError, ValueError, RecursionError) as error:
        raise InrError("its index is not the expected JSON") from error
    names = [name for name, _, _ in entries]
    if len(entries) > MAX_TENSORS or not all(isinstance(name, str) for name in names) or names != sorted(set(names)):
        raise InrError("its index is not one of at most 4096 tensors, sorted by name")
    for name, kind, shape in entries:
        sizes = all(type(size) is int and 0 <= size < 1 << 48 for size in shape)
        if kind not in TYPES or not sizes or len(shape) > MAX_DIMENSIONS:
            raise InrError(f"tensor '{name}' is of an impossible type or shape")
    return [(name, np.dtype(kind), shape) for name, kind, shape in entries]
