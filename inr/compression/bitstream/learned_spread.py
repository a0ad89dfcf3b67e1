"""Weights as integers under models whose scales were learned from similar signals, one scale for every weight.

What a weight of one more signal differs by from a shared start is about as large as it was for those before. How large
that is, is known to whoever has the base; so it is not in the bytes, but for one number a tensor that says by how much
all its scales are up or down.

Bytes begin as those of `inr.compression.bitstream.generalised_gaussian`, with steps and with octaves in the place of
scales: in quarters, those of `UNCHANGED` being none. Then come the weights' integers, tensor by tensor, by ascending
scale, equal ones in their order, under the distributions of `inr.compression.bitstream.generalised_gaussian_rows`.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.generalised_gaussian import read_beginning, write_beginning
from inr.compression.bitstream.generalised_gaussian_rows import SCALE_OF_ONE, SCALES, matrix_table

# What a tensor's scales may be up or down by, in quarter octaves, and the number that stands for 0.
CHANGES, UNCHANGED = 61, 30


def write_spread(
    steps: Sequence[int],
    changes: Sequence[int],
    tensors: Sequence[np.ndarray],
    spreads: Sequence[np.ndarray],
    shape: int,
) -> bytes:
    """The inverse of `read_spread`.

    Args:
        steps: of each tensor the index of its step; see `generalised_gaussian.steps_fit`.
        changes: of each tensor what its scales are up by, `UNCHANGED` added.
        tensors: int64, of magnitudes within what their scales reach.
        spreads: of the tensors' shapes, see `scales_of`.
        shape: index of the models' exponent in `frequency_tables.SHAPES`.
    """
    header, writer = write_beginning(steps, changes)
    for step, change, tensor, spread in zip(steps, changes, tensors, spreads, strict=True):
        for scale, chosen in _groups(scales_of(spread, step, change)):
            writer.symbols(matrix_table(scale, shape, False), tensor[chosen])
    return header + writer.finish()


def read_spread(
    data: memoryview, sizes: Sequence[Sequence[int]], spreads: Sequence[np.ndarray], shape: int
) -> tuple[list[int], list[np.ndarray]]:
    """Step indices, and int64 tensors of these shapes.

    Raises:
        InrError: bytes that do not hold them, or spreads of other shapes.
    """
    if [tuple(size) for size in sizes] != [spread.shape for spread in spreads]:
        raise InrError("the spread that was learned is not of these weights")
    reader, steps, changes = read_beginning(data, len(sizes), CHANGES)
    tensors = []
    for step, change, spread in zip(steps, changes, spreads, strict=True):
        tensor = np.zeros(spread.shape, dtype=np.int64)
        for scale, chosen in _groups(scales_of(spread, step, change)):
            tensor[chosen] = reader.all_symbols(matrix_table(scale, shape, False), int(np.count_nonzero(chosen)))
        tensors.append(tensor)
    reader.finish()
    return steps, tensors


def scales_of(spread: np.ndarray, step: int, change: int) -> np.ndarray:
    """The scales of a tensor's models, as indices.

    Args:
        spread: of every weight, quarter octaves: 4 log2 of how large its differences are, rounded; int8.
        step: index of the tensor's step, quarter octaves too.
        change: what scales are up by, `UNCHANGED` added.
    """
    return np.clip(spread.astype(np.int64) - step + change - UNCHANGED + SCALE_OF_ONE, 0, SCALES - 1)


def _groups(scales: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The scales in a tensor, ascending, and where they are."""
    for each in np.unique(scales):
        yield int(each), scales == each
