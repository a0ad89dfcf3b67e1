"""The fixed preamble and the header of an .inr file: bounded, checked, compact. Layout: docs/file-format.md."""

import json
import math
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from inr._errors import DamagedFile, InrError
from inr.container._dictionary import DICTIONARIES
from inr.container._varint import varint

MAGIC = b"\x89INR"
VERSION = max(DICTIONARIES)
PREAMBLE = struct.Struct("<4sBII")  # magic, version, length of the header, checksum: the same in every version
MAX_TEXT = 1 << 20  # bytes of JSON in a header: bounds what a crafted file makes the parser allocate
MAX_SECTIONS = 4096
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,99}")  # printable: names end up in messages and file listings


@dataclass(frozen=True)
class Entry:
    """One line of the table of sections.

    Attributes:
        name: unique in the file.
        coding: name of the coder that wrote the payload.
        base: whether the file is worthless without it; an enhancement section may be missing.
        size: bytes of payload.
        crc: CRC-32 of the payload.
    """

    name: str
    coding: str
    base: bool
    size: int
    crc: int


def encode_header(header: Mapping[str, Any], table: Sequence[Entry]) -> bytes:
    """Preamble and header, in the format that makes it shortest. Raises InrError for what no header can hold."""
    _check_table(table, InrError)
    sizes = b"".join(varint(entry.size) + struct.pack("<I", entry.crc) for entry in table)
    text = _to_text(header, table)
    version, packed = min(((each, _deflate(text, each)) for each in DICTIONARIES), key=lambda found: len(found[1]))
    body = varint(len(table)) + sizes + packed
    return PREAMBLE.pack(MAGIC, version, len(body), _checksum(version, body)) + body


def decode_header(data: memoryview) -> tuple[dict[str, Any], tuple[Entry, ...], int]:
    """The configuration, the table of sections and where the payloads begin.

    Raises DamagedFile (section "header"), or InrError when a newer version of inr wrote the file.
    """
    version, body = _checked_body(data)
    position, sizes = 0, []
    count, position = _read_varint(body, position)
    if count > MAX_SECTIONS:
        damaged(f"it announces {count} sections")
    for _ in range(count):
        size, position = _read_varint(body, position)
        if position + 4 > len(body):
            damaged("its table of sections is cut")
        sizes.append((size, int.from_bytes(body[position : position + 4], "little")))
        position += 4
    header, names = _from_text(_inflate(body[position:], version))
    if len(names) != count:
        damaged(f"it names {len(names)} sections and measures {count}")
    table = tuple(Entry(*name, *size) for name, size in zip(names, sizes, strict=True))
    _check_table(table, _header_damage)
    return header, table, PREAMBLE.size + len(body)


def damaged(reason: str) -> NoReturn:
    """Raise DamagedFile for the header."""
    raise _header_damage(reason)


def _header_damage(reason: str) -> DamagedFile:
    return DamagedFile(f"the header is damaged: {reason}", "header")


def _checked_body(data: memoryview) -> tuple[int, memoryview]:
    """The version and the header's bytes, once magic, length, checksum and version agree."""
    if not data:
        raise DamagedFile("the file is empty", "header")
    if data[:4] != MAGIC[: len(data)]:
        raise DamagedFile("not an .inr file, or its header is damaged: the first bytes are not those of one", "header")
    if len(data) < PREAMBLE.size:
        raise DamagedFile("the file is truncated in its header", "header")
    _, version, length, crc = PREAMBLE.unpack_from(data)
    body = data[PREAMBLE.size : PREAMBLE.size + length]
    if len(body) < length:
        raise DamagedFile("the header is damaged, or the file is truncated in it", "header")
    if _checksum(version, body) != crc:
        damaged("its checksum does not agree")
    if version > VERSION:
        raise InrError(
            f"written by a newer version of inr (format {version}; this one reads up to {VERSION}): pip install -U inr"
        )
    if version not in DICTIONARIES:
        damaged(f"there is no format {version}")
    return version, body


def _checksum(version: int, body: bytes | memoryview) -> int:
    return zlib.crc32(body, zlib.crc32(struct.pack("<BI", version, len(body))))


def _check_table(table: Sequence[Entry], error: Any) -> None:
    if len(table) > MAX_SECTIONS:
        raise error(f"{len(table)} sections are more than the {MAX_SECTIONS} a file may hold")
    seen: set[str] = set()
    enhancement = False
    for entry in table:
        for name in (entry.name, entry.coding):
            if not _NAME.fullmatch(name):
                raise error(f"{name!r} cannot name a section or a coder: letters, digits and _ . / - only, at most 100")
        if entry.name in seen or entry.name == "header":
            raise error(f"the section name '{entry.name}' is taken")
        if entry.base and enhancement:
            raise error(f"base section '{entry.name}' comes after an enhancement section; base sections come first")
        seen.add(entry.name)
        enhancement = not entry.base


def _to_text(header: Mapping[str, Any], table: Sequence[Entry]) -> bytes:
    names = [[entry.name, entry.coding, entry.base] for entry in table]
    try:
        document = json.dumps(
            [header, names], sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        text = document.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InrError(f"the header must be plain JSON: {error}") from error
    if len(text) > MAX_TEXT:
        raise InrError(f"the header takes {len(text)} bytes of JSON, more than the {MAX_TEXT} a file may hold")
    return text


def _from_text(text: bytes) -> tuple[dict[str, Any], list[tuple[str, str, bool]]]:
    try:
        header, table = json.loads(text, parse_constant=_finite, parse_float=_finite)
        names = [(name, coding, base) for name, coding, base in table]
    except DamagedFile:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise _header_damage("its text is not the expected JSON") from error
    well_typed = all(isinstance(n, str) and isinstance(c, str) and isinstance(b, bool) for n, c, b in names)
    if not isinstance(header, dict) or not well_typed:
        damaged("its text is not the expected JSON")
    return header, names


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else damaged(f"it holds the number {text}")


def _deflate(text: bytes, version: int) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=DICTIONARIES[version])
    return deflater.compress(text) + deflater.flush()


def _inflate(packed: memoryview, version: int) -> bytes:
    inflater = zlib.decompressobj(-15, zdict=DICTIONARIES[version])
    try:
        text = inflater.decompress(packed, MAX_TEXT + 1)
    except zlib.error as error:
        raise _header_damage("its text does not inflate") from error
    if len(text) > MAX_TEXT:
        damaged(f"its text takes more than {MAX_TEXT} bytes")
    if not inflater.eof or inflater.unused_data:
        damaged("its text does not end where the header ends")
    return text


def _read_varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 63, 7):
        if position >= len(data):
            damaged("its table of sections is cut")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    return damaged("a length in its table of sections is out of range")
