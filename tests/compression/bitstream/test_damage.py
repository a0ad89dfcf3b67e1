"""Damaged, truncated and crafted streams: refused in words or read as some integers, with bounded memory."""

import sys
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inr import InrError, MissingExtra
from inr.compression import decode_integers, encode_integers
from inr.compression.bitstream.integers import decode_arrays
from inr.compression.bitstream.models import (
    BitPacked,
    GeneralisedGaussian,
    Histogram,
    Model,
    ModelKind,
    OneSidedLaplace,
    Outliers,
)
from inr.compression.bitstream.stream import Writer

WORKSPACE = 48 << 20


def samples() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    bell = np.round(random.laplace(0, 3, 600)).astype(np.int32)
    return {
        "bell": bell,
        "wide bell": np.round(random.normal(0, 4000, 100)).astype(np.int32),
        "histogram": random.choice(np.array([-90, 4, 200, 201], dtype=np.int32), 600, p=[0.1, 0.2, 0.3, 0.4]),
        "packed": random.integers(0, 16, 60, dtype=np.int32),
        "outliers": np.where(np.arange(600) % 99 == 0, 10**9, bell).astype(np.int32),
        "constant": np.full(600, 3, dtype=np.int32),
    }


SAMPLES = {name: (values, encode_integers(values)) for name, values in samples().items()}


def assert_read_or_refused(data: bytes, count: int) -> bool:
    """Whether the data were read; what was read are so many integers."""
    try:
        values = decode_integers(data, count, max_bytes=4 * count)
    except InrError:
        return False
    assert values.shape == (count,)
    assert values.dtype == np.int32
    return True


@pytest.mark.parametrize("name", SAMPLES)
def test_truncations_end_cleanly(name):
    values, data = SAMPLES[name]
    lengths = range(0, len(data), max(len(data) // 60, 1))
    read = [length for length in lengths if assert_read_or_refused(data[:length], values.size)]
    assert len(read) <= 1  # none when this was written


@pytest.mark.parametrize("name", SAMPLES)
def test_flipped_bits_end_cleanly(name):
    values, data = SAMPLES[name]
    random = np.random.default_rng(1)
    places = {*range(min(len(data), 12)), *random.integers(0, len(data), 40).tolist()}
    for place in places:
        altered = bytearray(data)
        altered[place] ^= 1 << int(random.integers(8))
        assert_read_or_refused(bytes(altered), values.size)


@pytest.mark.parametrize("name", SAMPLES)
def test_bytes_at_the_end_and_other_counts_end_cleanly(name):
    values, data = SAMPLES[name]
    assert not assert_read_or_refused(data + b"\x00", values.size)
    assert not assert_read_or_refused(data + data, values.size)
    for count in (0, 1, values.size - 1, values.size + 1, 10 * values.size):
        read = assert_read_or_refused(data, count)
        assert not read or name == "constant" or abs(count - values.size) == 1


@given(st.binary(max_size=40), st.integers(0, 5000))
@settings(max_examples=150)
def test_noise_ends_cleanly(data, count):
    assert_read_or_refused(data, count)


@given(
    st.sampled_from(sorted(SAMPLES)),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=4),
    st.binary(max_size=3),
)
@settings(max_examples=150)
def test_edits_end_cleanly(name, flips, insert):
    values, data = SAMPLES[name]
    altered = bytearray(data)
    for place, mask in flips:
        altered[place % len(data)] ^= mask
        altered[place % len(data) : place % len(data)] = insert
    assert_read_or_refused(bytes(altered), values.size)


# A model of numbers that are all 0.
ZEROS = OneSidedLaplace(0, 0)
GAUSSIAN = Model(GeneralisedGaussian(-2, 2, 0, 2, 32)).header()


@pytest.mark.parametrize(
    ("data", "count", "message"),
    [
        (b"", 1, "cut before its symbols begin"),
        (b"\x00", 1, "uses a table again that it never had"),
        (bytes([ModelKind.EARLIER_TABLE | 7 << 3]), 1, "uses a table again that it never had"),
        (b"\xc1", 1, "no model begins with 193"),
        (b"\x40", 1, "no model begins with 64"),
        (b"\x42", 1, "no model begins with 66"),
        (bytes([ModelKind.BIT_PACKED | 1 << 3, 3, 0]), 1, "no model begins with 11"),
        (b"\x01\x00\x00\xff\xff\xff\xff\xff\xff\xff", 1, "number at its beginning is out of range"),
        (Model(GeneralisedGaussian(0, 1 << 17, 0, 0, 0)).header(), 1, "a table from 0 to 131072 is out of range"),
        (Model(GeneralisedGaussian(2**31 - 5, 2**31, (2**31 - 5) * 8, 0, 0)).header(), 1, "is out of range"),
        (Model(GeneralisedGaussian(-(2**31) - 1, -(2**31), -(2**34), 0, 0)).header(), 1, "is out of range"),
        (Model(GeneralisedGaussian(0, 9, 0, 0, 169)).header(), 1, "there is no scale 169"),
        (Model(BitPacked(33, 0)).header(), 1, "33 bits from 0 on are no integers"),
        (Model(BitPacked(1, 2**31)).header(), 1, "are no integers"),
        (Model(BitPacked(1, 2**31 - 1)).header() + b"\xff", 1, "it holds a value that is no int32"),
        (
            Model(Histogram(0, (1 << 17) + 1, ZEROS, ZEROS, 0)).header(),
            1,
            "is out of range",
        ),
        (Model(Histogram(2**31, 2, ZEROS, ZEROS, 0)).header(), 1, "is out of range"),
        (
            Model(Histogram(0, 2, OneSidedLaplace(1 << 17, 0), ZEROS, 0)).header(),
            1,
            "a table from 0 to 131072",
        ),
        (Model(Histogram(0, 2, ZEROS, ZEROS, 6)).header(), 1, "is out of range"),
        (
            Model(Histogram(2**31 - 1, 2, ZEROS, ZEROS, 0)).header(),
            1,
            "histogram is out of range",
        ),
        (GAUSSIAN[:1].replace(b"\x11", b"\x15") + GAUSSIAN[1:] + b"\x00\x01\x00", 7, "1 outliers are too many among 7"),
        (GAUSSIAN, 100, "0 bytes of symbols are fewer than it announces"),
        (Model(BitPacked(16, 0)).header() + bytes(19), 10, "19 bytes of symbols are fewer than it announces"),
        (Model(BitPacked(32, 0)).header() + b"\xff" * 12, 3, "none that could have been written|no int32"),
        (GAUSSIAN + b"\xff" * 30, 12, "none that could have been written"),
        (GAUSSIAN + b"\x00" * 30, 12, "do not end where it ends"),
    ],
    ids=range(26),
)
def test_crafted_streams_are_refused_in_words(data, count, message):
    with pytest.raises(InrError, match=f"coded integers are damaged: .*({message})"):
        decode_integers(data, count)


def test_places_out_of_order_are_refused():
    model = Model(BitPacked(1, 0), Outliers(2, BitPacked(0, 9)))
    for places in ([5, 5], [6, 2], [3, 17]):
        writer = Writer()
        writer.bits(5, np.array(places))
        writer.bits(1, np.zeros(15, dtype=np.int64))
        with pytest.raises(InrError, match="outliers are out of order"):
            decode_integers(model.header() + writer.finish(), 17)


def test_counts_beyond_the_limit_are_refused_before_anything_is_allocated():
    with pytest.raises(InrError, match="take 400 bytes, more than the limit of 399"):
        decode_integers(SAMPLES["bell"][1], 100, max_bytes=399)
    with pytest.raises(InrError, match="more than the limit of 1073741824"):
        decode_integers(SAMPLES["constant"][1], 2**60)
    with pytest.raises(InrError, match="-1 values cannot be decoded"):
        decode_integers(b"", -1)


def peak(data: bytes, arrays: list[np.ndarray]) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(InrError):
            decode_arrays(data, arrays)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("models", "tail"),
    [
        ([Model(GeneralisedGaussian(-60_000, 70_000, k, k % 8, 60 + k)) for k in range(12)], b""),
        (
            [Model(Histogram(0, 1 << 17, ZEROS, OneSidedLaplace(131_071, 168), 0))] * 12,
            b"\x5a" * 500_000,
        ),
        (
            [Model(Histogram(0, 1 << 17, ZEROS, OneSidedLaplace(1, 0), 5))] * 9 + [Model(BitPacked(9, 0))],
            b"",
        ),
    ],
    ids=["gaussians", "noise", "histograms"],
)
def test_tables_take_no_more_than_the_workspace(models, tail):
    data = b"".join(model.header() for model in models) + tail
    assert peak(data, [np.empty(40, dtype=np.int32) for _ in models]) < WORKSPACE


def test_a_few_bytes_cannot_make_many_tables(monkeypatch):
    monkeypatch.setattr("inr.compression.bitstream.models.MAX_TABLED", 10 << 17)
    model = Model(GeneralisedGaussian(-60_000, 70_000, 0, 5, 100))
    with pytest.raises(InrError, match="tables have more than 1310720 symbols"):
        decode_arrays(model.header() * 300 + bytes(2000), [np.empty(1, dtype=np.int32) for _ in range(300)])


def test_outliers_are_few(monkeypatch):
    values, data = SAMPLES["outliers"]
    monkeypatch.setattr("inr.compression.bitstream.models.MAX_OUTLIERS", 6)
    with pytest.raises(InrError, match="7 outliers are too many among 600 values"):
        decode_integers(data, values.size)


def test_without_its_library_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "constriction", None)
    message = r"entropy coding needs constriction, which is not installed: pip install 'inr\[compress\]'"
    for use in (lambda: encode_integers(np.arange(3)), lambda: decode_integers(SAMPLES["bell"][1], 600)):
        with pytest.raises(MissingExtra, match=message):
            use()


def test_a_few_bytes_cannot_announce_many_symbols():
    start = time.perf_counter()
    narrow = Model(GeneralisedGaussian(0, 1, 0, 7, 0)).header()
    with pytest.raises(InrError, match="fewer than it announces"):
        decode_integers(narrow + bytes(100), 1 << 24)
    assert time.perf_counter() - start < 5  # nothing is decoded
