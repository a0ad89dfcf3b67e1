"""Which model an array is coded with: the one that takes the fewest bits, what it says of itself included.

Sizes are exact: a table's frequencies tell what coding with it will take. They are compared as integers, so that equal
arrays give equal bytes on every machine.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from inr.compression.bitstream.frequency_tables import (
    CENTRE_BITS,
    GAUSS,
    LAPLACE,
    MAX_SYMBOLS,
    SCALES,
    SHAPES,
    SPIKE_PARTS,
    TOTAL,
    TOTAL_BITS,
    FrequencyTable,
    generalised_gaussian,
    histogram_table,
    least_frequency,
    log_distances,
    spike_symbol,
)
from inr.compression.bitstream.models import (
    MAX_OUTLIERS,
    OUTLIER_SHARE,
    PRECISIONS,
    BitPacked,
    GeneralisedGaussian,
    Histogram,
    Model,
    OneSidedLaplace,
    Outliers,
    RecentTables,
    TableCoded,
    ValueCoding,
    place_width,
    zigzag,
)
from inr.compression.bitstream.powers import ONE_BITS, logarithm
from inr.compression.bitstream.stream import Writer, packed_width

# Outliers are considered where a table without them is so many times narrower, in so many ways at most.
_MIN_NARROWING, _MAX_OUTLIER_SPLITS = 4, 4
# Symbols on each side of a centre that are counted one by one when distributions are compared; and bins beyond.
_FINE_BINS = 512


@dataclass(frozen=True, eq=False)
class Choice:
    """A model, and what is written with it.

    Attributes:
        model: what the beginning says.
        coding: how the values are coded.
        table: what later arrays can use again, if the model has a table of its own.
        made_of: gaps and rises of a histogram.
        inside: lowest and highest value that is no outlier.
        bits: that all of it takes, in units of 2^-16.
    """

    model: Model
    coding: ValueCoding
    table: FrequencyTable | None
    made_of: tuple[np.ndarray, np.ndarray] | None
    inside: tuple[int, int]
    bits: int

    @property
    def tabled(self) -> int:
        """Symbols in the model's own tables."""
        return self.model.kind.tabled if isinstance(self.model.kind, GeneralisedGaussian | Histogram) else 0

    def write(self, writer: Writer, values: np.ndarray) -> None:
        """Append the array's symbols."""
        if isinstance(self.model.kind, Histogram) and self.made_of:
            self.model.kind.write(writer, *self.made_of)
        if self.model.outliers:
            outside = (values < self.inside[0]) | (values > self.inside[1])
            places = np.flatnonzero(outside)
            self.model.outliers.write(writer, values.size, places, values[places])
            values = values[~outside]
        self.coding.write(writer, values)


def choose(values: np.ndarray, tables: RecentTables) -> Choice:
    """The smallest for int64 values, at least one, after arrays that had these tables."""
    symbols, counts = np.unique(values, return_counts=True)
    choices = [
        *_models_of_all(symbols, counts),
        *_earlier_tables(symbols, counts, tables.latest),
        *_models_with_outliers(symbols, counts),
    ]
    return min((choice for choice in choices if choice.tabled <= tables.left), key=lambda choice: choice.bits)


def _models_of_all(symbols: np.ndarray, counts: np.ndarray, outliers: Outliers | None = None) -> Iterator[Choice]:
    """Every model that holds all symbols."""
    low, high = int(symbols[0]), int(symbols[-1])
    packed = BitPacked.of(low, high)
    yield _choice(Model(packed, outliers), packed, symbols, _packed_cost(packed.width, int(counts.sum())))
    if high - low < MAX_SYMBOLS:
        for kind in _fit_generalised_gaussians(symbols, counts):
            table = kind.table()
            yield _choice(Model(kind, outliers), TableCoded(table), symbols, table.cost(symbols, counts), table)
    if 2 <= symbols.size <= min(MAX_SYMBOLS, int(counts.sum()) // 2) and np.diff(symbols).max() <= MAX_SYMBOLS:
        yield from _fit_histograms(symbols, counts, outliers)


def _earlier_tables(symbols: np.ndarray, counts: np.ndarray, tables: Sequence[FrequencyTable]) -> Iterator[Choice]:
    """Earlier tables, the latest first."""
    for which, table in enumerate(reversed(tables)):
        if table.holds(symbols):
            yield _choice(Model(which), TableCoded(table), symbols, table.cost(symbols, counts))


def _models_with_outliers(symbols: np.ndarray, counts: np.ndarray) -> Iterator[Choice]:
    """Models of the values about the median, with the few that lie far away as outliers."""
    size = int(counts.sum())
    apart, span = np.abs(symbols - _median(symbols, counts)), int(symbols[-1] - symbols[0])
    tried: set[int] = set()
    for bits in range(int(apart.max()).bit_length()):
        inside = apart < 1 << bits
        count, kept = int(counts[~inside].sum()), symbols[inside]
        if len(tried) == _MAX_OUTLIER_SPLITS or span < _MIN_NARROWING * int(kept[-1] - kept[0] + 1):
            return
        if count > min(size // OUTLIER_SHARE, MAX_OUTLIERS) or count in tried:
            continue
        tried.add(count)
        values = BitPacked.of(int(symbols[~inside].min()), int(symbols[~inside].max()))
        outlier_bits = _packed_cost(place_width(size), count) + _packed_cost(values.width, count)
        for choice in _models_of_all(kept, counts[inside], Outliers(count, values)):
            yield replace(choice, bits=choice.bits + outlier_bits)


def _choice(
    model: Model,
    coding: ValueCoding,
    symbols: np.ndarray,
    bits: int,
    table: FrequencyTable | None = None,
    made_of: tuple[np.ndarray, np.ndarray] | None = None,
) -> Choice:
    bits += 8 * len(model.header()) << ONE_BITS
    return Choice(model, coding, table, made_of, (int(symbols[0]), int(symbols[-1])), bits)


class _BinnedCounts:
    """Counts of symbols about a centre, those far from it taken together: they tell nearly what models would cost."""

    def __init__(self, symbols: np.ndarray, counts: np.ndarray, low: int, high: int, centre: int) -> None:
        step, middle = max((high - low) // _FINE_BINS, 1), centre >> CENTRE_BITS
        first, last = max(low, middle - _FINE_BINS), min(high, middle + _FINE_BINS)
        ranges = (range(low, first, step), range(first, last + 1), range(last + 1, high + 1, step))
        starts = np.concatenate([np.array(part, dtype=np.int64) for part in ranges])
        ends = np.append(starts[1:], high + 1)
        self._symbols, self._floor = high - low + 1, least_frequency(high - low + 1)
        self._sizes, self._counts = ends - starts, np.zeros(starts.size, dtype=np.int64)
        np.add.at(self._counts, np.searchsorted(starts, symbols, side="right") - 1, counts)
        self._distances = log_distances((starts + ends - 1) >> 1, centre)

    def cost(self, shape: int, scale: int) -> int:
        """Bits, in units of 2^-16."""
        found = generalised_gaussian(self._distances, shape, scale)
        share = TOTAL - self._floor * self._symbols
        found = self._floor + found * share // max(int((found * self._sizes).sum()), 1)
        return int((self._counts * ((TOTAL_BITS << ONE_BITS) - logarithm(np.maximum(found, 1)))).sum())


def _fit_generalised_gaussians(symbols: np.ndarray, counts: np.ndarray) -> Iterator[GeneralisedGaussian]:
    """The best of centres tried, with its best shape and scale; with a spike, too, if the nearest symbol stands out."""
    found = _fit_generalised_gaussian(symbols, counts, int(symbols[0]), int(symbols[-1]))
    yield found
    place = int(np.searchsorted(symbols, spike_symbol(found.low, found.high, found.centre)))
    beside = [int(counts[k]) for k in (place - 1, place + 1) if 0 <= k < counts.size]
    usual = sum(beside) // 2
    if (
        counts[place] <= usual
        or len(beside) == 0
        or symbols[place] != spike_symbol(found.low, found.high, found.centre)
    ):
        return
    others = counts.copy()
    others[place] = usual
    spike = SPIKE_PARTS * int(counts[place] - usual) // int(counts.sum())
    if 0 < spike < SPIKE_PARTS:
        found = _fit_generalised_gaussian(symbols, others, found.low, found.high, (int(symbols[place]) << CENTRE_BITS,))
        yield replace(found, spike=spike)


def _fit_generalised_gaussian(
    symbols: np.ndarray, counts: np.ndarray, low: int, high: int, centres: Sequence[int] = ()
) -> GeneralisedGaussian:
    if low == high:
        return GeneralisedGaussian(low, high, low << CENTRE_BITS, 0, 0)
    if not centres:
        size = int(counts.sum())
        mean = ((int((symbols * counts).sum()) << CENTRE_BITS) + size // 2) // size
        centres = [mean, _median(symbols, counts) << CENTRE_BITS, *([0] if low <= 0 <= high else [])]
    grids = {centre: _BinnedCounts(symbols, counts, low, high, centre) for centre in sorted(centres)}

    @cache
    def cost(centre: int, shape: int, scale: int) -> int:
        header = 8 * len(GeneralisedGaussian(low, high, centre, shape, scale).header()) << ONE_BITS
        return header + grids[centre].cost(shape, scale)

    starts = [
        (centre, shape, _typical_scale(symbols, counts, centre)) for centre in grids for shape in (LAPLACE, GAUSS)
    ]
    centre, shape, scale = min(starts, key=lambda start: cost(*start))
    while True:
        shape, scale = _fit_shape(partial(cost, centre), shape, scale)
        better = min(grids, key=lambda centre: cost(centre, shape, scale))
        if cost(better, shape, scale) >= cost(centre, shape, scale):
            return GeneralisedGaussian(low, high, centre, shape, scale)
        centre = better


def _fit_one_sided(numbers: np.ndarray) -> tuple[OneSidedLaplace, int]:
    """The best scale for small numbers, and the bits, in units of 2^-16, that they take."""
    largest = int(numbers.max())
    if largest == 0:
        return OneSidedLaplace(0, 0), 0
    symbols, counts = np.unique(numbers, return_counts=True)
    cost = cache(partial(_BinnedCounts(symbols, counts, 0, largest, 0).cost, LAPLACE))
    found = OneSidedLaplace(largest, _fit_scale(cost, _typical_scale(symbols, counts, 0)))
    return found, found.table().cost(symbols, counts)


def _fit_histograms(symbols: np.ndarray, counts: np.ndarray, outliers: Outliers | None) -> Iterator[Choice]:
    """Every symbol with the logarithm of its count, rounded, as long as finer rounding makes it smaller."""
    gaps, logarithms = np.diff(symbols) - 1, logarithm(counts)
    model_of_gaps, bits_of_gaps = _fit_one_sided(gaps)
    least = None
    for precision in range(PRECISIONS):
        shift = ONE_BITS - precision
        levels = (logarithms + (1 << shift >> 1)) >> shift
        rises = zigzag(np.diff(levels, prepend=0))
        model_of_rises, bits_of_rises = _fit_one_sided(rises)
        kind = Histogram(int(symbols[0]), symbols.size, model_of_gaps, model_of_rises, precision)
        table = histogram_table(symbols, levels, precision)
        bits = table.cost(symbols, counts) + bits_of_gaps + bits_of_rises
        yield _choice(Model(kind, outliers), TableCoded(table), symbols, bits, table, (gaps, rises))
        if least is not None and bits > least:
            return
        least = bits


def _fit_shape(cost: Callable[[int, int], int], shape: int, scale: int) -> tuple[int, int]:
    """Shape and scale; each shape is tried with its best scale, as long as that makes the cost smaller."""
    found = {shape: _fit_scale(partial(cost, shape), scale)}
    for way in (-1, 1):
        best = min(found, key=lambda shape: cost(shape, found[shape]))
        for near in range(best + way, len(SHAPES) if way > 0 else -1, way):
            found[near] = _fit_scale(partial(cost, near), found[near - way])
            if cost(near, found[near]) >= cost(near - way, found[near - way]):
                break
    best = min(found, key=lambda shape: cost(shape, found[shape]))
    return best, found[best]


def _fit_scale(cost: Callable[[int], int], scale: int) -> int:
    """The scale from which no step leads to a smaller cost."""
    for step in (8, 4, 2, 1):
        while True:
            best = min((near for near in (scale - step, scale + step) if 0 <= near < SCALES), key=cost)
            if cost(best) >= cost(scale):
                break
            scale = best
    return scale


def _typical_scale(symbols: np.ndarray, counts: np.ndarray, centre: int) -> int:
    """Index of about the mean distance from centre / 8."""
    apart = int((np.abs((symbols << CENTRE_BITS) - centre) * counts).sum()) // int(counts.sum())
    return min(8 * max(apart, 1).bit_length(), SCALES - 1)


def _median(symbols: np.ndarray, counts: np.ndarray) -> int:
    return int(symbols[np.searchsorted(np.cumsum(counts), int(counts.sum()) // 2, side="right")])


def _packed_cost(width: int, count: int) -> int:
    """Bits, in units of 2^-16, of so many packed numbers."""
    return count * packed_width(width) << ONE_BITS
