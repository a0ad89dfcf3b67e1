"""Probabilities of latents as integers: Laplace's distribution by a mean and a scale out of short lists.

A latent x is coded as y = floor(x / 2^k), one of the 2 R + 1 numbers around the mean or an escape, and, where k > 0, as
k further bits of which nothing is known: k is such that the scale b / 2^k is at most 8, so the distribution is all but
even over 2^k numbers. With m the mean in units of 1/64, u = floor((m + 32) / 2^k) + floor(2^j / 2), c = floor(u / 64)
and f = (u mod 64) / 2^j, rounded down, the numbers are c - R ... c + R, and y has the probability that Laplace's
distribution about f / 2^(6 - j) has between y - c and y - c + 1. Narrow distributions have j = 0, since their bits
depend much on the mean, others j = 2.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from inr.compression.bitstream.powers import ONE, ONE_BITS, UNIT, UNIT_BITS, power

# Frequencies of a distribution sum to 2^20.
TOTAL_BITS = 20
# Means are in units of 1/64, within these bounds; scales b are exp((index - 80) / 16).
MEAN_BITS, LARGEST_MEAN = 6, 1 << 26
SCALE_BITS, SCALE_OF_ONE, SCALES = 4, 80, 161
# Magnitudes of latents stay below this.
LATENT_LIMIT = 1 << 20

# The frequency of the escape is not less: 2^-15, what a fit pays at most for a latent.
_LEAST_ESCAPE = 1 << (TOTAL_BITS - 15)
# Distributions that reach farther have j = _COARSE.
_NARROW, _COARSE = 8, 2
# log2 of the largest scale that has a distribution of its own; most numbers on a side; one falls to 2^-16 in 11 b
_WIDEST_BITS, _MOST_REACH, _REACH_IN_SCALES = 3, 64, 11
_LOG2_E = 94548  # in units of 2^-16


class Tables(NamedTuple):
    """All distributions; kernels take it as it is.

    Attributes:
        cumulative: int32; for each scale, and each fraction f of the mean, the frequencies below y = c - R ... c + R
            + 1, in units of 2^-20; the rest is the escape's.
        starts: int32 (161,): where those of a scale begin, each fraction's after the other.
        reaches: int32 (161,): R.
        shifts: int32 (161,): k.
        coarseness: int32 (161,): j.
    """

    cumulative: np.ndarray
    starts: np.ndarray
    reaches: np.ndarray
    shifts: np.ndarray
    coarseness: np.ndarray


@cache
def tables() -> Tables:
    """The distributions, made by arithmetic of integers alone."""
    falls = -((np.arange(SCALES, dtype=np.int64) - SCALE_OF_ONE) * _LOG2_E >> SCALE_BITS)  # log2(1 / b)
    shifts = np.maximum((-falls - (_WIDEST_BITS << ONE_BITS) + ONE - 1) >> ONE_BITS, 0)
    inverses = power(falls + (shifts << ONE_BITS))  # 2^k / b in units of 2^-30
    reaches = np.minimum((_REACH_IN_SCALES << UNIT_BITS) // inverses + 1, _MOST_REACH)
    coarseness = np.where(reaches > _NARROW, _COARSE, 0)
    fractions, lengths = 1 << (MEAN_BITS - coarseness), 2 * reaches + 2
    starts = np.cumsum(lengths * fractions) - lengths * fractions
    scale = np.repeat(np.arange(SCALES), lengths * fractions)
    place = np.arange(len(scale)) - starts[scale]
    fraction, place = place // lengths[scale], place % lengths[scale]
    distances = ((place - reaches[scale]) << MEAN_BITS) - (fraction << coarseness[scale])
    rates = inverses * _LOG2_E >> ONE_BITS  # of bits per number, in units of 2^-30
    exponents = np.abs(distances) * rates[scale] >> (UNIT_BITS + MEAN_BITS - ONE_BITS)
    tails = power(-np.minimum(exponents, 62 * ONE))  # twice what lies beyond, in units of 2^-31
    below = np.where(distances < 0, tails, 2 * UNIT - tails)
    below -= np.repeat(below[place == 0], np.repeat(lengths, fractions))
    # each of the numbers has a frequency of 1 at least
    shares = (1 << TOTAL_BITS) - _LEAST_ESCAPE - lengths[scale]
    cumulative = place + (below * shares >> (UNIT_BITS + 1))
    arrays = [array.astype(np.int32) for array in (cumulative, starts, reaches, shifts, coarseness)]
    for array in arrays:
        array.flags.writeable = False
    return Tables(*arrays)
