"""Weights as integers under generalised Gaussian models whose scale varies by row and by column of a matrix.

Fits under a rate leave many units with few weights or none, so that one model for a matrix is wrong for most of it.
Here the scale of a weight's model is its matrix's, times powers of two of its row (the unit it leads to) and its column
(the unit it comes from). With 64 units these numbers cost a twentieth of a bit a weight, and save up to half a bit.

Bytes begin as those of `inr.compression.bitstream.generalised_gaussian`, with steps and scales; then come symbols,
tensor by tensor. Those of two dimensions, each at least 4, have first the rows' octaves, then the columns', each as the
number of a table in 3 bits and symbols of that; then the weights by ascending scale, equal ones in their order. A scale
j stands for the distribution about 0 of scale 2j (see `inr.compression.bitstream.frequency_tables`) that reaches to 16
times the next power of two; for one-sided tensors, which have nothing below 0, for its upper half.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from inr.compression.bitstream.frequency_tables import LAPLACE, FrequencyTable, generalised_gaussian_table
from inr.compression.bitstream.generalised_gaussian import read_beginning, write_beginning
from inr.compression.bitstream.stream import Reader, Writer

# The widest distribution reaches to 2^15, the largest magnitude that can be coded.
SCALES = 61
REACHES = [16 << max(-(-(2 * scale - 32) // 8), 0) for scale in range(SCALES)]
MAX_MAGNITUDE = REACHES[-1]
# An octave is so many scales; the scale of this index is 1.
SCALES_PER_OCTAVE, SCALE_OF_ONE = 4, 16
# Octaves that a row or a column may be up or down.
MAX_OCTAVES = 8
# Scales of the tables of octaves, and the bits that choose one.
OCTAVE_TABLE_SCALES, OCTAVE_TABLE_BITS = [8 + 6 * number for number in range(8)], 3
# Least rows and columns of a matrix that has octaves.
_MIN_UNITS = 4

Shape = Sequence[int]


class RowColumnScales(NamedTuple):
    """The scales of a tensor's models.

    Attributes:
        scale: index of the tensor's scale, below `SCALES`.
        rows: int64 (rows,), octaves that each row's scale is above the tensor's; empty for tensors without units.
        columns: int64 (columns,), the same of the columns.
        row_table, column_table: numbers of the tables that these are coded with, see `octave_table`.
    """

    scale: int
    rows: np.ndarray
    columns: np.ndarray
    row_table: int = 0
    column_table: int = 0


def write_matrices(
    steps: Sequence[int],
    scales: Sequence[RowColumnScales],
    tensors: Sequence[np.ndarray],
    one_sided: Sequence[bool],
    shape: int,
) -> bytes:
    """The inverse of `read_matrices`.

    Args:
        steps: of each tensor the index of its step; see `generalised_gaussian.steps_fit`.
        scales: of each tensor.
        tensors: int64, of magnitudes up to `MAX_MAGNITUDE`.
        one_sided: of each tensor whether it has nothing below 0.
        shape: index of the models' exponent in `frequency_tables.SHAPES`.
    """
    header, writer = write_beginning(steps, [each.scale for each in scales])
    for each, tensor, half in zip(scales, tensors, one_sided, strict=True):
        _write(writer, each, tensor, shape, half)
    return header + writer.finish()


def read_matrices(
    data: memoryview, sizes: Sequence[Shape], one_sided: Sequence[bool], shape: int
) -> tuple[list[int], list[np.ndarray]]:
    """Step indices, and int64 tensors of these shapes.

    Raises:
        InrError: bytes that do not hold them.
    """
    reader, steps, scales = read_beginning(data, len(sizes), SCALES)
    tensors = [
        _read(reader, scale, size, shape, half) for scale, size, half in zip(scales, sizes, one_sided, strict=True)
    ]
    reader.finish()
    return steps, tensors


def without_octaves(size: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Octaves 0 for the rows and columns of a matrix; for tensors that have no octaves two empty arrays."""
    has_units = len(size) == 2 and min(size) >= _MIN_UNITS
    rows, columns = (np.zeros(length if has_units else 0, dtype=np.int64) for length in (*size, 0, 0)[:2])
    return rows, columns


def scale_at(scale: int, octaves: np.ndarray) -> np.ndarray:
    """The index of the scale that is so many octaves above another, within those that there are."""
    return np.clip(scale + SCALES_PER_OCTAVE * octaves, 0, SCALES - 1)


@cache
def matrix_table(scale: int, shape: int, one_sided: bool) -> FrequencyTable:
    """The frequencies of integers of one scale."""
    return generalised_gaussian_table(0 if one_sided else -REACHES[scale], REACHES[scale], 0, shape, 2 * scale)


@cache
def octave_table(number: int) -> FrequencyTable:
    """One of the tables that octaves are coded with."""
    return generalised_gaussian_table(-MAX_OCTAVES, MAX_OCTAVES, 0, LAPLACE, OCTAVE_TABLE_SCALES[number])


def _write(writer: Writer, scales: RowColumnScales, tensor: np.ndarray, shape: int, one_sided: bool) -> None:
    """Append octaves and weights."""
    for octaves, number in ((scales.rows, scales.row_table), (scales.columns, scales.column_table)):
        if octaves.size:
            writer.bits(OCTAVE_TABLE_BITS, np.array([number]))
            writer.symbols(octave_table(number), octaves)
    for scale, chosen in _groups(scales, tensor.shape):
        writer.symbols(matrix_table(scale, shape, one_sided), tensor[chosen])


def _read(reader: Reader, scale: int, size: Shape, shape: int, one_sided: bool) -> np.ndarray:
    """The next tensor."""
    rows, columns = (
        reader.symbols(octave_table(int(reader.bits(OCTAVE_TABLE_BITS, 1)[0])), flat.size) if flat.size else flat
        for flat in without_octaves(size)
    )
    tensor = np.zeros(tuple(size), dtype=np.int64)
    for each, chosen in _groups(RowColumnScales(scale, rows, columns), size):
        tensor[chosen] = reader.all_symbols(matrix_table(each, shape, one_sided), int(np.count_nonzero(chosen)))
    return tensor


def _groups(scales: RowColumnScales, size: Shape) -> Iterable[tuple[int, np.ndarray]]:
    """The scales in a tensor, ascending, and where they are."""
    if not scales.rows.size:
        return [(scales.scale, np.ones(tuple(size), dtype=bool))]
    found = scale_at(scales.scale, scales.rows[:, None] + scales.columns)
    return [(int(each), found == each) for each in np.unique(found)]
