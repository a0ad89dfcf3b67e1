"""What the beginning of coded integers says: for every array a model, in a few bytes, and its outliers.

Arrays stand from the largest to the smallest, those of one size as they are given; empty ones are left out.

Each model's first byte holds its kind (bits 0-1), whether there are outliers (bit 2), a number (bits 3-5) and, of a
bell, whether it has a spike (bit 6):

| kind | number | then |
|---|---|---|
| 0 same | which: 0 the latest table before this one, 7 the eighth latest | |
| 1 bell | shape | signed centre; varints: symbols below and above it; scale, unless there is one symbol; spike |
| 2 histogram | precision | signed first symbol; varint symbols - 2; ranges of gaps and of rises |
| 3 packed | 0 | bits; signed lowest |

A *range* is a varint largest value and, unless that is 0, a scale: the numbers from 0 to the largest, Laplace's
distribution about 0. Outliers are a varint count - 1, bits and the signed lowest. The rest are symbols, array by array:
a histogram's gaps (distance to the symbol before, less one) and rises (of the level over the one before, from 0 for
the first, as 0, -1, 1, -2 …), then places and values of outliers, then the array without them.
"""

from dataclasses import dataclass

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.stream import CHUNK, Cursor, Reader, Writer, signed
from inr.compression.bitstream.tables import (
    CENTRE_BITS,
    HIGHEST,
    LAPLACE,
    LOWEST,
    MAX_SYMBOLS,
    SCALES,
    TOTAL_BITS,
    Table,
    bell_table,
    level_table,
)
from inr.container._varint import varint

SAME, BELL, HISTOGRAM, PACKED = range(4)
_APART, _SPIKE, _END = 1 << 2, 1 << 6, 1 << 7
# tables that later arrays can use again
MEMORY = 8
# most symbols in all tables of all arrays: bounds the time that a few crafted bytes can take
MAX_TABLED = 1 << 24
PRECISIONS = 6
MAX_WIDTH = 32
# of an array's values, at most one in so many is an outlier, and no more than that
OUTLIER_SHARE = 8
MAX_OUTLIERS = 1 << 18
_MAX_LEVEL = 32  # octaves between the first level and any


@dataclass(frozen=True, eq=False)
class Tabled:
    """Values by a table."""

    table: Table

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
class Packed:
    """Values in equally many bits each, from the lowest on."""

    width: int
    lowest: int

    @property
    def least(self) -> int:
        """What a value costs at least, in units of 2^-24 bits."""
        return self.width << TOTAL_BITS

    @classmethod
    def of(cls, low: int, high: int) -> "Packed":
        """The narrowest for values from low to high."""
        return cls((high - low).bit_length(), low)

    @classmethod
    def parse(cls, cursor: Cursor) -> "Packed":
        """From a beginning."""
        width, lowest = cursor.byte(), cursor.signed()
        if width > MAX_WIDTH or not LOWEST <= lowest <= HIGHEST:
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


Body = Tabled | Packed
"""How an array's values, less the outliers, are coded: written all at once, read at most CHUNK at a time."""


class Tables:
    """Tables so far.

    Attributes:
        latest: that can be used again, the latest last.
        left: symbols that further tables may have.
    """

    def __init__(self) -> None:
        self.latest: list[Table] = []
        self.left = MAX_TABLED

    def add(self, table: Table, tabled: int) -> None:
        """One more, for which tables of so many symbols were needed."""
        self.latest = [*self.latest, table][-MEMORY:]
        self.left -= tabled


@dataclass(frozen=True)
class Bell:
    """Integers from low to high about centre / 8; shape and scale are indices, the spike is in 256 parts."""

    low: int
    high: int
    centre: int
    shape: int
    scale: int
    spike: int = 0

    @classmethod
    def parse(cls, cursor: Cursor, shape: int, spike: bool) -> "Bell":
        """From a beginning."""
        centre, below, above = cursor.signed(), cursor.varint(), cursor.varint()
        low, high = (centre >> CENTRE_BITS) - below, (centre >> CENTRE_BITS) + above
        if below + above >= MAX_SYMBOLS or low < LOWEST or high > HIGHEST:
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

    def table(self) -> Table:
        """The distribution."""
        return bell_table(self.low, self.high, self.centre, self.shape, self.scale, self.spike)


@dataclass(frozen=True)
class Range:
    """Small numbers from 0 to the largest, the smaller the likelier."""

    largest: int
    scale: int

    @classmethod
    def parse(cls, cursor: Cursor) -> "Range":
        """From a beginning."""
        largest = cursor.varint()
        if largest >= MAX_SYMBOLS:
            raise InrError(f"a table from 0 to {largest} is out of range")
        return cls(largest, _parse_scale(cursor) if largest else 0)

    def header(self) -> bytes:
        """For a beginning."""
        return varint(self.largest) + (bytes([self.scale]) if self.largest else b"")

    def table(self) -> Table:
        """The distribution."""
        return bell_table(0, self.largest, 0, LAPLACE, self.scale)


@dataclass(frozen=True)
class Histogram:
    """Any symbols, each with a level: the logarithm of its frequency, in steps of 2^-precision octaves."""

    first: int
    size: int
    gaps: Range
    rises: Range
    precision: int

    @classmethod
    def parse(cls, cursor: Cursor, precision: int) -> "Histogram":
        """From a beginning."""
        first, size = cursor.signed(), cursor.varint() + 2
        if precision >= PRECISIONS or size > MAX_SYMBOLS or not LOWEST <= first <= HIGHEST:
            raise InrError(f"a histogram of {size} symbols from {first} on is out of range")
        return cls(first, size, Range.parse(cursor), Range.parse(cursor), precision)

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

    def read(self, reader: Reader) -> Table:
        """The distribution, of what comes next."""
        gaps = _read_all(reader, Tabled(self.gaps.table()), self.size - 1)
        rises = _read_all(reader, Tabled(self.rises.table()), self.size)
        symbols = self.first + np.concatenate([[0], np.cumsum(gaps + 1)])
        levels = unzigzag(rises).cumsum()
        if symbols[-1] > HIGHEST or np.abs(levels).max() > _MAX_LEVEL << self.precision:
            raise InrError("its histogram is out of range")
        return level_table(symbols, levels, self.precision)


@dataclass(frozen=True)
class Outliers:
    """Values that are coded apart, with their places."""

    count: int
    values: Packed

    @classmethod
    def parse(cls, cursor: Cursor, size: int) -> "Outliers":
        """From a beginning, for an array of so many values."""
        count = cursor.varint() + 1
        if count > min(size // OUTLIER_SHARE, MAX_OUTLIERS):
            raise InrError(f"{count} outliers are too many among {size} values")
        return cls(count, Packed.parse(cursor))

    def header(self) -> bytes:
        """For a beginning."""
        return varint(self.count - 1) + self.values.header()

    def write(self, writer: Writer, size: int, places: np.ndarray, values: np.ndarray) -> None:
        """Append places in an array of so many values, and what stands there."""
        writer.bits(place_width(size), places)
        self.values.write(writer, values)

    def read(self, reader: Reader, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Places and values, of what comes next."""
        places = _read_all(reader, Packed(place_width(size), 0), self.count)
        if places[-1] >= size or (np.diff(places) <= 0).any():
            raise InrError("the places of its outliers are out of order")
        return places, _read_all(reader, self.values, self.count)


@dataclass(frozen=True)
class Model:
    """What one array's beginning says.

    Attributes:
        kind: Bell, Histogram, Packed, or which earlier table is used again.
        outliers: None if there are none.
    """

    kind: Bell | Histogram | Packed | int
    outliers: Outliers | None = None

    @classmethod
    def parse(cls, cursor: Cursor, size: int) -> "Model":
        """From a beginning, for an array of so many values."""
        byte = cursor.byte()
        kind, apart, number, spike = byte & 3, byte >> 2 & 1, byte >> 3 & 7, byte >> 6 & 1
        found: Bell | Histogram | Packed | int
        if kind == BELL and byte < _END:
            found = Bell.parse(cursor, number, bool(spike))
        elif kind == SAME and byte < _SPIKE:
            found = number
        elif kind == HISTOGRAM and byte < _SPIKE:
            found = Histogram.parse(cursor, number)
        elif kind == PACKED and number == 0 and byte < _SPIKE:
            found = Packed.parse(cursor)
        else:
            raise InrError(f"no model begins with {byte}")
        return cls(found, Outliers.parse(cursor, size) if apart else None)

    def header(self) -> bytes:
        """For a beginning."""
        match self.kind:
            case int(which):
                byte, rest = SAME | which << 3, b""
            case Bell(shape=shape, spike=spike):
                byte, rest = BELL | shape << 3 | (_SPIKE if spike else 0), self.kind.header()
            case Histogram(precision=precision):
                byte, rest = HISTOGRAM | precision << 3, self.kind.header()
            case _:
                byte, rest = PACKED, self.kind.header()
        if self.outliers:
            byte, rest = byte | _APART, rest + self.outliers.header()
        return bytes([byte]) + rest

    def read_body(self, reader: Reader, tables: Tables) -> Body:
        """How the values are coded; a table of this model's own is added to `tables`."""
        if isinstance(self.kind, Packed):
            return self.kind
        if isinstance(self.kind, int):
            if self.kind >= len(tables.latest):
                raise InrError("it uses a table again that it never had")
            return Tabled(tables.latest[-1 - self.kind])
        if self.kind.tabled > tables.left:
            raise InrError(f"its tables have more than {MAX_TABLED} symbols")
        table = self.kind.table() if isinstance(self.kind, Bell) else self.kind.read(reader)
        tables.add(table, self.kind.tabled)
        return Tabled(table)


def zigzag(numbers: np.ndarray) -> np.ndarray:
    """0, -1, 1, -2, 2 … as 0, 1, 2, 3, 4 …"""
    return np.where(numbers < 0, -2 * numbers - 1, 2 * numbers)


def unzigzag(numbers: np.ndarray) -> np.ndarray:
    """0, 1, 2, 3, 4 … as 0, -1, 1, -2, 2 …"""
    return np.where(numbers & 1, -((numbers + 1) >> 1), numbers >> 1)


def place_width(size: int) -> int:
    """Bits of a place in an array of so many values."""
    return (size - 1).bit_length()


def _read_all(reader: Reader, body: Body, count: int) -> np.ndarray:
    reader.claim(count, body.least)
    return np.concatenate([body.read(reader, min(CHUNK, count - start)) for start in range(0, count, CHUNK)])


def _parse_scale(cursor: Cursor) -> int:
    scale = cursor.byte()
    if scale >= SCALES:
        raise InrError(f"there is no scale {scale}")
    return scale
