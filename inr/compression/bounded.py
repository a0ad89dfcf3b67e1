"""Arrays as few bytes, of which no value is off by more than a bound, wherever they are decoded."""

import base64
import binascii
import math
import threading

import numpy as np
from jaxtyping import Shaped

from inr._errors import DamagedFile, InrError
from inr.compression import latent_files
from inr.compression.integer_sections import CODING
from inr.container import GIB, Contents, Section, dumps, loads
from inr.signals import GridSignal, from_array, unpack_missing

_MARGIN = 1e-3  # by how much a step is shorter than twice the bound: what rounding takes away
_LEAST_SAMPLES, _LEAST_SIDE = 4_096, 16  # of an array from which networks take less than they bring
_MOST_STEPS = 2**28  # from zero, so that differences are integers of 32 bits
_LEAST_RANGE = float(np.finfo(np.float32).tiny)
_LARGEST = {"b": 0.0, "i": 2.0**53, "u": 2.0**53, "f": float(np.finfo(np.float32).max) / 4}
_one_fit = threading.Lock()  # which takes all cores, where others may pack many arrays at once


def pack_bounded(
    values: Shaped[np.ndarray, "*shape"], bound: float, *, preset: str | None = None, steps: int | None = None
) -> bytes:
    """The shortest of a few .inr files that hold an array within a bound; each was decoded to see that it does.

    - One of codec "latent", a fitted field with corrections of values that it misses: of all but small arrays.
    - Values rounded to multiples of twice the bound: their differences, entropy-coded.
    - Values without loss, which is what arrays with infinities have, and those with numbers above 2^53 or 8e37.

    All are decoded by integers and single operations of float64, to the same bits on every machine. Missing values
    (NaN) come back as such.

    Args:
        values: truth values, integers or floats of up to 64 bits; an array of several axes as rows of its last.
        bound: the largest error; 0 for none.
        preset, steps: how long is fitted, see `inr.compress`; 0 steps: no field is tried. Steps give equal bytes on one
            machine and number of threads, which seconds do not.

    Returns:
        What `unpack_bounded` reads. Shapes are not kept.

    Raises:
        InrError: values of another type.

    >>> from inr.compression import pack_bounded, unpack_bounded
    >>> data = pack_bounded(np.linspace(0, 1, 500), 0.01)
    >>> len(data) < 400, bool(np.abs(unpack_bounded(data, np.float64) - np.linspace(0, 1, 500)).max() <= 0.01)
    (True, True)
    """
    _check(values.dtype)
    sides = [side for side in values.shape if side > 1]
    rows = np.ascontiguousarray(values, values.dtype.newbyteorder("=")).reshape(-1, sides[-1] if sides else 1)
    found = [_exact(rows)]
    if bound > 0 and _is_lossy(rows):
        signal = from_array(rows)
        others = (_rounded(signal, bound), _fitted(signal, bound, preset, steps))
        found += [each for each in others if each and _holds(rows, unpack_bounded(each, rows.dtype), bound)]
    return min(found, key=len)


def unpack_bounded(
    data: bytes | bytearray | memoryview, dtype: np.dtype | type, *, max_bytes: int = GIB
) -> Shaped[np.ndarray, " n"]:
    """What `pack_bounded` was given, within its bound.

    Args:
        data: what it returned.
        dtype: of the values.
        max_bytes: about how many bytes may be allocated.

    Returns:
        The values in order.

    Raises:
        DamagedFile: bytes that do not hold together, or none of values of this type.
    """
    contents = loads(data, max_bytes=max_bytes)
    if contents.damaged:  # which other readers can do without, but the bound cannot
        raise DamagedFile(f"section '{contents.damaged[0]}' is damaged or missing", contents.damaged[0])
    if latent_files.is_latent(contents.header):
        values = latent_files.without_missing(*latent_files.samples_of(contents, max_bytes=max_bytes))
    elif "rounded" in contents.header:
        values = _multiples(contents)
    else:
        from inr.compression.api import decompress

        values = decompress(data, max_bytes=max_bytes).view(f"u{np.dtype(dtype).itemsize}").view(dtype)
    if values.dtype != dtype:
        raise DamagedFile(f"it holds values of {values.dtype}, not {np.dtype(dtype)}", "header")
    return values.reshape(-1)


def _check(dtype: np.dtype) -> None:
    if dtype.kind not in _LARGEST or dtype.itemsize > 8:
        raise InrError(f"truth values, integers and floats of up to 64 bits are packed within a bound, not {dtype}")


def _is_lossy(rows: np.ndarray) -> bool:
    """Whether something can be lost, and is worth losing: not of constants, infinities, and what floats do not hold."""
    known = rows[~np.isnan(rows)] if rows.dtype.kind == "f" else rows
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    return high - low > _LEAST_RANGE and max(-low, high) < _LARGEST[rows.dtype.kind]


def _holds(rows: np.ndarray, decoded: np.ndarray, bound: float) -> bool:
    difference = np.abs(rows.ravel().astype(np.float64) - decoded)
    missing = np.isnan(difference)
    return np.array_equal(missing, np.isnan(rows.ravel())) and bool(difference[~missing].max() <= bound)


def _exact(rows: np.ndarray) -> bytes:
    from inr.compression.api import compress

    return compress(from_array(rows.view(f"u{rows.itemsize}")), codec="samples")


def _fitted(signal: GridSignal, bound: float, preset: str | None, steps: int | None) -> bytes | None:
    from inr.compression.api import compress_and_measure

    if steps == 0 or signal.size < _LEAST_SAMPLES or min(signal.array.shape[:2]) < _LEAST_SIDE:
        return None
    try:
        with _one_fit:
            return compress_and_measure(signal, codec="latent", max_error=bound, preset=preset, steps=steps).data
    except InrError:  # a range that it does not take
        return None


def _rounded(signal: GridSignal, bound: float) -> bytes | None:
    values = signal.array[..., 0]
    step = 2 * bound * (1 - _MARGIN) if values.dtype.kind == "f" else 2.0 * math.floor(bound) + 1
    if not np.abs(values.astype(np.float64)).max() < _MOST_STEPS * step:
        return None
    counts = np.rint(values.astype(np.float64) / step).astype(np.int32)
    told = {"dtype": values.dtype.name, "step": step}
    if signal.domain.missing:
        told["missing"] = base64.b64encode(signal.domain.missing).decode()
    across = np.diff(counts, axis=1, prepend=np.int32(0))
    both = np.diff(across, axis=0, prepend=np.int32(0))
    files = ((told, across), (told | {"both": True}, both))
    return min((dumps({"rounded": each}, [Section("base", {"n": n}, CODING)]) for each, n in files), key=len)


def _multiples(contents: Contents) -> np.ndarray:
    """The values of a file of `_rounded`."""
    try:
        told, counts = contents.header["rounded"], contents.sections["base"].tensors["n"]
        dtype, step = np.dtype(told["dtype"]), float(told["step"])
        _check(dtype)
        for axis in (0, 1) if told.get("both") else (1,):
            counts = counts.cumsum(axis=axis, dtype=np.int32)
        values = counts * step
        if dtype.kind != "f":
            values = values.clip(float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))
        with np.errstate(over="ignore"):
            values = values.astype(dtype)
        if "missing" in told:
            values[unpack_missing(base64.b64decode(told["missing"], validate=True), values.shape)] = np.nan
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise DamagedFile(f"its header describes no rounded values: {error}", "header") from error
    return values
