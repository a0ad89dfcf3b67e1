"""Damaged, truncated and crafted .inr files: named, refused, never believed."""

import json
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inr import container
from inr._errors import DamagedFile, InrError
from inr.container import Section
from inr.container._dictionary import DICTIONARIES

SAMPLE = container.dumps(
    {"encoding": {"name": "hash", "levels": 12}, "psnr": 41.8},
    [
        Section("encoding", {"table": np.arange(6, dtype=np.float16)}),
        Section("network", {"w": np.ones((2, 2), dtype=np.float32), "b": np.zeros(2, dtype=np.float32)}),
        Section("residual", {"w": np.arange(5, dtype=np.int8)}, base=False),
        Section("detail", {"w": np.arange(3, dtype=np.int8)}, base=False),
    ],
)
CONTENTS = container.loads(SAMPLE)


def spans() -> dict[str, range]:
    """Where each part of the sample lies."""
    places, start = {"header": range(CONTENTS.header_size)}, CONTENTS.header_size
    for entry in CONTENTS.table:
        places[entry.name] = range(start, start + entry.size)
        start += entry.size
    return places


def seal(body: bytes, version: int = 1) -> bytes:
    """Preamble and header with a checksum that agrees, as an attacker would write it."""
    crc = zlib.crc32(struct.pack("<BI", version, len(body)) + body)
    return struct.pack("<4sBII", b"\x89INR", version, len(body), crc) + body


def deflate(text: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=DICTIONARIES[1])
    return deflater.compress(text) + deflater.flush()


def crafted(payload: bytes, size: bytes | None = None) -> bytes:
    """A file with one raw section "s" whose checksums agree; `size` replaces its varint length."""
    size = bytes([len(payload) & 0x7F | 0x80, len(payload) >> 7]) if size is None else size
    text = json.dumps([{}, [["s", "raw", True]]]).encode()
    return seal(b"\x01" + size + struct.pack("<I", zlib.crc32(payload)) + deflate(text)) + payload


def safetensors(header: object, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize("mask", [0x01, 0x80, 0x10, 0xFF, 0x55])
@pytest.mark.parametrize("part", ["header", "encoding", "network", "residual", "detail"])
def test_every_flipped_byte_is_found_and_its_section_named(part, mask):
    for position in spans()[part]:
        data = bytearray(SAMPLE)
        data[position] ^= mask
        if part in ("residual", "detail"):
            assert container.loads(data).damaged == (part,)
        else:
            with pytest.raises(DamagedFile) as caught:
                container.loads(data)
            assert caught.value.section == part


def test_every_truncation_is_found_and_the_first_cut_section_named():
    places = spans()
    for length in range(len(SAMPLE)):
        cut = [name for name, place in places.items() if place.stop > length]
        if cut[0] in ("residual", "detail"):
            contents = container.loads(SAMPLE[:length])
            assert contents.damaged == tuple(cut)
            assert list(contents.sections) == ["encoding", "network", "residual"][: 4 - len(cut)]
        else:
            with pytest.raises(DamagedFile) as caught:
                container.loads(SAMPLE[:length])
            assert caught.value.section == cut[0]


@pytest.mark.parametrize(
    ("data", "message", "section"),
    [
        (b"", "the file is empty", "header"),
        (b"\x89PNG\r\n\x1a\n", "not an .inr file", "header"),
        (b"just text", "not an .inr file", "header"),
        (SAMPLE[:2], "truncated in its header", "header"),
        (SAMPLE[:12], "truncated in its header", "header"),
        (SAMPLE[: spans()["network"].stop - 1], "truncated in section 'network'", "network"),
        (SAMPLE + b"\n", "1 bytes follow the last section", "end"),
        (SAMPLE + SAMPLE, f"{len(SAMPLE)} bytes follow the last section", "end"),
        (seal(b"", version=0), "there is no format 0", "header"),
    ],
)
def test_damage_is_said_in_words(data, message, section):
    with pytest.raises(DamagedFile, match=message) as caught:
        container.loads(data)
    assert caught.value.section == section


def test_a_newer_version_is_refused_with_the_way_out():
    message = r"newer version of inr \(format 7; this one reads up to 2\): pip install -U inr"
    with pytest.raises(InrError, match=message) as caught:
        container.loads(seal(b"whatever a later format holds", version=7) + b"payload")
    assert not isinstance(caught.value, DamagedFile)


def test_an_altered_version_byte_is_damage_not_a_newer_version():
    data = bytearray(SAMPLE)
    data[4] = 7
    with pytest.raises(DamagedFile, match="checksum"):
        container.loads(data)


HUGE_VARINT = b"\xff" * 8 + b"\x7f"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x89INR\x01" + struct.pack("<II", 0xFFFFFFFF, 0), "truncated in it"),
        (seal(b""), "table of sections is cut"),
        (seal(HUGE_VARINT), "sections are more than|announces"),
        (seal(b"\xff" * 40), "out of range"),
        (seal(b"\x85\x80\x80\x80\x00" + b"\x01" * 9), "table of sections is cut"),
        (seal(b"\x00garbage"), "does not inflate|does not end"),
        (seal(b"\x00" + deflate(b"[{},[]]")[:-2]), "does not end where"),
        (seal(b"\x00" + deflate(b"[{},[]]") + b"x"), "does not end where"),
        (seal(b"\x00" + deflate(b" " * (64 << 20))), "more than 1048576 bytes"),
        (seal(b"\x00" + deflate(b"[" * 1_000_000)), "not the expected JSON"),
        (seal(b"\x00" + deflate(b"[{}]")), "not the expected JSON"),
        (seal(b"\x00" + deflate(b"[[],[]]")), "not the expected JSON"),
        (seal(b"\x00" + deflate(b'[{"a":' + b"9" * 5000 + b"},[]]")), "not the expected JSON"),
        (seal(b"\x00" + deflate(b'[{"a":NaN},[]]')), "the number NaN"),
        (seal(b"\x00" + deflate(b'[{"a":1e999},[]]')), "the number 1e999"),
        (seal(b"\x00" + deflate(b'[{},[["s","raw",true]]]')), "names 1 sections and measures 0"),
        (seal(b"\x01\x00\0\0\0\0" + deflate(b'[{},[["s","raw",1]]]')), "not the expected JSON"),
        (seal(b"\x01\x00\0\0\0\0" + deflate(b'[{},[["\\u001b[31m","raw",true]]]')), "cannot name a section"),
        (seal(b"\x01\x00\0\0\0\0" + deflate(b'[{},[["header","raw",true]]]')), "is taken"),
        (seal(b"\x02" + b"\x00\0\0\0\0" * 2 + deflate(b'[{},[["a","raw",false],["b","raw",true]]]')), "comes after"),
    ],
    ids=range(20),
)
def test_crafted_headers(data, message):
    assert_refused_cheaply(data, message, "header")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "not laid out as safetensors"),
        (b"\xff" * 40, "not laid out as safetensors"),
        (struct.pack("<Q", 2**62) + b"{}", "not laid out as safetensors"),
        (safetensors({"a": {"dtype": "F32", "shape": [2**33, 2**33], "data_offsets": [0, 0]}}), "overflow"),
        (safetensors({"a": {"dtype": "F32", "shape": [0, 2**63], "data_offsets": [0, 0]}}), "impossible shape"),
        (safetensors({"a": {"dtype": "F32", "shape": [0] + [1] * 70, "data_offsets": [0, 0]}}), "impossible shape"),
        (safetensors({"a": {"dtype": "F32", "shape": [2**30], "data_offsets": [0, 2**32]}}), "safetensors"),
        (safetensors({"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, b"ab"), "type BF16"),
        (safetensors({"a": {"dtype": "C64", "shape": [1], "data_offsets": [0, 8]}}, b"abcdefgh"), "type C64"),
        (safetensors({"a": {"dtype": "O", "shape": [1], "data_offsets": [0, 2]}}, b"ab"), "safetensors"),
    ],
    ids=range(10),
)
def test_crafted_raw_sections(payload, message):
    assert_refused_cheaply(crafted(payload), message, "s")


def test_odd_booleans_become_booleans():
    payload = safetensors({"a": {"dtype": "BOOL", "shape": [3], "data_offsets": [0, 3]}}, b"\x00\x01\x07")
    assert container.loads(crafted(payload)).sections["s"].tensors["a"].tolist() == [False, True, True]


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff\x07", HUGE_VARINT], ids=["2 GiB", "2^63"])
def test_a_huge_length_is_over_the_limit_before_anything_is_allocated(size):
    with pytest.raises(InrError, match="more than the limit of 1073741824"):
        container.loads(crafted(b"x" * 200, size=size))


def test_sections_share_one_limit():
    data = container.dumps({}, [Section(name, {"w": np.zeros(100)}) for name in "abc"])
    limit = sum(entry.size for entry in container.loads(data).table)
    assert len(container.loads(data, max_bytes=limit).sections) == 3
    with pytest.raises(InrError, match=f"more than the limit of {limit - 1}"):
        container.loads(data, max_bytes=limit - 1)


def test_a_length_within_the_limit_and_beyond_the_data_is_a_truncation():
    data = crafted(b"x" * 200, size=b"\xff\xff\xff\xff\x03")
    assert_refused_cheaply(data, "truncated in section 's': 200 of 1073741823 bytes", "s")


def assert_refused_cheaply(data: bytes, message: str, section: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DamagedFile, match=message) as caught:
            container.loads(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.section == section
    assert peak < 32 * container._header.MAX_TEXT


@st.composite
def edits(draw: st.DrawFn) -> bytes:
    """The sample after a few random edits."""
    data = bytearray(SAMPLE)
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["flip", "cut", "insert", "delete", "append"])):
            case "flip" if data:
                data[position] ^= draw(st.integers(1, 255))
            case "cut":
                del data[position:]
            case "insert":
                data[position:position] = draw(st.binary(max_size=20))
            case "delete":
                del data[position : position + draw(st.integers(1, 20))]
            case "append":
                data += draw(st.binary(max_size=20))
    return bytes(data)


def assert_holds_or_is_refused(data: bytes) -> None:
    """Whatever is accepted equals what was written; everything else is an error of ours."""
    try:
        contents = container.loads(data)
    except InrError:
        return
    assert contents.header == CONTENTS.header
    assert [*contents.sections, *contents.damaged] == list(CONTENTS.sections) or contents.damaged
    for name, section in contents.sections.items():
        for key, tensor in section.tensors.items():
            np.testing.assert_array_equal(tensor, CONTENTS.sections[name].tensors[key])


def assert_sealed_is_held_or_refused(body: bytes) -> None:
    """A header with an agreeing checksum: nothing but InrError, and never much memory."""
    tracemalloc.start()
    try:
        container.loads(seal(body))
    except InrError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 32 * container._header.MAX_TEXT


json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
).map(lambda value: b"\x00" + deflate(json.dumps(value).encode()))
bodies = st.binary(max_size=60) | st.binary(max_size=30).map(lambda tail: b"\x00" + deflate(tail)) | json_texts
raw_payloads = st.binary(max_size=200) | st.builds(
    safetensors,
    st.dictionaries(
        st.text(max_size=3),
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["F32", "BOOL", "I8", "BF16", "F4", "Q"]),
                "shape": st.lists(st.integers(-1, 2**65) | st.integers(0, 3), max_size=4),
                "data_offsets": st.lists(st.integers(0, 2**65) | st.integers(0, 9), min_size=2, max_size=2),
            }
        ),
        max_size=2,
    ),
    st.binary(max_size=12),
)


def assert_payload_is_held_or_refused(payload: bytes) -> None:
    size = bytes([len(payload) & 0x7F | 0x80, len(payload) >> 7 & 0x7F])
    damaged = "s"
    try:
        container.loads(crafted(payload, size=size))
    except DamagedFile as error:
        damaged = error.section
    assert damaged == "s"


FUZZ = [
    (edits(), assert_holds_or_is_refused),
    (bodies, assert_sealed_is_held_or_refused),
    (raw_payloads, assert_payload_is_held_or_refused),
]


@pytest.mark.parametrize(("examples", "check"), FUZZ, ids=["edits", "headers", "payloads"])
@given(data=st.data())
@settings(max_examples=80)
def test_fuzz(examples, check, data):
    check(data.draw(examples))


@pytest.mark.long
@pytest.mark.parametrize(("examples", "check"), FUZZ, ids=["edits", "headers", "payloads"])
@given(data=st.data())
@settings(max_examples=5_000)
def test_fuzz_long(examples, check, data):
    check(data.draw(examples))
