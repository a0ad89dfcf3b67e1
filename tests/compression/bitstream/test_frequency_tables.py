"""What the format is made of, pinned: constants, frequencies, the range coder and whole streams."""

import math
import zlib

import numpy as np
import pytest

from inr.compression import decode_integers, encode_integers
from inr.compression.bitstream.frequency_tables import (
    MAX_SYMBOLS,
    SCALES,
    SHAPES,
    SPIKE_PARTS,
    TOTAL,
    FrequencyTable,
    frequencies,
    generalised_gaussian_table,
    histogram_table,
)
from inr.compression.bitstream.models import MAX_RECENT_TABLES, PRECISIONS, unzigzag, zigzag
from inr.compression.bitstream.powers import _mantissas, logarithm, power
from inr.compression.bitstream.stream import Cursor, Reader, Writer, signed
from inr.container import varint


def checksum(*arrays: np.ndarray) -> str:
    crc = 0
    for array in arrays:
        crc = zlib.crc32(array.astype("<i8").tobytes(), crc)
    return f"{crc:08x}"


def test_the_constants_of_the_format_are_pinned():
    """Whoever changes one of these makes files unreadable: that takes a coding with another name."""
    assert (MAX_SYMBOLS, SCALES, SHAPES, TOTAL) == (131_072, 169, (2, 3, 4, 5, 6, 8, 12, 16), 16_777_216)
    assert (MAX_RECENT_TABLES, PRECISIONS, SPIKE_PARTS) == (8, 6, 256)
    assert checksum(_mantissas()) == "82ea12b8"


def test_every_generalised_gaussian_is_pinned():
    tables = [
        generalised_gaussian_table(low, high, centre, shape, scale)
        for low, high, centre, step in ((-128, 127, 0, 1), (0, 255, 1021, 7), (-3, 4, -13, 5), (0, 1, 7, 3))
        for shape in range(len(SHAPES))
        for scale in range(0, SCALES, step)
    ]
    assert checksum(*(table.frequencies for table in tables)) == "b353ceec"
    wide = generalised_gaussian_table(-65_535, 65_536, 12_345, 5, 140)
    spikes = [
        generalised_gaussian_table(-9, 6, centre, 2, 36, spike)
        for centre in (0, 4, -45, 55)
        for spike in range(SPIKE_PARTS)
    ]
    assert checksum(wide.frequencies, *(table.frequencies for table in spikes)) == "0847c7cd"


def test_tables_of_levels_are_pinned():
    levels = np.array([0, 31, -4, 7, 7, 100, 3])
    tables = [histogram_table(np.arange(7), levels, precision) for precision in range(PRECISIONS)]
    assert checksum(*(table.frequencies for table in tables)) == "94a27310"


def test_powers_and_logarithms_are_those_of_2():
    exponents = np.arange(-30 << 16, 30 << 16, 997)
    np.testing.assert_allclose(power(exponents), 2.0 ** (30 + exponents / 65_536), rtol=4e-9, atol=1)
    numbers = np.unique(np.concatenate([2 ** np.arange(62), 3 ** np.arange(39), np.arange(1, 70_000)]))
    np.testing.assert_allclose(logarithm(numbers) / 65_536, np.log2(numbers), atol=2**-16, rtol=0)
    assert (logarithm(2 ** np.arange(62)) == np.arange(62) << 16).all()


@pytest.mark.parametrize("shape", range(len(SHAPES)))
@pytest.mark.parametrize("scale", [20, 32, 47, 80])
def test_bells_have_the_documented_form(shape, scale):
    table = generalised_gaussian_table(-50, 60, 27, shape, scale)
    apart = np.abs(table.symbols - 27 / 8) / 2 ** ((scale - 32) / 8)
    weights = 2 ** -(apart ** (SHAPES[shape] / 4))
    expected = 2**12 / 111 + (2**24 - 2**12) * weights / weights.sum()
    np.testing.assert_allclose(table.frequencies, expected, rtol=2e-4, atol=111)  # one symbol gets what rounding leaves


@pytest.mark.parametrize(("centre", "place"), [(0, 50), (3, 50), (4, 51), (-4, 50), (-5, 49), (487, 110)])
def test_a_spike_takes_its_share_from_all_others(centre, place):
    flat, spiked = (
        generalised_gaussian_table(-50, 60, centre, 2, 40),
        generalised_gaussian_table(-50, 60, centre, 2, 40, 64),
    )
    others = np.arange(111) != place
    np.testing.assert_allclose(spiked.frequencies[others], 0.75 * flat.frequencies[others], atol=40, rtol=1e-3)
    assert spiked.frequencies[place] >= TOTAL // 4


@pytest.mark.parametrize("count", [1, 2, 3, 1000, MAX_SYMBOLS])
@pytest.mark.parametrize("weights", ["even", "one", "none", "any"])
def test_frequencies_sum_to_the_whole_and_none_is_0(weights, count):
    given = {
        "even": np.full(count, 2**30),
        "one": np.eye(1, count, count // 2, dtype=np.int64)[0] << 30,
        "none": np.zeros(count, dtype=np.int64),
        "any": np.random.default_rng(0).integers(0, 2**30, count),
    }
    found = frequencies(given[weights])
    assert found.sum() == TOTAL
    assert found.min() >= 1
    assert frequencies(given[weights], 255, count - 1).sum() == TOTAL
    assert count == 1 or TOTAL - found.max() >= 2**11  # no symbol is free


def twin(data: bytes, tables: list[FrequencyTable]) -> list[int]:
    """The range decoder, written out: one symbol by each table."""
    data += bytes(8 + 4 * len(tables))
    point, rest = int.from_bytes(data[:8], "big"), data[8:]
    lower, width, symbols = 0, 2**64 - 1, []
    for table in tables:
        part = width >> 24
        ends = np.cumsum(table.frequencies)
        which = int(np.searchsorted(ends, (point - lower) % 2**64 // part, side="right"))
        symbols.append(int(table.symbols[which]))
        lower += part * int(ends[which] - table.frequencies[which])
        width = part * int(table.frequencies[which])
        if width < 2**32:
            lower, width = lower << 32, width << 32
            point, rest = point << 32 | int.from_bytes(rest[:4], "big"), rest[4:]
    return symbols


@pytest.mark.parametrize("seed", range(8))
def test_the_library_decodes_what_the_format_says(seed):
    """Frequencies reach the library unrounded, or the twin would soon read other symbols."""
    random = np.random.default_rng(seed)
    shapes = [(shape, int(random.integers(SCALES))) for shape in range(len(SHAPES))]
    tables = [generalised_gaussian_table(-200, 300, int(random.integers(-1000, 1000)), *at) for at in shapes]
    order = [tables[k] for k in random.integers(len(tables), size=3000)]
    expected = [int(random.choice(t.symbols, p=t.frequencies / TOTAL)) for t in order]
    writer = Writer()
    for table, symbol in zip(order, expected, strict=True):
        writer.symbols(table, np.array([symbol]))
    data = writer.finish()
    assert twin(data, order) == expected
    reader = Reader(memoryview(data))
    assert [int(reader.symbols(table, 1)[0]) for table in order] == expected
    reader.finish()


@pytest.mark.parametrize("symbol", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 2, 7, 40, 3000])
def test_the_end_is_short_and_does_not_depend_on_what_follows(symbol, count):
    table = FrequencyTable(np.arange(3), np.array([1 << 22, (3 << 22) - (1 << 10), 1 << 10]))
    writer = Writer()
    writer.symbols(table, np.full(count, symbol))
    data, bits = writer.finish(), -count * math.log2(table.frequencies[symbol] / TOTAL)
    assert bits <= 8 * len(data) <= bits + 16
    for tail in (b"", b"\x00" * 9, b"\xff" * 9):
        assert twin(data + tail, [table] * count) == [symbol] * count


def test_numbers_at_the_beginning_come_back():
    numbers = [0, 1, -1, 63, -64, 64, 2**34, -(2**34), 2**41 - 1, -(2**41)]
    cursor = Cursor(memoryview(b"".join(map(signed, numbers)) + varint(300)))
    assert [cursor.signed() for _ in numbers] == numbers
    assert cursor.varint() == 300
    assert len(cursor.rest()) == 0
    assert zigzag(np.array([0, -1, 1, -2])).tolist() == [0, 1, 2, 3]
    assert unzigzag(np.arange(5)).tolist() == [0, -1, 1, -2, 2]


STREAMS = {
    "constant": ([5] * 40, "03000a"),
    "packed": ([1, 5, 9, 12, 0, 15, 7, 3], "030400159c0f72fd"),
    "bell": (
        [0, 1, 0, -1, 0, 0, 2, 0, -1, 0, 0, 1, 0, 0, -3, 0, 1, 0, 0, 0] * 3,
        "010003020ac1d650822c73f6f9275fe09bcd",
    ),
    "spike": (([0] * 9 + [4] + [0] * 9 + [-3, 0, 0, 6, 0, -5]) * 4, "51000506a8cc8869db2649b2a6a7a9a83f5d1c3a1c"),
    "histogram": (
        [-90, 4, 4, 200, 4, -90, 4, 4, 201, 4] * 12,
        "02b30102c301740a337dc484c38fbe8034c86a9179063036adef1cfde2d909c117c0f68c4ca9",
    ),
    "outliers": ([0, 1] * 40 + [-(2**31)] + [1, 0] * 20, "0701000000ffffffff0fa0aaaaaaa3b55555555555ffaaaaaaaa"),
    "32 bits": ([-(2**31), 2**31 - 1, 12_345_678], "0320ffffffff0f00000000fffffeff614e815ab2"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_whole_streams_are_pinned(name):
    values, stream = STREAMS[name]
    assert decode_integers(bytes.fromhex(stream), len(values)).tolist() == values
    assert encode_integers(np.array(values)).hex() == stream
