"""Fits generalised Gaussian models to integers: by tensor, and by row and column of a matrix."""

import math
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from inr.compression.bitstream import generalised_gaussian as by_tensor
from inr.compression.bitstream import generalised_gaussian_rows as by_row
from inr.compression.bitstream.frequency_tables import LAPLACE
from inr.compression.bitstream.generalised_gaussian_rows import RowColumnScales, scale_at, without_octaves
from inr.compression.bitstream.powers import ONE

# How often rows' and columns' octaves are chosen in turn.
_ROUNDS = 3
# Numbers from which on not all octaves are tried, and what means are taken to be at least.
_MANY, _LEAST_MEAN = 1 << 14, 0.05
# The cost of a weight beyond a distribution's reach.
_UNREACHABLE = 1 << 40
_OCTAVES = np.arange(-by_row.MAX_OCTAVES, by_row.MAX_OCTAVES + 1)


def encode_by_tensor(
    steps: Sequence[int], arrays: Sequence[np.ndarray], one_sided: Sequence[bool], shapes: Iterable[int]
) -> tuple[int, bytes] | None:
    """Integers as bytes, under one model per tensor.

    Args:
        steps: index of each tensor's step.
        arrays: int64 (n,) each.
        one_sided: of each array, whether it has nothing below 0.
        shapes: indices of the exponents to choose from.

    Returns:
        The best exponent and the bytes; None where an array is too wide for the models.
    """
    counts = [np.unique(array, return_counts=True) for array in arrays]
    narrow = all(np.abs(symbols[[0, -1]]).max() <= by_tensor.REACHES[-1] for symbols, _ in counts if symbols.size)
    if not narrow or not by_tensor.steps_fit(steps):
        return None
    chosen = {
        shape: [_best_scale(*each, shape, half) for each, half in zip(counts, one_sided, strict=True)]
        for shape in shapes
    }
    shape = min(chosen, key=lambda shape: sum(cost for _, cost in chosen[shape]))
    data = by_tensor.write_tensors(steps, [scale for scale, _ in chosen[shape]], arrays, one_sided, shape)
    check_read(
        by_tensor.read_tensors(memoryview(data), [array.size for array in arrays], one_sided, shape), steps, arrays
    )
    return shape, data


def encode_by_row_and_column(
    steps: Sequence[int], tensors: Sequence[np.ndarray], one_sided: Sequence[bool], shapes: Iterable[int]
) -> tuple[int, bytes] | None:
    """Integers as bytes, under models whose scale varies by row and column.

    Args:
        steps: index of each tensor's step.
        tensors: int64, of any shapes; matrices of at least four rows and columns get scales by these.
        one_sided: of each tensor, whether it has nothing below 0.
        shapes: indices of the exponents to choose from.

    Returns:
        The best exponent and the bytes; None where an integer is beyond what the models reach.
    """
    if max(_largest(tensor) for tensor in tensors) > by_row.MAX_MAGNITUDE or not by_tensor.steps_fit(steps):
        return None
    fitted = {shape: [_fit_rows_and_columns(tensor, shape) for tensor in tensors] for shape in shapes}
    shape = min(fitted, key=lambda shape: sum(bits for _, bits in fitted[shape]))
    data = by_row.write_matrices(steps, [scales for scales, _ in fitted[shape]], tensors, one_sided, shape)
    read = by_row.read_matrices(memoryview(data), [tensor.shape for tensor in tensors], one_sided, shape)
    check_read(read, steps, tensors)
    return shape, data


def laplace_widths(tensors: Sequence[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """How far from 0 each integer would be half as likely as there, by Laplace's distribution.

    Args:
        tensors: int64, of magnitudes up to `generalised_gaussian_rows.MAX_MAGNITUDE`.

    Returns:
        Widths as arrays of the tensors' shapes, or of one element where it is for all of a tensor; and the bits that
        all integers take by them.
    """
    found, total = [], 0
    for tensor in tensors:
        scales, bits = _fit_rows_and_columns(tensor, LAPLACE)
        total += bits
        octaves = scales.rows[:, None] + scales.columns if scales.rows.size else np.zeros(1, dtype=np.int64)
        found.append(2.0 ** ((scale_at(scales.scale, octaves) - by_row.SCALE_OF_ONE) / by_row.SCALES_PER_OCTAVE))
    return found, total / ONE


def _best_scale(symbols: np.ndarray, counts: np.ndarray, shape: int, one_sided: bool) -> tuple[int, int]:
    """The scale by which these symbols take the fewest bits, and those, in units of 2^-16."""
    if not symbols.size:
        return 0, 0
    best = int(np.searchsorted(by_tensor.REACHES, np.abs(symbols[[0, -1]]).max()))
    cost = by_tensor.tensor_table(best, shape, one_sided).cost(symbols, counts)
    for scale in range(best + 1, by_tensor.SCALES):  # costs fall and rise again
        found = by_tensor.tensor_table(scale, shape, one_sided).cost(symbols, counts)
        if found >= cost:
            break
        best, cost = scale, found
    return best, cost


def _fit_rows_and_columns(tensor: np.ndarray, shape: int) -> tuple[RowColumnScales, int]:
    """The scales by which a tensor takes the fewest bits, and those, in units of 2^-16, an octave counted as one bit.

    Rows' and columns' octaves are chosen in turn, each the best for the others.
    """
    costs, magnitudes = costs_by_scale(shape), np.abs(tensor)
    symbols, counts = np.unique(magnitudes, return_counts=True)
    totals = (costs[:, symbols] * counts).sum(axis=1)
    scale = int(totals.argmin())
    rows, columns = without_octaves(tensor.shape)
    if not rows.size:
        return RowColumnScales(scale, rows, columns), int(totals[scale])
    for _ in range(_ROUNDS):
        try_rows = _octaves_to_try(magnitudes, rows, columns, 1, scale)
        sums = [_lengths(costs, magnitudes, scale, each[:, None], columns).sum(axis=1) for each in try_rows]
        rows = _cheapest(try_rows, sums)
        try_columns = _octaves_to_try(magnitudes, columns, rows[:, None], 0, scale)
        sums = [_lengths(costs, magnitudes, scale, rows[:, None], each).sum(axis=0) for each in try_columns]
        columns = _cheapest(try_columns, sums)
    bits = int(_lengths(costs, magnitudes, scale, rows[:, None], columns).sum())
    found = RowColumnScales(scale, rows, columns, _octave_table(rows), _octave_table(columns))
    return found, bits + ONE * int(np.abs(rows).sum() + np.abs(columns).sum())


def _octaves_to_try(
    magnitudes: np.ndarray, present: np.ndarray, others: np.ndarray, axis: int, scale: int
) -> np.ndarray:
    """Octaves to try for every row (axis 1) or column (axis 0), (tries, units): all, or of many weights the likely.

    `others` are the octaves of the columns, or rows. The present ones are among those to try: with them all magnitudes
    can be coded.
    """
    if magnitudes.size < _MANY:
        return np.repeat(_OCTAVES[:, None], magnitudes.shape[1 - axis], axis=1)
    means = (magnitudes * 2.0**-others).mean(axis=axis)
    widths = math.log(2) * (means + _LEAST_MEAN)  # of Laplace's distribution
    likely = np.rint(np.log2(widths) - (scale - by_row.SCALE_OF_ONE) / by_row.SCALES_PER_OCTAVE).astype(np.int64)
    return np.vstack([present, np.clip(likely + np.array([[-1], [0], [1]]), _OCTAVES[0], _OCTAVES[-1])])


def _cheapest(tries: np.ndarray, sums: Sequence[np.ndarray]) -> np.ndarray:
    """Of every unit the octave by which it takes the fewest bits, an octave itself counted as one bit."""
    return np.take_along_axis(tries, (np.stack(sums) + ONE * np.abs(tries)).argmin(axis=0)[None], axis=0)[0]


def _octave_table(octaves: np.ndarray) -> int:
    """The number of the table by which these octaves take the fewest bits."""
    symbols, counts = np.unique(octaves, return_counts=True)
    numbers = range(len(by_row.OCTAVE_TABLE_SCALES))
    return min(numbers, key=lambda number: by_row.octave_table(number).cost(symbols, counts))


def _lengths(
    costs: np.ndarray, magnitudes: np.ndarray, scale: int, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """What every weight takes with these octaves, in units of 2^-16 bits."""
    return costs[np.broadcast_to(scale_at(scale, rows + columns), magnitudes.shape), magnitudes]


def _largest(tensor: np.ndarray) -> int:
    return int(np.abs(tensor).max()) if tensor.size else 0


@cache
def costs_by_scale(shape: int) -> np.ndarray:
    """Of magnitudes from 0 to the largest under every scale, in units of 2^-16 bits."""
    costs = np.full((by_row.SCALES, by_row.MAX_MAGNITUDE + 1), _UNREACHABLE, dtype=np.int64)
    for scale, reach in enumerate(by_row.REACHES):
        costs[scale, : reach + 1] = by_row.matrix_table(scale, shape, False).lengths(np.arange(reach + 1))
    return costs


def check_read(read: tuple[list[int], list[np.ndarray]], steps: Sequence[int], arrays: Sequence[np.ndarray]) -> None:
    """Refuse to hand on bytes that decode to something else."""
    again_steps, again = read
    if again_steps != list(steps) or not all(map(np.array_equal, again, arrays)):
        raise RuntimeError("weights did not survive their coding; please report this as a bug of inr")
