"""Frequency tables: symbols with integer frequencies, all that arithmetic coding needs to know of a distribution.

A table is computed with integers only, from a few small integers that a file holds. The coder takes the frequencies as
they are, so no rounding of anybody's floating-point numbers can come between writer and reader.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inr.compression.bitstream.powers import ONE, ONE_BITS, UNIT, UNIT_BITS, logarithm, power

# Frequencies sum to this.
TOTAL_BITS = 24
TOTAL = 1 << TOTAL_BITS
# Most symbols in a table.
MAX_SYMBOLS = 1 << 17
# The integers that can be coded.
MIN_INTEGER, MAX_INTEGER = -(1 << 31), (1 << 31) - 1

# Of 4096 parts one is spread evenly, so that no symbol is free: a byte of payload is never more than 65,536 symbols.
_SPREAD = TOTAL >> 12

# Exponents β of generalised Gaussian distributions, in quarters, and the indices of two of them.
SHAPES = (2, 3, 4, 5, 6, 8, 12, 16)
LAPLACE, GAUSS = 2, 5
# Scales are 2^((index - 32) / 8).
SCALES = 169
_SCALE_OF_ONE = 32
_OCTAVE_BITS = 3
# Parts of a table's whole in which a spike is given.
SPIKE_PARTS = 256
# Bits after the point of a centre.
CENTRE_BITS = 3
_MAX_EXPONENT = 6 * ONE  # 2^-(2^6) is 0 in units of 2^-30


@dataclass(frozen=True, eq=False)
class FrequencyTable:
    """A distribution over finitely many integers.

    Attributes:
        symbols: distinct and ascending, int64.
        frequencies: of each, at least 1, int64; they sum to 2^24.
    """

    symbols: np.ndarray
    frequencies: np.ndarray

    @cached_property
    def least(self) -> int:
        """What a symbol costs at least, in units of 2^-24 bits, rounded down: -log2 p > 1 - p."""
        return TOTAL - int(self.frequencies.max())

    def indices(self, values: np.ndarray) -> np.ndarray:
        """Where the values stand in `symbols`; they must be among them."""
        if self.symbols.size - 1 == self.symbols[-1] - self.symbols[0]:
            return values - self.symbols[0]
        return np.searchsorted(self.symbols, values)

    def holds(self, symbols: np.ndarray) -> bool:
        """Whether all of these ascending symbols are in the table."""
        if symbols[0] < self.symbols[0] or symbols[-1] > self.symbols[-1]:
            return False
        return bool((self.symbols[np.searchsorted(self.symbols, symbols)] == symbols).all())

    def cost(self, symbols: np.ndarray, counts: np.ndarray) -> int:
        """Bits, in units of 2^-16, that so many of these symbols take."""
        return int((counts * self.lengths(symbols)).sum())

    def lengths(self, symbols: np.ndarray) -> np.ndarray:
        """Bits, in units of 2^-16, that each of these symbols takes."""
        return (TOTAL_BITS << ONE_BITS) - logarithm(self.frequencies[self.indices(symbols)])


def frequencies(weights: np.ndarray, spike: int = 0, place: int = 0) -> np.ndarray:
    """Integers in proportion to the weights (integers from 0 to 2^30), none below 1, that sum to 2^24.

    Of 256 parts, so many as `spike` says go to the weight at `place` beforehand.
    """
    count = weights.size
    floor = least_frequency(count)
    share = (TOTAL - floor * count) * (SPIKE_PARTS - spike) // SPIKE_PARTS
    found = floor + weights * share // max(int(weights.sum()), 1)
    found[place if spike else weights.argmax()] += TOTAL - int(found.sum())
    return found


def least_frequency(count: int) -> int:
    """What each of so many symbols gets of 2^24, whatever its weight."""
    return max(_SPREAD // count, 1)


def log_distances(symbols: np.ndarray, centre: int) -> np.ndarray:
    """log2, in units of 2^-16, of the distance in eighths from centre / 8, and -ONE where it is 0."""
    apart = np.abs((symbols << CENTRE_BITS) - centre)
    return np.where(apart == 0, -ONE, logarithm(np.maximum(apart, 1)))


def generalised_gaussian(distances: np.ndarray, shape: int, scale: int) -> np.ndarray:
    """The generalised Gaussian density 2^-((x / σ)^β), in units of 2^-30; β and σ stand at the indices given.

    At the distance σ a symbol is half as likely as at the centre. β = 1 is Laplace's distribution, 2 that of Gauss.

    Args:
        distances: log2 of x, as `log_distances` gives it.
        shape: index of β in `SHAPES`.
        scale: index of σ, below `SCALES`.
    """
    exponents = distances - (CENTRE_BITS << ONE_BITS) - ((scale - _SCALE_OF_ONE) << (ONE_BITS - _OCTAVE_BITS))
    exponents = np.minimum((exponents * SHAPES[shape]) >> 2, _MAX_EXPONENT)
    falls = power(np.maximum(exponents, -40 * ONE)) >> (UNIT_BITS - ONE_BITS)
    return np.where(distances < 0, UNIT, power(np.maximum(-falls, -62 * ONE)))


def generalised_gaussian_table(
    low: int, high: int, centre: int, shape: int, scale: int, spike: int = 0
) -> FrequencyTable:
    """All integers from low to high, less likely the farther from centre / 8.

    Args:
        low, high: the least and the largest symbol.
        centre: in eighths.
        shape, scale: as of `generalised_gaussian`.
        spike: parts of 256 of the whole that the symbol nearest to the centre gets beforehand, see `spike_symbol`.
    """
    symbols = np.arange(low, high + 1, dtype=np.int64)
    place = spike_symbol(low, high, centre) - low
    return FrequencyTable(
        symbols, frequencies(generalised_gaussian(log_distances(symbols, centre), shape, scale), spike, place)
    )


def spike_symbol(low: int, high: int, centre: int) -> int:
    """The symbol that a spike makes likelier: the nearest to centre / 8."""
    return min((centre + (1 << CENTRE_BITS >> 1)) >> CENTRE_BITS, high)


def histogram_table(symbols: np.ndarray, levels: np.ndarray, precision: int) -> FrequencyTable:
    """Symbols with frequencies in proportion to 2^(level / 2^precision)."""
    falls = (levels - levels.max()) << (ONE_BITS - precision)
    return FrequencyTable(symbols, frequencies(power(np.maximum(falls, -62 * ONE))))
