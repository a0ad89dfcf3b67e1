"""Probabilities of latents as integers: Laplace's distribution by a mean and a scale out of short lists.

A latent x is coded as y = floor(x / 2^k), one of the 2 R + 1 numbers around the mean or an escape, and, where k > 0, as
k further bits of which nothing is known: k is such that the scale b / 2^k is at most 8, so the distribution is all but
even over 2^k numbers. With m the mean in sixteenths, u = floor((m + 8) / 2^k), c = floor(u / 16) and f = u mod 16, the
numbers are c - R ... c + R, and y has the probability that Laplace's distribution about f / 16 has between y - c and
y - c + 1.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from inr.compression.bitstream.powers import ONE, ONE_BITS, UNIT, UNIT_BITS, power

# Frequencies of a distribution sum to 2^20.
TOTAL_BITS = 20
# Means are in sixteenths, within these bounds; scales b are exp((index - 80) / 16).
MEAN_BITS, LARGEST_MEAN = 4, 1 << 24
SCALE_BITS, SCALE_OF_ONE, SCALES = 4, 80, 161
# Magnitudes of latents stay below this.
LATENT_LIMIT = 1 << 20

# log2 of the largest scale that has a distribution of its own; most numbers on a side; one falls to 2^-16 in 11 b
_WIDEST_BITS, _MOST_REACH, _REACH_IN_SCALES = 3, 64, 11
_LOG2_E = 94548  # in units of 2^-16


@dataclass(frozen=True, eq=False)
class Tables:
    """All distributions.

    Attributes:
        cumulative: int32; for each scale, and each of 16 fractions of the mean, the frequencies below y = c - R ...
            c + R + 1, in units of 2^-20; the rest is the escape's.
        starts: int32 (161,): where those of a scale begin, each fraction's after the other.
        reaches: int32 (161,): R.
        shifts: int32 (161,): k.
    """

    cumulative: np.ndarray
    starts: np.ndarray
    reaches: np.ndarray
    shifts: np.ndarray


@cache
def tables() -> Tables:
    """The distributions, made by arithmetic of integers alone."""
    falls = -((np.arange(SCALES, dtype=np.int64) - SCALE_OF_ONE) * _LOG2_E >> SCALE_BITS)  # log2(1 / b)
    shifts = np.maximum((-falls - (_WIDEST_BITS << ONE_BITS) + ONE - 1) >> ONE_BITS, 0)
    inverses = power(falls + (shifts << ONE_BITS))  # 2^k / b in units of 2^-30
    reaches = np.minimum((_REACH_IN_SCALES << UNIT_BITS) // inverses + 1, _MOST_REACH)
    fractions = 1 << MEAN_BITS
    lengths = 2 * reaches + 2
    starts = np.cumsum(lengths * fractions) - lengths * fractions
    scale = np.repeat(np.arange(SCALES), lengths * fractions)
    place = np.arange(len(scale)) - starts[scale]
    fraction, place = place // lengths[scale], place % lengths[scale]
    distances = ((place - reaches[scale]) << MEAN_BITS) - fraction  # in sixteenths
    rates = inverses * _LOG2_E >> ONE_BITS  # of bits per number, in units of 2^-30
    exponents = np.abs(distances) * rates[scale] >> (UNIT_BITS + MEAN_BITS - ONE_BITS)
    tails = power(-np.minimum(exponents, 62 * ONE))  # twice what lies beyond, in units of 2^-31
    below = np.where(distances < 0, tails, 2 * UNIT - tails)
    below -= np.repeat(below[place == 0], np.repeat(lengths, fractions))
    # each of the numbers, and the escape, has a frequency of 1 at least
    shares = (1 << TOTAL_BITS) - lengths[scale]
    cumulative = place + (below * shares >> (UNIT_BITS + 1))
    arrays = [array.astype(np.int32) for array in (cumulative, starts, reaches, shifts)]
    for array in arrays:
        array.flags.writeable = False
    return Tables(*arrays)
