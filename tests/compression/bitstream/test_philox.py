"""The counter-based generator: published vectors, and rows that depend on their place alone."""

import zlib

import numpy as np
import pytest

from inr.compression.bitstream.philox import bit_rows, philox

# counter, key, words: from the file kat_vectors of Random123, by the generator's authors
VECTORS = [
    ([0] * 4, (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        (0xA4093822, 0x299F31D0),
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), VECTORS)
def test_the_published_vectors_come_out(counter, key, words):
    np.testing.assert_array_equal(philox(np.array(counter, np.uint32), key), np.array(words, np.uint32))


def test_counters_of_any_shape_are_taken_one_by_one():
    counters = np.random.default_rng(0).integers(0, 2**32, (4, 3, 5), dtype=np.uint32)
    together = philox(counters, (7, 8))
    assert together.dtype == np.uint32
    np.testing.assert_array_equal(together[:, 2, 4], philox(counters[:, 2, 4], (7, 8)))


def test_a_bit_is_where_the_docstring_says():
    rows = bit_rows(5, 1000, 1003, 300)
    assert rows.shape == (3, 12)
    for row, column in ((0, 0), (1, 129), (2, 299)):
        words = philox(np.array([column // 128, 1000 + row, 0, 0], np.uint32), (5, 0))
        expected = int(words[column // 32 % 4]) >> column % 32 & 1
        assert int(rows[row, column // 32]) >> column % 32 & 1 == expected


def test_rows_do_not_depend_on_the_others():
    whole = bit_rows(3, 0, 20, 200)
    np.testing.assert_array_equal(np.concatenate([bit_rows(3, 0, 7, 200), bit_rows(3, 7, 20, 200)]), whole)
    np.testing.assert_array_equal(bit_rows(3, 2**32 - 2, 2**32 - 1, 200)[0], bit_rows(3, 2**32 - 2, 2**32 - 1, 256)[0])


def test_every_machine_has_these_bits():
    assert zlib.crc32(bit_rows(2**32 - 1, 5, 50, 1000).astype("<u4").tobytes()) == 747752929


def test_bits_look_drawn():
    bits = np.unpackbits(bit_rows(1, 0, 1000, 1024).view(np.uint8), axis=1).astype(np.float64)
    assert abs(bits.mean() - 0.5) < 4 * 0.5 / np.sqrt(bits.size)
    # rows, columns and seeds have nothing to do with each other: means over a thousand, within 5 of their deviations
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(1000)
    assert np.abs(bits.mean(axis=1) - 0.5).max() < 5 * 0.5 / np.sqrt(1024)
    other = np.unpackbits(bit_rows(2, 0, 1000, 1024).view(np.uint8), axis=1)
    assert abs((bits == other).mean() - 0.5) < 4 * 0.5 / np.sqrt(bits.size)
