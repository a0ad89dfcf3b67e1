"""Arrays of integers as few bytes, and back."""

from collections.abc import Sequence

import numpy as np

from inr._errors import InrError, MissingExtra
from inr.compression.bitstream.models import Model, Tables
from inr.compression.bitstream.stream import CHUNK, Cursor, Reader, Writer
from inr.compression.bitstream.tables import HIGHEST, LOWEST
from inr.compression.encoder.model_choice import choose

DEFAULT_LIMIT = 1 << 30


def encode_integers(values: np.ndarray) -> bytes:
    """Integers as few bytes; the same bytes for equal values on every machine. An empty array takes none.

    Args:
        values: integers or booleans of any shape, from -2^31 to 2^31 - 1. Shape and type are not kept.

    Raises InrError for other values.
    """
    return encode_arrays([values])


def decode_integers(data: bytes | bytearray | memoryview, count: int, *, limit: int = DEFAULT_LIMIT) -> np.ndarray:
    """What `encode_integers` was given.

    Args:
        data: what it returned.
        count: how many values that were.
        limit: most bytes that the array may take; tables and buffers take 48 MiB and 8 times the data at most besides.

    Returns:
        int32 values in one dimension.

    Raises InrError for data that `encode_integers` did not return for `count` values, as far as that can be told: most
    altered data still decode, to other values. Files have checksums for this.
    """
    if count < 0:
        raise InrError(f"{count} values cannot be decoded")
    if 4 * count > limit:
        raise InrError(f"{count} values take {4 * count} bytes, more than the limit of {limit}")
    values = np.empty(count, dtype=np.int32)
    try:
        decode_arrays(data, [values])
    except MissingExtra:
        raise
    except InrError as error:
        raise InrError(f"coded integers are damaged: {error}") from error
    return values


def encode_arrays(arrays: Sequence[np.ndarray]) -> bytes:
    """Several arrays as `encode_integers` does one. They share tables where that is smaller, whatever their order."""
    flat = [_checked(array) for array in arrays]
    header, writer, tables = bytearray(), Writer(), Tables()
    for values in _largest_first(flat):
        choice = choose(values, tables)
        header += choice.model.header()
        choice.write(writer, values)
        if choice.table:
            tables.add(choice.table, choice.tabled)
    data = bytes(header) + writer.finish()
    again = [np.empty(values.size, dtype=np.int32) for values in flat]
    decode_arrays(data, again)
    if not all(map(np.array_equal, again, flat)):
        raise RuntimeError("integers did not survive their coding; please report this as a bug of inr")
    return data


def decode_arrays(data: bytes | bytearray | memoryview, arrays: Sequence[np.ndarray]) -> None:
    """Fill contiguous arrays with what `encode_arrays` was given; raises InrError as `decode_integers` does."""
    cursor = Cursor(memoryview(data).cast("B"))
    filled = _largest_first([array.reshape(-1) for array in arrays])
    models = [Model.parse(cursor, array.size) for array in filled]
    reader, tables = Reader(cursor.rest()), Tables()
    for model, array in zip(models, filled, strict=True):
        _decode(reader, model, tables, array)
    reader.finish()


def _largest_first(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The order of coding, in which small arrays find the large ones' tables; empty ones are left out."""
    return sorted((array for array in arrays if array.size), key=lambda array: -array.size)


def _decode(reader: Reader, model: Model, tables: Tables, array: np.ndarray) -> None:
    body = model.read_body(reader, tables)
    places, apart = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if model.outliers:
        places, apart = model.outliers.read(reader, array.size)
    reader.claim(array.size - places.size, body.least)
    lowest, highest = (0, 1) if array.dtype == np.bool_ else (np.iinfo(array.dtype).min, np.iinfo(array.dtype).max)
    for start in range(0, array.size, CHUNK):
        chunk = array[start : start + CHUNK]
        here = slice(*np.searchsorted(places, [start, start + CHUNK]))
        inside = np.ones(chunk.size, dtype=bool)
        inside[places[here] - start] = False
        values = np.empty(chunk.size, dtype=np.int64)
        values[inside] = body.read(reader, int(inside.sum()))
        values[~inside] = apart[here]
        if values.min() < lowest or values.max() > highest:
            raise InrError(f"it holds a value that is no {array.dtype}")
        chunk[:] = values


def _checked(array: np.ndarray) -> np.ndarray:
    """One dimension of int64."""
    if array.dtype.kind not in "biu":
        raise InrError(f"integers are coded, not {array.dtype}")
    if array.size and (int(array.min()) < LOWEST or int(array.max()) > HIGHEST):
        raise InrError(f"{array.min()} to {array.max()} are no integers of 32 bits")
    return np.ascontiguousarray(array, dtype=np.int64).reshape(-1)
