"""Signals as a few integers each: coefficients that a base knows the meaning and the spread of.

Bytes: twice the index of the models' exponent in `frequency_tables.SHAPES`, plus 1 where signals are told from those
before; the length of what comes next as a varint; of all signals the steps, then the octaves by which spreads are
wider, as `inr.compression.bitstream.integers` has them; then the coefficients' integers, by ascending scale, under the
distributions of `inr.compression.bitstream.generalised_gaussian_rows`, those of a signal after those of the one before.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from inr._errors import InrError
from inr.compression.bitstream.frequency_tables import SHAPES, FrequencyTable
from inr.compression.bitstream.generalised_gaussian_rows import (
    SCALE_OF_ONE,
    SCALES,
    SCALES_PER_OCTAVE,
    matrix_table,
)
from inr.compression.bitstream.integers import decode_arrays
from inr.compression.bitstream.stream import Cursor, Reader

FOLLOWING = 64  # parts of 1 in which it is told how far coefficients follow those of the signal before
STEPS = range(-16, 96)  # quarter octaves that steps are finer than 1, the step of normalised values


class Spread(NamedTuple):
    """How coefficients of signals are spread, in whole numbers, which mean the same on every machine.

    Attributes:
        alone: quarter octaves of their standard deviations; after: of what is left where they follow a signal before.
        follows: 64ths of a coefficient of the signal before that are expected.
    """

    alone: Int64[np.ndarray, " k"]
    after: Int64[np.ndarray, " k"]
    follows: Int64[np.ndarray, " k"]


class Quantised(NamedTuple):
    """Coefficients as integers.

    Attributes:
        steps: of every signal, quarter octaves that its step is finer than 1.
        wider: octaves that its spread is wider than was learned.
        integers: (signals, coefficients), of what is not expected.
    """

    steps: Int64[np.ndarray, " b"]
    wider: Int64[np.ndarray, " b"]
    integers: Int64[np.ndarray, "b k"]


def decode(data: memoryview, count: int, spread: Spread) -> Float64[np.ndarray, "b k"]:
    """The coefficients of so many signals.

    Args:
        data: what `inr.compression.encoder.coefficients.encode` gave.
        count: of signals.
        spread: learned, the same.

    Raises:
        InrError: bytes that do not hold them.
    """
    cursor = Cursor(data)
    shape, series = divmod(cursor.byte(), 2)
    if shape >= len(SHAPES):
        raise InrError(f"there is no model {shape}")
    both = np.empty(2 * count, dtype=np.int32)
    decode_arrays(cursor.take(cursor.varint()), [both])
    steps, wider = both[:count].astype(np.int64), both[count:].astype(np.int64)
    if not (np.isin(steps, STEPS).all() and (wider >= 0).all() and (wider <= SCALES).all()):
        raise InrError("it holds steps that there are not")
    found = Quantised(steps, wider, np.zeros((count, len(spread.alone)), dtype=np.int64))
    reader = Reader(cursor.rest())
    for table, chosen in tables(found, spread, shape, series=bool(series)):
        found.integers[chosen] = reader.all_symbols(table, int(np.count_nonzero(chosen)))
    reader.finish()
    return restored(found, spread, series=bool(series))


def restored(quantised: Quantised, spread: Spread, *, series: bool) -> Float64[np.ndarray, "b k"]:
    """The coefficients that integers stand for."""
    before, found = np.zeros(quantised.integers.shape[1]), []
    for place, (step, integers) in enumerate(zip(quantised.steps.tolist(), quantised.integers, strict=True)):
        before = expected(before, spread, place, series=series) + integers * 2.0 ** (-step / SCALES_PER_OCTAVE)
        found.append(before)
    return np.array(found)


def expected(before: np.ndarray, spread: Spread, place: int, *, series: bool) -> Float64[np.ndarray, " k"]:
    """What coefficients are counted from.

    Args:
        before: those of the signal before.
        spread: learned.
        place: of the signal, from 0 on.
        series: whether signals are told from those before.
    """
    return spread.follows / FOLLOWING * before if series and place else np.zeros_like(before)


def scales_of(spread: Spread, step: int, place: int, *, series: bool) -> Int64[np.ndarray, " k"]:
    """Scales of the models of a signal's integers, before they are bounded."""
    return (spread.after if series and place else spread.alone) + step + SCALE_OF_ONE


def tables(
    quantised: Quantised, spread: Spread, shape: int, *, series: bool
) -> Iterator[tuple[FrequencyTable, np.ndarray]]:
    """Frequency tables, by ascending scale, and the integers that are coded with them."""
    rows = [
        scales_of(spread, step, place, series=series) + SCALES_PER_OCTAVE * wider
        for place, (step, wider) in enumerate(zip(quantised.steps.tolist(), quantised.wider.tolist(), strict=True))
    ]
    scales = np.clip(np.array(rows), 0, SCALES - 1)
    for scale in np.unique(scales):
        yield matrix_table(int(scale), shape, False), scales == scale
