"""Signals as a few integers each: coefficients of principal deviations, under their learned spread."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from inr._errors import InrError
from inr.compression import encode_integers
from inr.compression.bitstream.frequency_tables import SHAPES, FrequencyTable
from inr.compression.bitstream.generalised_gaussian_rows import (
    REACHES,
    SCALE_OF_ONE,
    SCALES,
    SCALES_PER_OCTAVE,
    matrix_table,
)
from inr.compression.bitstream.integers import decode_arrays
from inr.compression.bitstream.stream import Cursor, Reader, Writer
from inr.container import varint

FOLLOWING = 64  # parts of 1 in which it is told how far coefficients follow those of the signal before
_STEPS = range(-16, 96)  # quarter octaves that steps are finer than 1, the step of normalised values
_DEAD_ZONES = (0.0, 0.1, 0.2)  # by which numbers are rounded towards 0 rather than to the nearest
_NARROWEST = -60  # quarter octaves of a spread


class Spread(NamedTuple):
    """How coefficients of signals are spread, in whole numbers, which mean the same on every machine.

    Attributes:
        alone: quarter octaves of their standard deviations; after: of what is left where they follow a signal before.
        follows: 64ths of a coefficient of the signal before that are expected.
    """

    alone: Int64[np.ndarray, " k"]
    after: Int64[np.ndarray, " k"]
    follows: Int64[np.ndarray, " k"]


def spread_of(runs: Sequence[Float64[np.ndarray, "_ k"]]) -> Spread:
    """The spread of coefficients.

    Args:
        runs: coefficients of mean 0 of signals that follow each other.
    """
    pairs = [(run[:-1], run[1:]) for run in runs]
    power = sum(np.square(before).sum(0) for before, _ in pairs) + 1e-12
    shared = sum((before * now).sum(0) for before, now in pairs)
    follows = np.clip(np.rint(FOLLOWING * shared / power), 0, FOLLOWING).astype(np.int64)
    left = np.concatenate([now - follows / FOLLOWING * before for before, now in pairs])
    alone = _octaves(np.concatenate(runs))
    return Spread(alone, _octaves(left) if len(left) else alone, follows)


def _octaves(values: Float64[np.ndarray, "b k"]) -> Int64[np.ndarray, " k"]:
    spread = np.log2(np.sqrt(np.square(values).mean(0)) + 1e-30)
    return np.maximum(np.rint(SCALES_PER_OCTAVE * spread), _NARROWEST).astype(np.int64)


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


def quantise(
    coefficients: Float64[np.ndarray, "b k"],
    rest: Float64[np.ndarray, " b"],
    most: float,
    spread: Spread,
    *,
    series: bool,
    dead_zone: float,
) -> Quantised:
    """The coarsest integers that meet an error, each signal by itself.

    Args:
        coefficients: of the signals.
        rest: sums of squares of what no coefficients tell.
        most: the largest sum of squared errors of a signal.
        spread: learned.
        series: whether signals are told from those before.
        dead_zone: towards 0.

    Raises:
        InrError: a signal that is farther from all that the coefficients tell.
    """
    if (worst := rest.max()) >= most:
        raise InrError(
            f"the base's deviations come no nearer to a signal than {-10 * math.log10(worst / most):+.1f} dB of what "
            "is asked: ask for less, or learn a base of more components or signals"
        )
    fineness = np.array(_STEPS)
    sizes = 2.0 ** (-fineness / SCALES_PER_OCTAVE)
    before = np.zeros(coefficients.shape[1])
    steps, wider, found = [], [], []
    for place, wanted in enumerate(coefficients):
        expected = _expected(before, spread, place, series=series)
        scaled = (wanted - expected) / sizes[:, None]
        integers = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5 - dead_zone)
        missed = np.square(scaled - integers).sum(1) * np.square(sizes) + rest[place]
        fits = (missed <= most) & (np.abs(integers).max(1) <= REACHES[-1])
        if not fits.any():
            raise InrError("the quality that is asked for takes finer steps than files have")
        chosen = int(fits.argmax())
        steps.append(int(fineness[chosen]))
        found.append(integers[chosen].astype(np.int64))
        wider.append(_wider(found[-1], _scales(spread, steps[-1], place, series=series)))
        before = expected + integers[chosen] * sizes[chosen]
    return Quantised(np.array(steps), np.array(wider), np.array(found))


def restored(quantised: Quantised, spread: Spread, *, series: bool) -> Float64[np.ndarray, "b k"]:
    """The coefficients that integers stand for."""
    before, found = np.zeros(quantised.integers.shape[1]), []
    for place, (step, integers) in enumerate(zip(quantised.steps.tolist(), quantised.integers, strict=True)):
        before = _expected(before, spread, place, series=series) + integers * 2.0 ** (-step / SCALES_PER_OCTAVE)
        found.append(before)
    return np.array(found)


def _expected(before: np.ndarray, spread: Spread, place: int, *, series: bool) -> np.ndarray:
    return spread.follows / FOLLOWING * before if series and place else np.zeros_like(before)


def _scales(spread: Spread, step: int, place: int, *, series: bool) -> Int64[np.ndarray, " k"]:
    """Scales of the integers' models, before they are bounded."""
    return (spread.after if series and place else spread.alone) + step + SCALE_OF_ONE


def _wider(integers: np.ndarray, scales: np.ndarray) -> int:
    """Octaves that scales are to be raised by: so that all integers are within reach, and their sizes as expected."""
    for octaves in itertools.count():
        bounded = np.clip(scales + SCALES_PER_OCTAVE * octaves, 0, SCALES - 1)
        if (np.abs(integers) <= np.array(REACHES)[bounded] // 4).all() or (bounded == SCALES - 1).all():
            return octaves
    raise AssertionError


def encode(coefficients: np.ndarray, rest: np.ndarray, most: float, spread: Spread) -> bytes:
    """The fewest bytes found in which every signal is as near as is asked.

    Args:
        coefficients, rest, most, spread: as of `quantise`.
    """
    tries = []
    for series, dead_zone in itertools.product((False, True) if len(coefficients) > 1 else (False,), _DEAD_ZONES):
        found = quantise(coefficients, rest, most, spread, series=series, dead_zone=dead_zone)
        tries += [_write(found, spread, shape, series=series) for shape in range(len(SHAPES))]
    return min(tries, key=len)


def _write(quantised: Quantised, spread: Spread, shape: int, *, series: bool) -> bytes:
    beginning = encode_integers(np.concatenate([quantised.steps, quantised.wider]))
    writer = Writer()
    for table, chosen in _tables(quantised, spread, shape, series=series):
        writer.symbols(table, quantised.integers[chosen])
    return bytes([2 * shape + series]) + varint(len(beginning)) + beginning + writer.finish()


def decode(data: memoryview, count: int, spread: Spread) -> Float64[np.ndarray, "b k"]:
    """The coefficients of so many signals.

    Args:
        data: what `encode` gave.
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
    if not (np.isin(steps, _STEPS).all() and (wider >= 0).all() and (wider <= SCALES).all()):
        raise InrError("it holds steps that there are not")
    found = Quantised(steps, wider, np.zeros((count, len(spread.alone)), dtype=np.int64))
    reader = Reader(cursor.rest())
    for table, chosen in _tables(found, spread, shape, series=bool(series)):
        found.integers[chosen] = reader.all_symbols(table, int(np.count_nonzero(chosen)))
    reader.finish()
    return restored(found, spread, series=bool(series))


def _tables(
    quantised: Quantised, spread: Spread, shape: int, *, series: bool
) -> Iterator[tuple[FrequencyTable, np.ndarray]]:
    """Frequency tables, by ascending scale, and the integers that are coded with them."""
    rows = [
        _scales(spread, step, place, series=series) + SCALES_PER_OCTAVE * wider
        for place, (step, wider) in enumerate(zip(quantised.steps.tolist(), quantised.wider.tolist(), strict=True))
    ]
    scales = np.clip(np.array(rows), 0, SCALES - 1)
    for scale in np.unique(scales):
        yield matrix_table(int(scale), shape, False), scales == scale
