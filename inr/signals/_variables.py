"""Arrays that describe others, and their attributes, as plain JSON in few bytes: coordinates, bounds, grid mappings."""

import base64
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inr._errors import InrError

_DECIMALS = 6
_FEW = 4  # numbers that are told one by one
_MAX_UNPACKED = 1 << 28
_MAX_ORDER = 4  # of differences along every axis
_TRIED = 1 << 15  # numbers by which the order is chosen, about
_NUMBERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)} | {"bool", "float32", "float64"}


def pack_array(array: np.ndarray) -> dict[str, Any]:
    """An array as plain JSON.

    Args:
        array: of integers, truth values, floats of 32 or 64 bits, or strings; of any shape.

    Returns:
        What `unpack_array` reads: start and step where these give every number exactly; else the numbers themselves, or
        all of them deflated, as differences of the order that makes them shortest.

    >>> from inr.signals._variables import pack_array
    >>> pack_array(np.array([0.1, 0.2, 0.3], np.float32))
    {'dtype': 'float32', 'start': 0.1, 'step': 0.1}
    """
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind in "UOT":
        return {"dtype": "str", "values": [str(each) for each in array.ravel()]}
    array = array.astype(np.float32 if array.dtype == np.float16 else array.dtype.newbyteorder("="), order="C")
    told = {"dtype": array.dtype.name}
    if array.size > 2 and array.ndim == 1 and (found := _start_and_step(array)) is not None:
        return told | found
    if array.size <= _FEW and np.isfinite(array).all():
        return told | {"values": array.ravel().tolist()}
    first = array[: max(_TRIED // math.prod(array.shape[1:]), 1)] if array.ndim else array
    order = min(range(_MAX_ORDER + 1), key=lambda order: len(_deflated(first, order)))
    return told | {"packed": base64.b64encode(_deflated(array, order)).decode()}


def unpack_array(data: Mapping[str, Any], shape: Sequence[int]) -> np.ndarray:
    """The array that `pack_array` described.

    Args:
        data: what it gave; it may come from a file of any origin.
        shape: of the array.

    Raises:
        InrError: what describes no array of this shape.
    """
    try:
        if data["dtype"] == "str":
            return np.array([str(each) for each in data["values"]]).reshape(shape)
        dtype = _dtype(data["dtype"])
        if math.prod(shape) * dtype.itemsize > _MAX_UNPACKED:
            raise InrError(f"a description of {tuple(shape)} numbers is too large")
        if "start" in data:
            numbers = _regular(data["start"], data["step"], math.prod(shape), dtype, data.get("decimals"))
            return numbers.reshape(shape)
        if "values" in data:
            return np.array(data["values"], dtype).reshape(shape)
        return _inflated(base64.b64decode(data["packed"], validate=True), dtype, shape)
    except InrError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, IndexError, zlib.error) as error:
        raise InrError(f"not the description of {tuple(shape)} numbers: {error!r}") from error


def pack_attributes(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes as plain JSON.

    Args:
        attributes: by name: strings, numbers, and arrays of them, of Python or numpy; what else there is becomes text.

    Returns:
        What `unpack_attributes` reads, types of numpy included.
    """
    return {str(name): _packed_attribute(value) for name, value in attributes.items()}


def unpack_attributes(data: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that `pack_attributes` described.

    Args:
        data: what it gave; it may come from a file of any origin.

    Raises:
        InrError: what describes no attributes.
    """
    try:
        return {name: _unpacked_attribute(value) for name, value in data.items()}
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise InrError(f"not the description of attributes: {error!r}") from error


def _packed_attribute(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic) and value.dtype.name in _NUMBERS:
        return {value.dtype.name: _finite(value.tolist())}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float64": str(value)}
    if value is None or isinstance(value, str | bool | int | float):
        return str(value) if isinstance(value, np.generic) else value
    if isinstance(value, list | tuple | np.ndarray):
        return [_packed_attribute(each) for each in value]
    return str(value)


def _unpacked_attribute(value: Any) -> Any:
    if isinstance(value, dict):
        ((name, numbers),) = value.items()
        return np.array(numbers).astype(_dtype(name))[()]
    return [_unpacked_attribute(each) for each in value] if isinstance(value, list) else value


def _finite(numbers: Any) -> Any:
    """Numbers as JSON has them: NaN and infinity as text, which numpy reads."""
    if isinstance(numbers, list):
        return [_finite(number) for number in numbers]
    return numbers if math.isfinite(numbers) else str(numbers)


def _dtype(name: Any) -> np.dtype:
    if name not in _NUMBERS:
        raise ValueError(f"{name!r} is no type of numbers")
    return np.dtype(name)


def _start_and_step(array: np.ndarray) -> dict[str, Any] | None:
    """Of evenly spaced numbers, so that every one is exact, perhaps as the nearest to one of so many decimals."""
    if array.dtype.kind == "b" or not np.isfinite(array).all():
        return None
    candidates: list[dict[str, Any]]
    if array.dtype.kind in "iu":
        candidates = [{"start": int(array[0]), "step": int(array[1]) - int(array[0])}]
    else:
        # as decimals, which is how such numbers were mostly made
        first, second, last = (float(str(array[place])) for place in (0, 1, -1))
        steps = [second - first, (last - first) / (len(array) - 1)]
        steps = [*(float(f"{step:.9g}") for step in steps), *steps]
        candidates = [{"start": start, "step": step} for start in (first, float(array[0])) for step in steps]
        candidates += [{"start": first, "step": step, "decimals": _DECIMALS} for step in steps]
    for found in candidates:
        try:
            if np.array_equal(_regular(**found, count=len(array), dtype=array.dtype), array):
                return found
        except OverflowError:
            return None
    return None


def _regular(start: float, step: float, count: int, dtype: np.dtype, decimals: int | None = None) -> np.ndarray:
    wide: Any = np.int64 if dtype.kind in "iu" else np.float64
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = wide(start) + wide(step) * np.arange(count, dtype=wide)
        return (numbers if decimals is None else np.round(numbers, decimals)).astype(dtype)


def _deflated(array: np.ndarray, order: int) -> bytes:
    """An order, then bytes of equal weight side by side, of the numbers' bits less their neighbours' so many times."""
    bits = array.view(f"u{array.dtype.itemsize}")
    for axis in [*range(array.ndim)] * order:
        bits = np.diff(bits, axis=axis, prepend=bits.dtype.type(0))
    planes = np.ascontiguousarray(bits).reshape(-1, 1).view(np.uint8).T
    packer = zlib.compressobj(9, wbits=-15)
    return bytes([order]) + packer.compress(planes.tobytes()) + packer.flush()


def _inflated(packed: bytes, dtype: np.dtype, shape: Sequence[int]) -> np.ndarray:
    size = math.prod(shape) * dtype.itemsize
    planes = zlib.decompressobj(wbits=-15).decompress(packed[1:], size + 1)  # however much a crafted file would give
    if len(planes) != size or packed[0] > _MAX_ORDER:
        raise ValueError(f"{len(packed)} bytes are not {size}, deflated")
    bytewise = np.frombuffer(planes, np.uint8).reshape(dtype.itemsize, -1).T
    bits = np.ascontiguousarray(bytewise).view(f"u{dtype.itemsize}").reshape(shape)
    for axis in [*range(len(shape))] * packed[0]:
        bits = np.cumsum(bits, axis=axis, dtype=bits.dtype)
    return bits.view(dtype)
