"""Models of arrays of integers: what coded integers begin with is a model for every array, in a few bytes.

Arrays stand from the largest to the smallest, those of one size as they are given; empty ones are left out.

Each model's first byte holds its kind (bits 0-1), whether there are outliers (bit 2), a number (bits 3-5) and, of a
generalised Gaussian, whether it has a spike (bit 6):

| kind | number | then |
|---|---|---|
| 0 earlier table | which: 0 the latest table before this one, 7 the eighth latest | |
| 1 generalised Gaussian | shape | signed centre; varints: symbols below and above it; scale (*); spike |
| 2 histogram | precision | signed first symbol; varint symbols - 2; the models of gaps and of rises |
| 3 bit-packed | 0 | bits; signed lowest |

(*) There is none where there is only one symbol. The model of gaps or rises is one-sided: a varint largest value and,
unless that is 0, a scale; it stands for the numbers from 0 to the largest under Laplace's distribution about 0.
Outliers are a varint count - 1, bits and the signed lowest. The rest are symbols, array by array: a histogram's gaps
(distance to the symbol before, less one) and rises (of the level over the one before, from 0 for the first, as 0, -1,
1, -2 …), then places and values of outliers, then the array without them.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.frequency_tables import (
    CENTRE_BITS,
    LAPLACE,
    MAX_INTEGER,
    MAX_SYMBOLS,
    MIN_INTEGER,
    SCALES,
    TOTAL_BITS,
    FrequencyTable,
    generalised_gaussian_table,
    histogram_table,
)
from inr.compression.bitstream.stream import CHUNK, Cursor, Reader, Writer, signed
from inr.container import varint

# Bits of a model's first byte, besides its kind and its number, and what all such bytes are below.
_OUTLIERS_BIT, _SPIKE_BIT, _FIRST_BYTE_END = 1 << 2, 1 << 6, 1 << 7
# How many of the latest tables later arrays can use again.
MAX_RECENT_TABLES = 8
# Most symbols in all tables of all arrays: bounds the time that a few crafted bytes can take.
MAX_TABLED = 1 << 24
PRECISIONS = 6
MAX_WIDTH = 32
# Of an array's values at most one in so many is an outlier, and no more than that.
OUTLIER_SHARE = 8
MAX_OUTLIERS = 1 << 18
# Octaves between a histogram's first level and any other.
_MAX_LEVEL_OCTAVES = 32


class ModelKind(IntEnum):
    """The kinds of models, as the lowest two bits of a model's first byte have them."""

    EARLIER_TABLE = 0
    GENERALISED_GAUSSIAN = 1
    HISTOGRAM = 2
    BIT_PACKED = 3


@dataclass(frozen=True, eq=False)
class TableCoded:
    """Values by a table."""

    table: FrequencyTable

    @property
    def least(self) -> int:
        """What a value costs at least, in units of 2^-24 bits."""
        return self.table.least

    def write(self, writer: Writer, values: np.ndarray) -> None:
        """Append values."""
        writer.symbols(self.table, values)

    def read(self, reader: Reader, count: int) -> np.ndarray:
        """The next values."""
        return reader.symbols(self.table, count)


@dataclass(frozen=True)
class BitPacked:
    """Values in equally many bits each, from the lowest on."""

    width: int
    lowest: int

    @property
    def least(self) -> int:
        """What a value costs at least, in units of 2^-24 bits."""
        return self.width << TOTAL_BITS

    @classmethod
    def of(cls, low: int, high: int) -> "BitPacked":
        """The narrowest for values from low to high."""
        return cls((high - low).bit_length(), low)

    @classmethod
    def parse(cls, cursor: Cursor) -> "BitPacked":
        """From a beginning."""
        width, lowest = cursor.byte(), cursor.signed()
        if width > MAX_WIDTH or not MIN_INTEGER <= lowest <= MAX_INTEGER:
            raise InrError(f"{width} bits from {lowest} on are no integers of 32 bits")
        return cls(width, lowest)

    def header(self) -> bytes:
        """For a beginning."""
        return bytes([self.width]) + signed(self.lowest)

    def write(self, writer: Writer, values: np.ndarray) -> None:
        """Append values."""
        writer.bits(self.width, values - self.lowest)

    def read(self, reader: Reader, count: int) -> np.ndarray:
        """The next values."""
        return reader.bits(self.width, count) + self.lowest


ValueCoding = TableCoded | BitPacked
"""How an array's values, less the outliers, are coded: written all at once, read at most CHUNK at a time."""


class RecentTables:
    """The tables of the arrays so far.

    Attributes:
        latest: those that can be used again, the latest last.
        left: how many symbols further tables may have.
    """

    def __init__(self) -> None:
        self.latest: list[FrequencyTable] = []
        self.left = MAX_TABLED

    def add(self, table: FrequencyTable, tabled: int) -> None:
        """One more, for which tables of so many symbols were needed."""
        self.latest = [*self.latest, table][-MAX_RECENT_TABLES:]
        self.left -= tabled


@dataclass(frozen=True)
class GeneralisedGaussian:
    """Integers from low to high about centre / 8; shape and scale are indices, the spike is in 256 parts."""

    low: int
    high: int
    centre: int
    shape: int
    scale: int
    spike: int = 0

    @classmethod
    def parse(cls, cursor: Cursor, shape: int, spike: bool) -> "GeneralisedGaussian":
        """From a beginning."""
        centre, below, above = cursor.signed(), cursor.varint(), cursor.varint()
        low, high = (centre >> CENTRE_BITS) - below, (centre >> CENTRE_BITS) + above
        if below + above >= MAX_SYMBOLS or low < MIN_INTEGER or high > MAX_INTEGER:
            raise InrError(f"a table from {low} to {high} is out of range")
        scale = _parse_scale(cursor) if low < high else 0
        return cls(low, high, centre, shape, scale, cursor.byte() if spike else 0)

    def header(self) -> bytes:
        """For a beginning."""
        middle = self.centre >> CENTRE_BITS
        scale = bytes([self.scale]) if self.low < self.high else b""
        spike = bytes([self.spike]) if self.spike else b""
        return signed(self.centre) + varint(middle - self.low) + varint(self.high - middle) + scale + spike

    @property
    def tabled(self) -> int:
        """Symbols in the table."""
        return self.high - self.low + 1

    def table(self) -> FrequencyTable:
        """The distribution."""
        return generalised_gaussian_table(self.low, self.high, self.centre, self.shape, self.scale, self.spike)


@dataclass(frozen=True)
class OneSidedLaplace:
    """Small numbers from 0 to the largest, the smaller the likelier."""

    largest: int
    scale: int

    @classmethod
    def parse(cls, cursor: Cursor) -> "OneSidedLaplace":
        """From a beginning."""
        largest = cursor.varint()
        if largest >= MAX_SYMBOLS:
            raise InrError(f"a table from 0 to {largest} is out of range")
        return cls(largest, _parse_scale(cursor) if largest else 0)

    def header(self) -> bytes:
        """For a beginning."""
        return varint(self.largest) + (bytes([self.scale]) if self.largest else b"")

    def table(self) -> FrequencyTable:
        """The distribution."""
        return generalised_gaussian_table(0, self.largest, 0, LAPLACE, self.scale)


@dataclass(frozen=True)
class Histogram:
    """Any symbols, each with a level: the logarithm of its frequency, in steps of 2^-precision octaves."""

    first: int
    size: int
    gaps: OneSidedLaplace
    rises: OneSidedLaplace
    precision: int

    @classmethod
    def parse(cls, cursor: Cursor, precision: int) -> "Histogram":
        """From a beginning."""
        first, size = cursor.signed(), cursor.varint() + 2
        if precision >= PRECISIONS or size > MAX_SYMBOLS or not MIN_INTEGER <= first <= MAX_INTEGER:
            raise InrError(f"a histogram of {size} symbols from {first} on is out of range")
        return cls(first, size, OneSidedLaplace.parse(cursor), OneSidedLaplace.parse(cursor), precision)

    def header(self) -> bytes:
        """For a beginning."""
        return signed(self.first) + varint(self.size - 2) + self.gaps.header() + self.rises.header()

    @property
    def tabled(self) -> int:
        """Symbols in the table, and in those it takes to read it."""
        return self.size + self.gaps.largest + self.rises.largest + 2

    def write(self, writer: Writer, gaps: np.ndarray, rises: np.ndarray) -> None:
        """Append what the table is made of."""
        writer.symbols(self.gaps.table(), gaps)
        writer.symbols(self.rises.table(), rises)

    def read(self, reader: Reader) -> FrequencyTable:
        """The distribution, of what comes next."""
        gaps = _read_all(reader, TableCoded(self.gaps.table()), self.size - 1)
        rises = _read_all(reader, TableCoded(self.rises.table()), self.size)
        symbols = self.first + np.concatenate([[0], np.cumsum(gaps + 1)])
        levels = unzigzag(rises).cumsum()
        if symbols[-1] > MAX_INTEGER or np.abs(levels).max() > _MAX_LEVEL_OCTAVES << self.precision:
            raise InrError("its histogram is out of range")
        return histogram_table(symbols, levels, self.precision)


@dataclass(frozen=True)
class Outliers:
    """Values that are coded apart, with their places."""

    count: int
    values: BitPacked

    @classmethod
    def parse(cls, cursor: Cursor, size: int) -> "Outliers":
        """From a beginning, for an array of so many values."""
        count = cursor.varint() + 1
        if count > min(size // OUTLIER_SHARE, MAX_OUTLIERS):
            raise InrError(f"{count} outliers are too many among {size} values")
        return cls(count, BitPacked.parse(cursor))

    def header(self) -> bytes:
        """For a beginning."""
        return varint(self.count - 1) + self.values.header()

    def write(self, writer: Writer, size: int, places: np.ndarray, values: np.ndarray) -> None:
        """Append places in an array of so many values, and what stands there."""
        writer.bits(place_width(size), places)
        self.values.write(writer, values)

    def read(self, reader: Reader, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Places and values, of what comes next."""
        places = _read_all(reader, BitPacked(place_width(size), 0), self.count)
        if places[-1] >= size or (np.diff(places) <= 0).any():
            raise InrError("the places of its outliers are out of order")
        return places, _read_all(reader, self.values, self.count)


@dataclass(frozen=True)
class Model:
    """What one array's beginning says.

    Attributes:
        kind: GeneralisedGaussian, Histogram, BitPacked, or which earlier table is used again.
        outliers: None if there are none.
    """

    kind: GeneralisedGaussian | Histogram | BitPacked | int
    outliers: Outliers | None = None

    @classmethod
    def parse(cls, cursor: Cursor, size: int) -> "Model":
        """From a beginning, for an array of so many values."""
        byte = cursor.byte()
        kind, number = byte & 3, byte >> 3 & 7
        found: GeneralisedGaussian | Histogram | BitPacked | int
        if kind == ModelKind.GENERALISED_GAUSSIAN and byte < _FIRST_BYTE_END:
            found = GeneralisedGaussian.parse(cursor, number, bool(byte & _SPIKE_BIT))
        elif kind == ModelKind.EARLIER_TABLE and byte < _SPIKE_BIT:
            found = number
        elif kind == ModelKind.HISTOGRAM and byte < _SPIKE_BIT:
            found = Histogram.parse(cursor, number)
        elif kind == ModelKind.BIT_PACKED and number == 0 and byte < _SPIKE_BIT:
            found = BitPacked.parse(cursor)
        else:
            raise InrError(f"no model begins with {byte}")
        return cls(found, Outliers.parse(cursor, size) if byte & _OUTLIERS_BIT else None)

    def header(self) -> bytes:
        """For a beginning."""
        match self.kind:
            case int(which):
                byte, rest = ModelKind.EARLIER_TABLE | which << 3, b""
            case GeneralisedGaussian(shape=shape, spike=spike):
                byte, rest = (
                    ModelKind.GENERALISED_GAUSSIAN | shape << 3 | (_SPIKE_BIT if spike else 0),
                    self.kind.header(),
                )
            case Histogram(precision=precision):
                byte, rest = ModelKind.HISTOGRAM | precision << 3, self.kind.header()
            case _:
                byte, rest = ModelKind.BIT_PACKED, self.kind.header()
        if self.outliers:
            byte, rest = byte | _OUTLIERS_BIT, rest + self.outliers.header()
        return bytes([byte]) + rest

    def read_coding(self, reader: Reader, tables: RecentTables) -> ValueCoding:
        """How the values are coded; a table of this model's own is added to `tables`."""
        if isinstance(self.kind, BitPacked):
            return self.kind
        if isinstance(self.kind, int):
            if self.kind >= len(tables.latest):
                raise InrError("it uses a table again that it never had")
            return TableCoded(tables.latest[-1 - self.kind])
        if self.kind.tabled > tables.left:
            raise InrError(f"its tables have more than {MAX_TABLED} symbols")
        table = self.kind.table() if isinstance(self.kind, GeneralisedGaussian) else self.kind.read(reader)
        tables.add(table, self.kind.tabled)
        return TableCoded(table)


def zigzag(numbers: np.ndarray) -> np.ndarray:
    """0, -1, 1, -2, 2 … as 0, 1, 2, 3, 4 …"""
    return np.where(numbers < 0, -2 * numbers - 1, 2 * numbers)


def unzigzag(numbers: np.ndarray) -> np.ndarray:
    """0, 1, 2, 3, 4 … as 0, -1, 1, -2, 2 …"""
    return np.where(numbers & 1, -((numbers + 1) >> 1), numbers >> 1)


def place_width(size: int) -> int:
    """Bits of a place in an array of so many values."""
    return (size - 1).bit_length()


def _read_all(reader: Reader, coding: ValueCoding, count: int) -> np.ndarray:
    reader.claim(count, coding.least)
    return np.concatenate([coding.read(reader, min(CHUNK, count - start)) for start in range(0, count, CHUNK)])


def _parse_scale(cursor: Cursor) -> int:
    scale = cursor.byte()
    if scale >= SCALES:
        raise InrError(f"there is no scale {scale}")
    return scale
