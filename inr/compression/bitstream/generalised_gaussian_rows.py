"""Weights as integers, where some units' weights are larger than others': a bell for every row and column.

Fits under a rate leave many units with few weights or none, so that one bell for a matrix is wrong for most of it. Here
a weight's bell is as wide as its matrix's, times powers of two of its row (the unit it leads to) and its column (the
unit it comes from). With 64 units these numbers cost a twentieth of a bit a weight, and save up to half a bit.

Bytes begin as those of `inr.compression.bitstream.generalised_gaussian`, with steps and scales; then come symbols,
tensor by tensor. Those of two dimensions, each at least 4, have first the rows' octaves, then the columns', each as the
number of a table in 3 bits and symbols of that; then the weights by ascending scale, equal ones in their order. A scale
j stands for a bell about 0 of scale 2j (see `inr.compression.bitstream.tables`), which reaches to 16 times the next
power of two; for tensors with nothing below 0, for its upper half.
"""

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from inr.compression.bitstream.generalised_gaussian import begin, read_beginning, too_far_apart
from inr.compression.bitstream.powers import ONE
from inr.compression.bitstream.stream import CHUNK, Reader, Writer
from inr.compression.bitstream.tables import LAPLACE, Table, bell_table

# the widest bell reaches to 2^15
_SCALES = 61
_REACHES = [16 << max(-(-(2 * scale - 32) // 8), 0) for scale in range(_SCALES)]
FARTHEST = _REACHES[-1]
_OCTAVE, _SCALE_OF_ONE = 4, 16  # scales
# of a unit, up and down
_MOST = 8
_OCTAVES = np.arange(-_MOST, _MOST + 1)
# tables of octaves, and the bits that choose one
_TABLES, _TABLE_BITS = [8 + 6 * number for number in range(8)], 3
# units on either side of a matrix that are worth octaves
_UNITS = 4
_ROUNDS = 3
# of a weight beyond a bell's reach
_NEVER = 1 << 40

Shape = Sequence[int]


def encode_unit_bells(
    steps: Sequence[int], tensors: Sequence[np.ndarray], halves: Sequence[bool], shapes: Iterable[int]
) -> tuple[int, bytes] | None:
    """Step indices and int64 tensors as bytes, with the best of the shapes; None where a weight is out of reach.

    Args:
        halves: of each tensor, whether it has nothing below 0, and half a bell.
    """
    if max(_largest(tensor) for tensor in tensors) > FARTHEST or too_far_apart(steps):
        return None
    fitted = {shape: [_Bells.fit(tensor, shape) for tensor in tensors] for shape in shapes}
    shape = min(fitted, key=lambda shape: sum(bells.bits for bells in fitted[shape]))
    header, writer = begin(steps, [bells.scale for bells in fitted[shape]])
    for bells, tensor, half in zip(fitted[shape], tensors, halves, strict=True):
        bells.write(writer, tensor, shape, half)
    data = header + writer.finish()
    again_steps, again = decode_unit_bells(memoryview(data), [tensor.shape for tensor in tensors], halves, shape)
    if again_steps != list(steps) or not all(map(np.array_equal, again, tensors)):
        raise RuntimeError("weights did not survive their coding; please report this as a bug of inr")
    return shape, data


def decode_unit_bells(
    data: memoryview, sizes: Sequence[Shape], halves: Sequence[bool], shape: int
) -> tuple[list[int], list[np.ndarray]]:
    """Step indices, and int64 tensors of these sizes; raises InrError for bytes that do not hold them."""
    reader, steps, scales = read_beginning(data, len(sizes), _SCALES)
    tensors = [_read(reader, scale, size, shape, half) for scale, size, half in zip(scales, sizes, halves, strict=True)]
    reader.finish()
    return steps, tensors


def bell_widths(tensors: Sequence[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """How far from 0 each integer would be half as likely as there, by Laplace's bells; and the bits of all by these.

    Widths are arrays of the tensors' shapes, or of one element where it is for all. Integers are `FARTHEST` at most.
    """
    found, bits = [], 0
    for tensor in tensors:
        bells = _Bells.fit(tensor, LAPLACE)
        bits += bells.bits
        octaves = bells.rows[:, None] + bells.columns if bells.rows.size else np.zeros(1, dtype=np.int64)
        found.append(2.0 ** ((_clipped(bells.scale, octaves) - _SCALE_OF_ONE) / _OCTAVE))
    return found, bits / ONE


class _Bells:
    """A tensor's scale, and the octaves of its rows and columns, none for tensors that have no units.

    Attributes:
        bits: that the tensor takes by them, in units of 2^-16; octaves counted as a bit each.
    """

    def __init__(self, scale: int, rows: np.ndarray, columns: np.ndarray, bits: int) -> None:
        self.scale, self.rows, self.columns, self.bits = scale, rows, columns, bits

    @classmethod
    def fit(cls, tensor: np.ndarray, shape: int) -> "_Bells":
        """Those by which it takes the fewest bits: rows' and columns' in turn, each the best for the others."""
        costs, magnitudes = _costs(shape), np.abs(tensor)
        symbols, counts = np.unique(magnitudes, return_counts=True)
        totals = (costs[:, symbols] * counts).sum(axis=1)
        scale = int(totals.argmin())
        rows, columns = _flat(tensor.shape)
        if not rows.size:
            return cls(scale, rows, columns, int(totals[scale]))
        told = ONE * np.abs(_OCTAVES)[:, None]
        for _ in range(_ROUNDS):
            found = [_lengths(costs, magnitudes, scale, each, columns).sum(axis=1) for each in _OCTAVES[:, None, None]]
            rows = _OCTAVES[(np.stack(found) + told).argmin(axis=0)]
            found = [_lengths(costs, magnitudes, scale, rows[:, None], each).sum(axis=0) for each in _OCTAVES[:, None]]
            columns = _OCTAVES[(np.stack(found) + told).argmin(axis=0)]
        bits = _lengths(costs, magnitudes, scale, rows[:, None], columns).sum()
        return cls(scale, rows, columns, int(bits) + ONE * int(np.abs(rows).sum() + np.abs(columns).sum()))

    def write(self, writer: Writer, tensor: np.ndarray, shape: int, half: bool) -> None:
        """Append octaves and weights."""
        for octaves in (self.rows, self.columns):
            if octaves.size:
                symbols, counts = np.unique(octaves, return_counts=True)
                number = min(range(len(_TABLES)), key=lambda number: _octave_table(number).cost(symbols, counts))
                writer.bits(_TABLE_BITS, np.array([number]))
                writer.symbols(_octave_table(number), octaves)
        for scale, chosen in _groups(self.scale, self.rows, self.columns, tensor.shape):
            writer.symbols(_table(scale, shape, half), tensor[chosen])


def _read(reader: Reader, scale: int, size: Shape, shape: int, half: bool) -> np.ndarray:
    """The next tensor."""
    rows, columns = (
        reader.symbols(_octave_table(int(reader.bits(_TABLE_BITS, 1)[0])), flat.size) if flat.size else flat
        for flat in _flat(size)
    )
    tensor = np.zeros(tuple(size), dtype=np.int64)
    for each, chosen in _groups(scale, rows, columns, size):
        table, count = _table(each, shape, half), int(np.count_nonzero(chosen))
        reader.claim(count, table.least)
        parts = [reader.symbols(table, min(CHUNK, count - start)) for start in range(0, count, CHUNK)]
        tensor[chosen] = np.concatenate([np.zeros(0, dtype=np.int64), *parts])
    return tensor


def _flat(size: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Octaves of nothing for a matrix's rows and columns, or no octaves where they are not worth it."""
    has_units = len(size) == 2 and min(size) >= _UNITS
    rows, columns = (np.zeros(length if has_units else 0, dtype=np.int64) for length in (*size, 0, 0)[:2])
    return rows, columns


def _groups(scale: int, rows: np.ndarray, columns: np.ndarray, size: Shape) -> Iterable[tuple[int, np.ndarray]]:
    """The scales in a tensor, ascending, and where they are."""
    if not rows.size:
        return [(scale, np.ones(tuple(size), dtype=bool))]
    scales = _clipped(scale, rows[:, None] + columns)
    return [(int(each), scales == each) for each in np.unique(scales)]


def _clipped(scale: int, octaves: np.ndarray) -> np.ndarray:
    return np.clip(scale + _OCTAVE * octaves, 0, _SCALES - 1)


def _lengths(
    costs: np.ndarray, magnitudes: np.ndarray, scale: int, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """What every weight takes with these octaves, in units of 2^-16 bits."""
    return costs[np.broadcast_to(_clipped(scale, rows + columns), magnitudes.shape), magnitudes]


def _largest(tensor: np.ndarray) -> int:
    return int(np.abs(tensor).max()) if tensor.size else 0


@cache
def _costs(shape: int) -> np.ndarray:
    """Of magnitudes from 0 to the widest reach under every scale, in units of 2^-16 bits."""
    costs = np.full((_SCALES, FARTHEST + 1), _NEVER, dtype=np.int64)
    for scale, reach in enumerate(_REACHES):
        symbols = np.arange(reach + 1)
        costs[scale, : reach + 1] = _table(scale, shape, False).lengths(symbols)
    return costs


@cache
def _table(scale: int, shape: int, half: bool) -> Table:
    return bell_table(0 if half else -_REACHES[scale], _REACHES[scale], 0, shape, 2 * scale)


@cache
def _octave_table(number: int) -> Table:
    return bell_table(-_MOST, _MOST, 0, LAPLACE, _TABLES[number])
