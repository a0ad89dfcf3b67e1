"""Weights as integers under one generalised Gaussian model per tensor: for small networks.

Bytes: the width in bits of the steps' offsets, and 16 times that of the scales' offsets; the signed lowest step index;
the lowest scale. Then symbols: each tensor's step index less the lowest, each tensor's scale less the lowest, and the
integers, tensor by tensor. A scale j stands for the distribution about 0 of scale 2j (see
`inr.compression.bitstream.frequency_tables`) that reaches to four times the next power of two; for one-sided tensors,
which have nothing below 0, for its upper half.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.frequency_tables import FrequencyTable, generalised_gaussian_table
from inr.compression.bitstream.stream import Cursor, Reader, Writer, signed

# The widest distribution reaches to 2^15.
SCALES = 69
REACHES = [4 << max(-(-(2 * scale - 32) // 8), 0) for scale in range(SCALES)]
# Most bits of the steps' offsets from the lowest one.
_MAX_OFFSET_BITS = 15


def write_tensors(
    steps: Sequence[int],
    scales: Sequence[int],
    arrays: Sequence[np.ndarray],
    one_sided: Sequence[bool],
    shape: int,
) -> bytes:
    """The inverse of `read_tensors`.

    Args:
        steps: of each tensor the index of its step; see `steps_fit`.
        scales: of each tensor the index of its model's scale, below `SCALES`.
        arrays: int64 (n,) each, of magnitudes up to the scale's reach, `REACHES`.
        one_sided: of each tensor whether it has nothing below 0.
        shape: index of the models' exponent in `frequency_tables.SHAPES`.
    """
    header, writer = write_beginning(steps, scales)
    for scale, array, half in zip(scales, arrays, one_sided, strict=True):
        writer.symbols(tensor_table(scale, shape, half), array)
    return header + writer.finish()


def read_tensors(
    data: memoryview, sizes: Sequence[int], one_sided: Sequence[bool], shape: int
) -> tuple[list[int], list[np.ndarray]]:
    """Step indices, and an int64 array (n,) for each of these sizes.

    Raises:
        InrError: bytes that do not hold them.
    """
    reader, steps, scales = read_beginning(data, len(sizes), SCALES)
    arrays = [
        reader.all_symbols(tensor_table(scale, shape, half), size)
        for scale, size, half in zip(scales, sizes, one_sided, strict=True)
    ]
    reader.finish()
    return steps, arrays


def steps_fit(steps: Sequence[int]) -> bool:
    """Whether these step indices are near enough to each other for `write_beginning`."""
    return max(steps) - min(steps) < 1 << _MAX_OFFSET_BITS


def write_beginning(steps: Sequence[int], scales: Sequence[int]) -> tuple[bytes, Writer]:
    """The bytes that come before the symbols, and a writer of symbols that has been given steps and scales."""
    widths = (max(steps) - min(steps)).bit_length(), (max(scales) - min(scales)).bit_length()
    writer = Writer()
    for width, numbers in zip(widths, (steps, scales), strict=True):
        writer.bits(width, np.array(numbers, dtype=np.int64) - min(numbers))
    return bytes([widths[0] | widths[1] << 4]) + signed(min(steps)) + bytes([min(scales)]), writer


def read_beginning(data: memoryview, count: int, scales: int) -> tuple[Reader, list[int], list[int]]:
    """The inverse of `write_beginning` for `count` steps and scales.

    Args:
        scales: how many scales there are.

    Returns:
        A reader of what follows, the steps' indices and the scales.

    Raises:
        InrError: a scale that there is not.
    """
    cursor = Cursor(data)
    widths, step, lowest = cursor.byte(), cursor.signed(), cursor.byte()
    reader = Reader(cursor.rest())
    step_indices = (step + reader.bits(widths & 15, count)).tolist()
    found = (lowest + reader.bits(widths >> 4, count)).tolist()
    if max(found) >= scales:
        raise InrError(f"there is no distribution of scale {max(found)}")
    return reader, step_indices, found


@cache
def tensor_table(scale: int, shape: int, one_sided: bool) -> FrequencyTable:
    """The frequencies of a tensor's integers."""
    return generalised_gaussian_table(0 if one_sided else -REACHES[scale], REACHES[scale], 0, shape, 2 * scale)
