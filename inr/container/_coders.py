"""Coders: how a section's tensors become its payload, found by name."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from inr._errors import InrError

Tensors = Mapping[str, np.ndarray]

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


@dataclass(frozen=True)
class Coder:
    """A pair of functions between tensors and bytes.

    Attributes:
        encode: tensors to payload; equal tensors must give equal bytes.
        decode: payload and a limit in bytes to tensors. It executes nothing from the payload, allocates
            no more than the limit, and raises ValueError for a payload it cannot have written.
    """

    encode: Callable[[Tensors], bytes]
    decode: Callable[[memoryview, int], dict[str, np.ndarray]]


coders: dict[str, Coder] = {}


def register_coder(
    name: str,
    encode: Callable[[Tensors], bytes],
    decode: Callable[[memoryview, int], dict[str, np.ndarray]],
) -> None:
    """Enter a coder under the name that files will carry.

    Args:
        name: what sections give as their coding.
        encode, decode: as of `Coder`.

    Raises:
        InrError: the name is taken.
    """
    if name in coders:
        raise InrError(f"coder '{name}' is registered already")
    coders[name] = Coder(encode, decode)


def _encode_raw(tensors: Tensors) -> bytes:
    return save({name: _little_endian(name, tensor) for name, tensor in tensors.items()})


def _little_endian(name: str, tensor: np.ndarray) -> np.ndarray:
    dtype = tensor.dtype.newbyteorder("<")
    if dtype not in _DTYPES.values():
        raise InrError(f"tensor '{name}' is {tensor.dtype}; a raw section holds booleans, integers and real floats")
    if name == "__metadata__":
        raise InrError("a tensor cannot be called '__metadata__'")
    return np.asarray(tensor, dtype=dtype, order="C")


def _decode_raw(payload: memoryview, limit: int) -> dict[str, np.ndarray]:
    if len(payload) > limit:
        raise InrError(f"it holds {len(payload)} bytes, more than the {limit} allowed")
    try:
        entries = deserialize(bytes(payload))
    except SafetensorError as error:
        raise InrError(f"not laid out as safetensors: {error}") from error
    return {name: _tensor(name, entry) for name, entry in sorted(entries)}


def _tensor(name: str, entry: Mapping[str, Any]) -> np.ndarray:
    if entry["dtype"] not in _DTYPES:
        raise InrError(f"tensor '{name}' is of the type {entry['dtype']}, which is not allowed")
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    try:
        if dtype == np.bool_:  # a byte other than 0 and 1 would be no boolean of numpy's
            return np.frombuffer(entry["data"], dtype=np.uint8).astype(dtype).reshape(entry["shape"])
        return (
            np.frombuffer(entry["data"], dtype=dtype)
            .astype(dtype.newbyteorder("="), copy=False)
            .reshape(entry["shape"])
        )
    except (ValueError, OverflowError) as error:
        raise InrError(f"tensor '{name}' has the impossible shape {entry['shape']}") from error


def _encode_bytes(tensors: Tensors) -> bytes:
    array = tensors.get("payload")
    if set(tensors) != {"payload"} or array is None or array.dtype != np.uint8 or array.ndim != 1:
        raise InrError("a section of bytes holds one tensor 'payload' (n,) of uint8")
    return array.tobytes()


def _decode_bytes(payload: memoryview, limit: int) -> dict[str, np.ndarray]:
    if len(payload) > limit:
        raise InrError(f"it holds {len(payload)} bytes, more than the {limit} allowed")
    return {"payload": np.frombuffer(payload, dtype=np.uint8).copy()}


def _encode_deflated(tensors: Tensors) -> bytes:
    return zlib.compress(_encode_raw(tensors), 6)


def _decode_deflated(payload: memoryview, limit: int) -> dict[str, np.ndarray]:
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(payload, limit + 1)
    except zlib.error as error:
        raise InrError("it does not inflate") from error
    if not inflater.eof or inflater.unused_data or len(data) > limit:
        raise InrError(f"what it inflates to is cut, or takes more than the {limit} bytes allowed")
    return _decode_raw(memoryview(data), limit)


register_coder("raw", _encode_raw, _decode_raw)
register_coder("deflated", _encode_deflated, _decode_deflated)
register_coder("bytes", _encode_bytes, _decode_bytes)
