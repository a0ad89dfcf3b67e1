"""Samples of a grid that are not there: which, kept in few bytes, and what stands in their place."""

import functools
import lzma
import math
import zlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int, Shaped

from inr._errors import InrError

MAX_BYTES = 1 << 19
"""Most bytes that tell which samples are missing: they are kept in a file's header."""
_MAX_UNPACKED = 1 << 29
_DEFLATE, _LZMA = range(2)
_DIFFERENCES = 4  # flag: of rows from the row before
_FILTERS = [{"id": lzma.FILTER_LZMA2, "lc": 0, "lp": 0, "pb": 0, "dict_size": 1 << 24}]


def pack_missing(missing: Bool[np.ndarray, "*shape"]) -> bytes:
    """Which samples are missing, in few bytes.

    Args:
        missing: of the grid's shape.

    Returns:
        What `unpack_missing` reads; nothing where no sample is missing.

    Raises:
        InrError: more than MAX_BYTES.
    """
    if not missing.any():
        return b""
    rows = missing.reshape(-1, missing.shape[-1])
    found = []
    for flag in (0, _DIFFERENCES):
        bits = np.packbits(_differences(rows) if flag else rows)
        packer = zlib.compressobj(9, wbits=-15)
        found.append(bytes([flag | _DEFLATE]) + packer.compress(bits.data) + packer.flush())
        found.append(bytes([flag | _LZMA]) + lzma.compress(bits.data, lzma.FORMAT_RAW, filters=_FILTERS))
    shortest = min(found, key=len)
    if len(shortest) > MAX_BYTES:
        raise InrError(
            f"which samples are missing takes {len(shortest):,} bytes, and a file keeps at most {MAX_BYTES:,}; "
            "fill the isolated ones first"
        )
    return shortest


@functools.lru_cache(maxsize=8)
def unpack_missing(packed: bytes, shape: Sequence[int]) -> Bool[np.ndarray, "*shape"]:
    """Which samples are missing.

    Args:
        packed: what `pack_missing` gave, not empty; it may come from a file of any origin.
        shape: of the grid, without channels.

    Returns:
        True where a sample is missing, read-only.

    Raises:
        InrError: bytes that describe no such grid.
    """
    count = math.prod(shape)
    size = -(-count // 8)
    try:
        bits = _unpacked(packed, size) if size <= _MAX_UNPACKED else b""
    except (zlib.error, lzma.LZMAError) as error:
        raise InrError(f"which samples are missing cannot be read: {error}") from error
    if len(bits) != size:
        raise InrError(f"{len(packed):,} bytes do not tell which of {count:,} samples are missing")
    rows = np.unpackbits(np.frombuffer(bits, np.uint8), count=count).astype(bool).reshape(-1, shape[-1])
    missing = (np.logical_xor.accumulate(rows, axis=0) if packed[0] & _DIFFERENCES else rows).reshape(shape)
    missing.flags.writeable = False
    return missing


def _unpacked(packed: bytes, size: int) -> bytes:
    """At most one byte more than `size`, however much a crafted file would unpack to."""
    if packed[0] & 1 == _DEFLATE:
        return zlib.decompressobj(wbits=-15).decompress(packed[1:], size + 1)
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS).decompress(packed[1:], size + 1)


def _differences(rows: Bool[np.ndarray, "n width"]) -> Bool[np.ndarray, "n width"]:
    differing = rows.copy()
    differing[1:] ^= rows[:-1]
    return differing


def nan_samples(samples: Shaped[np.ndarray, "*shape c"]) -> Bool[np.ndarray, "*shape"] | None:
    """Which samples have a channel that is NaN; None where no sample has, for which no mask is made.

    Args:
        samples: (…, C) of any type, not empty.
    """
    if samples.dtype.kind != "f" or not np.isnan(samples.min()):
        return None
    return np.isnan(samples).any(axis=-1)


def nearest_present(missing: Bool[np.ndarray, "*shape"]) -> tuple[Int[np.ndarray, " n"], ...]:
    """Where the nearest sample that is there lies, for each missing one in order: indices by axis, as `nonzero` gives.

    Args:
        missing: of the grid's shape, not True everywhere.
    """
    from scipy.ndimage import distance_transform_edt

    indices = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return tuple(index[missing] for index in indices)


def filled(
    array: Shaped[np.ndarray, "*shape c"], missing: Bool[np.ndarray, "*shape"]
) -> Shaped[np.ndarray, "*shape c"]:
    """A copy in which each missing sample has the values of the nearest that is there.

    Args:
        array: (…, C) of any type.
        missing: of the grid's shape, not True everywhere.
    """
    complete = array.copy()
    complete[missing] = array[nearest_present(missing)]
    return complete


def missing_at(
    missing: Bool[np.ndarray, "*shape"], shape: Sequence[int], box: Sequence[tuple[float, float]] | None = None
) -> Bool[np.ndarray, "*other"]:
    """Which samples of another grid have their centre in the cell of a missing one.

    Args:
        missing: of the signal's own grid.
        shape: samples per axis of the other grid, in array order.
        box: (low, high) per axis in coordinate order, within which the other grid's cells lie; [-1, 1] by default.
    """
    ends = reversed(box) if box is not None else [(-1.0, 1.0)] * len(shape)
    places = []
    for own, count, (low, high) in zip(missing.shape, shape, ends, strict=True):
        coords = low + (np.arange(count) + 0.5) * ((high - low) / count)
        places.append(np.clip(np.floor((coords + 1) / 2 * own).astype(np.int64), 0, own - 1))
    return missing[np.ix_(*places)]
