"""Altered and crafted compressed files: a clean refusal, or samples and the name of what is damaged; little memory."""

import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inr import InrError, Signal, container
from inr.compression import build_any_field
from inr.compression.codecs import codecs
from inr.compression.files import pack
from tests.compression.latent.drawn import drawn_file

LIMIT = 1 << 22
PICTURE = Signal.from_array(
    np.add.outer(np.arange(12) * 9, np.arange(14) * 7).astype(np.uint8)[:, :, None].repeat(3, axis=2)
)
# "differences" needs a base: tests/priors/test_differences.py
CODECS = [name for name in codecs.names() if name not in ("weights", "differences")]


@pytest.fixture(scope="module", params=CODECS)
def contents(request):
    """What a small file of each codec holds."""
    if request.param == "latent":  # whose fits take seconds to end
        return container.loads(drawn_file((12, 14)))
    codec = codecs.build(request.param)
    return container.loads(pack(codec, PICTURE.domain, codec.encode(PICTURE, 300, steps=4, engine="eager")))


@pytest.fixture(scope="module")
def data(contents):
    return container.dumps(contents.header, list(contents.sections.values()))


def outcome(data):
    """The samples and the damaged sections, or the refusal; anything else is a failure."""
    try:
        found = container.loads(data, max_bytes=LIMIT)
        samples = build_any_field(found, "file", max_bytes=LIMIT).render((4, 5))
    except InrError as error:
        return one_line(error)
    assert samples.shape[:2] == (4, 5)
    return samples, found.damaged


def one_line(error):
    """A refusal's message, which is to be one line."""
    assert "\n" not in str(error)
    return str(error)


def flips(data, count, seed=0):
    """Copies of the data, each with one to three bytes altered."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        broken = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            broken[place] ^= int(rng.integers(1, 256))
        yield bytes(broken)


def altered(contents, seed):
    """The file with bytes of one payload altered, lost or added, and its checksums right again."""
    rng = np.random.default_rng(seed)
    sections = list(contents.sections.values())
    number = int(rng.integers(len(sections)))
    payload = sections[number].tensors["payload"].copy()
    way = rng.integers(4)
    if way == 0 and payload.size:
        payload[rng.integers(0, payload.size, 2)] = rng.integers(0, 256, 2)
    elif way == 1:
        payload = payload[: rng.integers(0, payload.size + 1)]
    elif way == 2:
        payload = np.concatenate([payload, rng.integers(0, 256, rng.integers(1, 9), dtype=np.uint8)])
    else:
        payload[: min(payload.size, 6)] = rng.integers(0, 256, min(payload.size, 6))
    name, base = sections[number].name, sections[number].base
    sections[number] = container.Section(name, {"payload": payload}, "bytes", base)
    return container.dumps(contents.header, sections)


def check_flips(data, count):
    for broken in flips(data, count):
        found = outcome(broken)
        if not isinstance(found, str):  # only what the base can do without may be broken
            assert found[1] or len(broken) != len(data)


def test_flipped_bytes_are_refused_or_named(data):
    check_flips(data, 300 // len(CODECS))


@pytest.mark.long
def test_many_flipped_bytes_are_refused_or_named(data):
    check_flips(data, 20_000 // len(CODECS))


def check_altered(contents, count):
    tracemalloc.start()
    try:
        for seed in range(count):
            outcome(altered(contents, seed))
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_altered_payloads_with_right_checksums_do_no_harm(contents):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_altered(contents, 25)


@pytest.mark.long
def test_many_altered_payloads_do_no_harm(contents):
    check_altered(contents, 5_000 // len(CODECS))


SIZES = st.lists(st.integers(-1, 1 << 50) | st.integers(1, 40), max_size=6)
HEADERS = st.fixed_dictionaries(
    {"codec": st.sampled_from([*codecs.names(), "mlp:sphere=true", "mlp:sphere=3", "x", ""]) | st.text(max_size=9)},
    optional={
        "domain": st.fixed_dictionaries(
            {"kind": st.sampled_from(["image", "audio", "video", "volume", "scattered"]), "shape": SIZES},
            optional={
                "channels": st.integers(-1, 1 << 40),
                "dtype": st.sampled_from(["uint8", "float64", "object", "str"]),
                "meta": st.dictionaries(st.sampled_from(["fps", "sample_rate", "x"]), st.integers(-1, 99), max_size=2),
                "values": st.just({"low": [0.0], "high": [1.0]}),
            },
        )
    },
)


@settings(max_examples=60)
@given(HEADERS, st.binary(max_size=60))
def test_made_up_headers_and_payloads_do_no_harm(header, payload):
    section = container.Section("base", {"payload": np.frombuffer(payload, dtype=np.uint8)}, "bytes")
    data = container.dumps(header, [section])
    try:
        build_any_field(container.loads(data), "file", max_bytes=LIMIT)
    except InrError as error:
        one_line(error)


def test_a_file_may_be_cut_anywhere(data, contents):
    ends, position = [], contents.header_size
    for entry in contents.table:
        position += entry.size
        ends.append((position, entry.base))
    needed = max(end for end, base in ends if base)
    for length in range(0, len(data), max(len(data) // 25, 1)):
        found = outcome(data[:length])
        assert isinstance(found, str) == (length < needed)
        if not isinstance(found, str):
            assert len(found[1]) == sum(length < end for end, _ in ends)


def test_checksums_are_of_every_section(contents):
    for entry in contents.table:
        payload = contents.sections[entry.name].tensors["payload"].tobytes()
        assert zlib.crc32(payload) == entry.crc
        assert len(payload) == entry.size
