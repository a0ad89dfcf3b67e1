"""Decodes arrays of integers; `inr.compression.encoder.integers` encodes them."""

from collections.abc import Sequence

import numpy as np

from inr._errors import InrError, MissingExtra
from inr.compression.bitstream.models import Model, RecentTables
from inr.compression.bitstream.stream import CHUNK, Cursor, Reader

DEFAULT_MAX_BYTES = 1 << 30


def decode_integers(
    data: bytes | bytearray | memoryview, count: int, *, max_bytes: int = DEFAULT_MAX_BYTES
) -> np.ndarray:
    """What `inr.compression.encode_integers` was given.

    Args:
        data: what it returned.
        count: how many values that were.
        max_bytes: most bytes that the array may take; tables and buffers take 48 MiB and 8 times the data besides.

    Returns:
        int32 values in one dimension.

    Raises:
        InrError: data that `encode_integers` did not return for `count` values, as far as that can be told: most
            altered data still decode, to other values. Files have checksums for this.

    >>> from inr.compression import decode_integers, encode_integers
    >>> decode_integers(encode_integers(np.array([3, -1, 4])), 3)
    array([ 3, -1,  4], dtype=int32)
    """
    if count < 0:
        raise InrError(f"{count} values cannot be decoded")
    if 4 * count > max_bytes:
        raise InrError(f"{count} values take {4 * count} bytes, more than the limit of {max_bytes}")
    values = np.empty(count, dtype=np.int32)
    try:
        decode_arrays(data, [values])
    except MissingExtra:
        raise
    except InrError as error:
        raise InrError(f"coded integers are damaged: {error}") from error
    return values


def decode_arrays(data: bytes | bytearray | memoryview, arrays: Sequence[np.ndarray]) -> None:
    """Fill contiguous arrays with what `encode_arrays` was given; raises InrError as `decode_integers` does."""
    cursor = Cursor(memoryview(data).cast("B"))
    filled = largest_first([array.reshape(-1) for array in arrays])
    models = [Model.parse(cursor, array.size) for array in filled]
    reader, tables = Reader(cursor.rest()), RecentTables()
    for model, array in zip(models, filled, strict=True):
        _decode(reader, model, tables, array)
    reader.finish()


def largest_first(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The order of coding, in which small arrays find the large ones' tables; empty ones are left out."""
    return sorted((array for array in arrays if array.size), key=lambda array: -array.size)


def _decode(reader: Reader, model: Model, tables: RecentTables, array: np.ndarray) -> None:
    coding = model.read_coding(reader, tables)
    places, outliers = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if model.outliers:
        places, outliers = model.outliers.read(reader, array.size)
    reader.claim(array.size - places.size, coding.least)
    lowest, highest = (0, 1) if array.dtype == np.bool_ else (np.iinfo(array.dtype).min, np.iinfo(array.dtype).max)
    for start in range(0, array.size, CHUNK):
        chunk = array[start : start + CHUNK]
        here = slice(*np.searchsorted(places, [start, start + CHUNK]))
        inside = np.ones(chunk.size, dtype=bool)
        inside[places[here] - start] = False
        values = np.empty(chunk.size, dtype=np.int64)
        values[inside] = coding.read(reader, int(inside.sum()))
        values[~inside] = outliers[here]
        if values.min() < lowest or values.max() > highest:
            raise InrError(f"it holds a value that is no {array.dtype}")
        chunk[:] = values
