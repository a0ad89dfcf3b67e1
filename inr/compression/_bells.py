"""Weights as integers, each tensor with a bell of its own of which only the width is told: for small networks.

Bytes: the width in bits of the steps' offsets, and 16 times that of the scales'; the signed lowest step index; the
lowest scale. Then symbols: each tensor's step index less the lowest, each one's scale less the lowest, and the
integers, tensor by tensor. A scale j stands for a bell about 0 of scale 2j (see `inr.compression._symbols`), which
reaches to four times the next power of two.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from inr._errors import InrError
from inr.compression._entropy_stream import CHUNK, Cursor, Reader, Writer, signed
from inr.compression._symbols import Table, bell_table

# the widest bell reaches to 2^15
_SCALES = 69
_WIDEST = 15


def encode_bells(steps: Sequence[int], arrays: Sequence[np.ndarray], shape: int) -> bytes | None:
    """Step indices and int64 arrays as bytes, with bells of a shape; None where one is too wide for them."""
    scales = [_best_scale(array, shape) for array in arrays]
    found = [scale for scale in scales if scale is not None]
    widths = (max(steps) - min(steps)).bit_length(), (max(found, default=0) - min(found, default=0)).bit_length()
    if len(found) < len(scales) or widths[0] > _WIDEST:
        return None
    writer = Writer()
    writer.bits(widths[0], np.array(steps, dtype=np.int64) - min(steps))
    writer.bits(widths[1], np.array(found, dtype=np.int64) - min(found))
    for scale, array in zip(found, arrays, strict=True):
        writer.symbols(_table(scale, shape), array)
    return bytes([widths[0] | widths[1] << 4]) + signed(min(steps)) + bytes([min(found)]) + writer.finish()


def decode_bells(data: memoryview, sizes: Sequence[int], shape: int) -> tuple[list[int], list[np.ndarray]]:
    """Step indices, and int64 arrays of these sizes; raises InrError for bytes that do not hold them."""
    cursor = Cursor(data)
    widths, step, lowest = cursor.byte(), cursor.signed(), cursor.byte()
    reader = Reader(cursor.rest())
    steps = (step + reader.bits(widths & 15, len(sizes))).tolist()
    scales = (lowest + reader.bits(widths >> 4, len(sizes))).tolist()
    if max(scales) >= _SCALES:
        raise InrError(f"there is no bell of scale {max(scales)}")
    arrays = []
    for scale, size in zip(scales, sizes, strict=True):
        table = _table(scale, shape)
        reader.claim(size, table.least)
        parts = [reader.symbols(table, min(CHUNK, size - start)) for start in range(0, size, CHUNK)]
        arrays.append(np.concatenate([np.zeros(0, dtype=np.int64), *parts]))
    reader.finish()
    return steps, arrays


def _best_scale(array: np.ndarray, shape: int) -> int | None:
    """The scale by which the array takes the fewest bits."""
    symbols, counts = np.unique(array, return_counts=True)
    farthest = max((abs(int(symbol)) for symbol in symbols[[0, -1]]), default=0) if array.size else 0
    wide = [scale for scale in range(_SCALES) if _reach(scale) >= farthest]
    if not wide or not array.size:
        return wide[0] if wide else None
    # costs fall and rise again over the scale
    best, cost = wide[0], _table(wide[0], shape).cost(symbols, counts)
    for scale in wide[1:]:
        found = _table(scale, shape).cost(symbols, counts)
        if found >= cost:
            break
        best, cost = scale, found
    return best


def _reach(scale: int) -> int:
    return 4 << max(-(-(2 * scale - 32) // 8), 0)


@cache
def _table(scale: int, shape: int) -> Table:
    return bell_table(-_reach(scale), _reach(scale), 0, shape, 2 * scale)
