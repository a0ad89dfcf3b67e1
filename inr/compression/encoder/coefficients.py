"""Coefficients of signals as few bytes in which each is as good as asked; `bitstream.coefficients` reads them."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int64

from inr._errors import InrError
from inr.compression.bitstream.coefficients import (
    FOLLOWING,
    STEPS,
    Quantised,
    Spread,
    expected,
    scales_of,
    tables,
)
from inr.compression.bitstream.frequency_tables import SHAPES
from inr.compression.bitstream.generalised_gaussian_rows import REACHES, SCALES, SCALES_PER_OCTAVE
from inr.compression.bitstream.stream import Writer
from inr.compression.encoder.integers import encode_integers
from inr.container import varint

Meets = Callable[[int, Float64[np.ndarray, "tries k"]], Bool[np.ndarray, " tries"]]
_DEAD_ZONES = (0.0, 0.1, 0.2)  # by which numbers are rounded towards 0 rather than to the nearest
_NARROWEST = -60  # quarter octaves of a spread


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
    alone = octaves_of(np.concatenate(runs))
    return Spread(alone, octaves_of(left) if len(left) else alone, follows)


def octaves_of(values: Float64[np.ndarray, "..."]) -> Int64[np.ndarray, "..."]:
    """Root mean squares over the first axis, in quarter octaves."""
    spread = np.log2(np.sqrt(np.square(values).mean(0)) + 1e-30)
    return np.maximum(np.rint(SCALES_PER_OCTAVE * spread), _NARROWEST).astype(np.int64)


def quantise(
    coefficients: Float64[np.ndarray, "b k"], meets: Meets, spread: Spread, *, series: bool, dead_zone: float
) -> Quantised:
    """The coarsest integers that are good enough, each signal by itself.

    Args:
        coefficients: of the signals.
        meets: by a signal's place and some choices of its coefficients, the coarsest first, which of these are.
        spread: learned.
        series: whether signals are told from those before.
        dead_zone: towards 0.

    Raises:
        InrError: a signal of which none are.
    """
    fineness = np.array(STEPS)
    sizes = 2.0 ** (-fineness / SCALES_PER_OCTAVE)
    before = np.zeros(coefficients.shape[1])
    steps, wider, found = [], [], []
    for place, wanted in enumerate(coefficients):
        usual = expected(before, spread, place, series=series)
        scaled = (wanted - usual) / sizes[:, None]
        integers = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5 - dead_zone)
        within = np.abs(integers).max(1) <= REACHES[-1]
        good = within & meets(place, usual + integers * sizes[:, None])
        if not good.any():
            raise InrError("the quality that is asked for takes finer steps than files have: ask for less")
        chosen = int(good.argmax())
        steps.append(int(fineness[chosen]))
        found.append(integers[chosen].astype(np.int64))
        wider.append(_wider(found[-1], scales_of(spread, steps[-1], place, series=series)))
        before = usual + integers[chosen] * sizes[chosen]
    return Quantised(np.array(steps), np.array(wider), np.array(found))


def _wider(integers: np.ndarray, scales: np.ndarray) -> int:
    """Octaves that scales are to be raised by: so that all integers are within reach, and their sizes as expected."""
    for octaves in itertools.count():
        bounded = np.clip(scales + SCALES_PER_OCTAVE * octaves, 0, SCALES - 1)
        if (np.abs(integers) <= np.array(REACHES)[bounded] // 4).all() or (bounded == SCALES - 1).all():
            return octaves
    raise AssertionError


def encode(coefficients: Float64[np.ndarray, "b k"], meets: Meets, spread: Spread) -> bytes:
    """The fewest bytes found in which every signal is as good as is asked.

    Args:
        coefficients, meets, spread: as of `quantise`.
    """
    tries = []
    for series, dead_zone in itertools.product((False, True) if len(coefficients) > 1 else (False,), _DEAD_ZONES):
        found = quantise(coefficients, meets, spread, series=series, dead_zone=dead_zone)
        tries += [write(found, spread, shape, series=series) for shape in range(len(SHAPES))]
    return min(tries, key=len)


def write(quantised: Quantised, spread: Spread, shape: int, *, series: bool) -> bytes:
    """The inverse of `inr.compression.bitstream.coefficients.decode`, but for what integers stand for.

    Args:
        quantised: the coefficients' integers.
        spread: learned.
        shape: index of the models' exponent in `frequency_tables.SHAPES`.
        series: whether signals are told from those before.
    """
    beginning = encode_integers(np.concatenate([quantised.steps, quantised.wider]))
    writer = Writer()
    for table, chosen in tables(quantised, spread, shape, series=series):
        writer.symbols(table, quantised.integers[chosen])
    return bytes([2 * shape + series]) + varint(len(beginning)) + beginning + writer.finish()
