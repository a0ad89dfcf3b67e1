"""Weights as integers, each tensor with a bell of its own of which only the width is told: for small networks.

Bytes: the width in bits of the steps' offsets, and 16 times that of the scales'; the signed lowest step index; the
lowest scale. Then symbols: each tensor's step index less the lowest, each one's scale less the lowest, and the
integers, tensor by tensor. A scale j stands for a bell about 0 of scale 2j (see `inr.compression.bitstream.tables`),
which reaches to four times the next power of two; for tensors with nothing below 0, for its upper half.
"""

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.stream import CHUNK, Cursor, Reader, Writer, signed
from inr.compression.bitstream.tables import Table, bell_table

# the widest bell reaches to 2^15
_SCALES = 69
_REACHES = [4 << max(-(-(2 * scale - 32) // 8), 0) for scale in range(_SCALES)]
# bits of the steps' offsets, at most
_WIDEST = 15


def encode_bells(
    steps: Sequence[int], arrays: Sequence[np.ndarray], halves: Sequence[bool], shapes: Iterable[int]
) -> tuple[int, bytes] | None:
    """Step indices and int64 arrays as bytes, with the best of the shapes; None where one is too wide for bells.

    Args:
        halves: of each array, whether it has nothing below 0, and half a bell.
    """
    counts = [np.unique(array, return_counts=True) for array in arrays]
    narrow = all(np.abs(symbols[[0, -1]]).max() <= _REACHES[-1] for symbols, _ in counts if symbols.size)
    if not narrow or too_far_apart(steps):
        return None
    chosen = {
        shape: [_best_scale(*each, shape, half) for each, half in zip(counts, halves, strict=True)] for shape in shapes
    }
    shape = min(chosen, key=lambda shape: sum(cost for _, cost in chosen[shape]))
    scales = [scale for scale, _ in chosen[shape]]
    header, writer = begin(steps, scales)
    for scale, array, half in zip(scales, arrays, halves, strict=True):
        writer.symbols(_table(scale, shape, half), array)
    data = header + writer.finish()
    again_steps, again = decode_bells(memoryview(data), [array.size for array in arrays], halves, shape)
    if again_steps != list(steps) or not all(map(np.array_equal, again, arrays)):
        raise RuntimeError("weights did not survive their coding; please report this as a bug of inr")
    return shape, data


def decode_bells(
    data: memoryview, sizes: Sequence[int], halves: Sequence[bool], shape: int
) -> tuple[list[int], list[np.ndarray]]:
    """Step indices, and int64 arrays of these sizes; raises InrError for bytes that do not hold them."""
    reader, steps, scales = read_beginning(data, len(sizes), _SCALES)
    arrays = []
    for scale, size, half in zip(scales, sizes, halves, strict=True):
        table = _table(scale, shape, half)
        reader.claim(size, table.least)
        parts = [reader.symbols(table, min(CHUNK, size - start)) for start in range(0, size, CHUNK)]
        arrays.append(np.concatenate([np.zeros(0, dtype=np.int64), *parts]))
    reader.finish()
    return steps, arrays


def too_far_apart(steps: Sequence[int]) -> bool:
    """Whether a beginning cannot hold these step indices."""
    return max(steps) - min(steps) >= 1 << _WIDEST


def begin(steps: Sequence[int], scales: Sequence[int]) -> tuple[bytes, Writer]:
    """What comes before the symbols, and a writer of these, which has steps and scales."""
    widths = (max(steps) - min(steps)).bit_length(), (max(scales) - min(scales)).bit_length()
    writer = Writer()
    for width, numbers in zip(widths, (steps, scales), strict=True):
        writer.bits(width, np.array(numbers, dtype=np.int64) - min(numbers))
    return bytes([widths[0] | widths[1] << 4]) + signed(min(steps)) + bytes([min(scales)]), writer


def read_beginning(data: memoryview, count: int, limit: int) -> tuple[Reader, list[int], list[int]]:
    """The inverse of `begin` for so many steps and scales; raises InrError for scales from a limit on."""
    cursor = Cursor(data)
    widths, step, lowest = cursor.byte(), cursor.signed(), cursor.byte()
    reader = Reader(cursor.rest())
    steps = (step + reader.bits(widths & 15, count)).tolist()
    scales = (lowest + reader.bits(widths >> 4, count)).tolist()
    if max(scales) >= limit:
        raise InrError(f"there is no bell of scale {max(scales)}")
    return reader, steps, scales


def _best_scale(symbols: np.ndarray, counts: np.ndarray, shape: int, half: bool) -> tuple[int, int]:
    """The scale by which these symbols take the fewest bits, and those, in units of 2^-16."""
    if not symbols.size:
        return 0, 0
    best = int(np.searchsorted(_REACHES, np.abs(symbols[[0, -1]]).max()))
    cost = _table(best, shape, half).cost(symbols, counts)
    for scale in range(best + 1, _SCALES):  # costs fall and rise again
        found = _table(scale, shape, half).cost(symbols, counts)
        if found >= cost:
            break
        best, cost = scale, found
    return best, cost


@cache
def _table(scale: int, shape: int, half: bool) -> Table:
    return bell_table(0 if half else -_REACHES[scale], _REACHES[scale], 0, shape, 2 * scale)
