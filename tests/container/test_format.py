"""Format 1 is what docs/file-format.md says, and stays readable."""

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from inr import container
from inr.container import Section
from inr.container._dictionary import DICTIONARIES

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def page() -> str:
    return (Path(__file__).resolve().parents[2] / "docs" / "file-format.md").read_text()


@pytest.fixture(scope="module")
def documented(page) -> bytes:
    """The bytes of the hexdump in the documentation."""
    lines = re.findall(r"^[0-9a-f]{8}  ((?:[0-9a-f]{2} +)+)\|", page, flags=re.MULTILINE)
    return bytes.fromhex("".join(lines))


TINY = ({"metrics": {"psnr": 30.5}}, Section("network", {"w": np.array([1.0, -2.0], dtype=np.float32)}))


def test_the_documented_file_can_be_read(documented):
    header, section = TINY
    contents = container.loads(documented)
    assert contents.header == header
    assert list(contents.sections) == ["network"]
    np.testing.assert_array_equal(contents.sections["network"].tensors["w"], section.tensors["w"])


@pytest.mark.skipif("ng" in zlib.ZLIB_RUNTIME_VERSION, reason="another deflater, other bytes for the same text")
def test_the_documented_file_is_what_is_written(documented):
    header, section = TINY
    assert container.dumps(header, [section]) == documented


def test_the_layout_by_hand(documented):
    """The documentation's tables, read without the package."""
    magic, version, length, crc = struct.unpack("<4sBII", documented[:13])
    header, payload = documented[13 : 13 + length], documented[13 + length :]
    assert (magic, version, length) == (b"\x89INR", 1, 22)
    assert crc == zlib.crc32(documented[4:9] + header)
    assert header[:2] == bytes([1, len(payload)])
    assert struct.unpack("<I", header[2:6])[0] == zlib.crc32(payload)
    text = zlib.decompressobj(-15, zdict=DICTIONARIES[1]).decompress(header[6:])
    assert text == b'[{"metrics":{"psnr":30.5}},[["network","raw",true]]]'
    assert struct.unpack("<ff", payload[-8:]) == (1.0, -2.0)


def test_the_dictionary_never_changes_within_a_version(page):
    sums = {version: zlib.crc32(dictionary) for version, dictionary in DICTIONARIES.items()}
    assert sums == {1: 0x32D25566, 2: 0xFABF6803}
    for each in sums.values():
        assert f"`{each:08x}`" in page
