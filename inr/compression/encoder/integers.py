"""Encodes arrays of integers; `inr.compression.bitstream.integers` decodes them."""

from collections.abc import Sequence

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.frequency_tables import MAX_INTEGER, MIN_INTEGER
from inr.compression.bitstream.integers import decode_arrays, largest_first
from inr.compression.bitstream.models import RecentTables
from inr.compression.bitstream.stream import Writer
from inr.compression.encoder.model_choice import choose


def encode_integers(values: np.ndarray) -> bytes:
    """Integers as few bytes; the same bytes for equal values on every machine. An empty array takes none.

    Args:
        values: integers or booleans of any shape, from -2^31 to 2^31 - 1. Shape and type are not kept.

    Returns:
        What `inr.compression.decode_integers` reads.

    Raises:
        InrError: other values.

    >>> len(inr.compression.encode_integers(np.zeros(1000, dtype=np.int64)))
    3
    """
    return encode_arrays([values])


def encode_arrays(arrays: Sequence[np.ndarray]) -> bytes:
    """Several arrays as `encode_integers` does one. They share tables where that is smaller, whatever their order."""
    flat = [_checked(array) for array in arrays]
    header, writer, tables = bytearray(), Writer(), RecentTables()
    for values in largest_first(flat):
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


def _checked(array: np.ndarray) -> np.ndarray:
    """One dimension of int64."""
    if array.dtype.kind not in "biu":
        raise InrError(f"integers are coded, not {array.dtype}")
    if array.size and (int(array.min()) < MIN_INTEGER or int(array.max()) > MAX_INTEGER):
        raise InrError(f"{array.min()} to {array.max()} are no integers of 32 bits")
    return np.ascontiguousarray(array, dtype=np.int64).reshape(-1)
