"""How large the pictures of some formats are, read from their headers, so that none is decoded which is too large.

Sources: ISO 18181-1 (JPEG XL), ISO 23008-12 and the AV1 specification (AVIF), ISO 15444-1 (JPEG 2000), ISO 14495-1
(JPEG-LS), ISO 29199-2 (JPEG XR), qoiformat.org, and the reference manual of Radiance.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
JPEG_2000 = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
_SOF_LOSSLESS, _SOF_LS = 0xC3, 0xF7  # frames of JPEG that are coded without its transform


class Header(NamedTuple):
    """What a header says.

    Attributes:
        width: in pixels.
        height: in pixels.
        bits: of a sample, the most that there are in the file; 0 where that is not looked up.
        channels: at most so many.
        end: where the file ends at least; 0 where decoders find a file that is cut off by themselves.
    """

    width: int
    height: int
    bits: int
    channels: int
    end: int = 0


def jpeg_xl(data: bytes) -> Header:
    """Of a bare codestream or one in boxes."""
    if data.startswith(JPEG_XL[1]):
        at = next(start for name, start in _boxes(data) if name in (b"jxlc", b"jxlp"))
        data = data[at : at + 32].removeprefix(data[at : at + 4] if data[at : at + 2] != JPEG_XL[0] else b"")
    bits = _Bits(data[2:32])
    small = bits.take(1)
    height = 8 * (bits.take(5) + 1) if small else 1 + bits.take((9, 13, 18, 30)[bits.take(2)])
    ratio = bits.take(3)
    if ratio:
        above, below = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
        return Header(height * above // below, height, 0, 4)
    width = 8 * (bits.take(5) + 1) if small else 1 + bits.take((9, 13, 18, 30)[bits.take(2)])
    return Header(width, height, 0, 4)


def avif(data: bytes) -> Header:
    """Of the largest image in the file."""
    sizes = [struct.unpack(">II", data[at + 8 : at + 16]) for at in _all(data, b"ispe")]
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    flags = max((data[at + 6] for at in _all(data, b"av1C")), default=0)
    return Header(width, height, (12 if flags & 0x20 else 10) if flags & 0x40 else 8, 4)


def jpeg_2000(data: bytes) -> Header:
    """By the marker SIZ."""
    at = data.index(JPEG_2000[1]) + 8
    right, bottom, left, top = struct.unpack(">4I", data[at : at + 16])
    (channels,) = struct.unpack(">H", data[at + 32 : at + 34])
    bits = max(1 + (depth & 0x7F) for depth in data[at + 34 : at + 34 + 3 * channels : 3])
    return Header(right - left, bottom - top, bits, channels)


def jpeg_frame(data: bytes) -> int | None:
    """The marker, as 0xC0, that says how the frame of a JPEG file is coded; None where there is none."""
    return next((marker for marker, _ in _markers(data) if marker in _SOFS), None)


def is_jpeg_ls(data: bytes) -> bool:
    """Whether a file is JPEG-LS."""
    return data.startswith(b"\xff\xd8\xff") and jpeg_frame(data) == _SOF_LS


def is_lossless_jpeg(data: bytes) -> bool:
    """Whether a file is JPEG of the older lossless kind."""
    return data.startswith(b"\xff\xd8\xff") and jpeg_frame(data) == _SOF_LOSSLESS


def jpeg(data: bytes) -> Header:
    """Of JPEG in all its kinds."""
    at = next(start for marker, start in _markers(data) if marker in _SOFS)
    bits, height, width, channels = struct.unpack(">BHHB", data[at : at + 6])
    return Header(width, height, bits, channels, len(data) + (not data.rstrip(b"\0").endswith(b"\xff\xd9")))


def jpeg_xr(data: bytes) -> Header:
    """By the tags of its directory, which is one of TIFF."""
    (at,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[at : at + 2])
    tags = {}
    for start in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, _, value = struct.unpack("<HHII", data[start : start + 12])
        tags[tag] = value & 0xFFFF if kind == 3 else value
    return Header(tags[0xBC80], tags[0xBC81], 0, 4, tags[0xBCC0] + tags[0xBCC1])


def qoi(data: bytes) -> Header:
    """Of QOI."""
    width, height, channels = struct.unpack(">IIB", data[4:13])
    return Header(width, height, 8, channels, len(data) + (not data.endswith(b"\0\0\0\0\0\0\0\1")))


def radiance(data: bytes) -> Header:
    """Of pictures stored from the top left, as all but a few are."""
    found = re.search(rb"\n\n-Y (\d+) \+X (\d+)\n", data)
    if found is None:
        raise ValueError("its pixels do not begin at the top left")
    return Header(int(found[2]), int(found[1]), 32, 3)


_SOFS = {*range(0xC0, 0xD0), _SOF_LS} - {0xC4, 0xC8, 0xCC}


class _Bits:
    """Numbers of so many bits, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._rest = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return value


def _boxes(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The names of the boxes of a file, and where their contents begin."""
    at = 0
    while at + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        header = 16 if length == 1 else 8
        yield name, at + header
        if length == 0:
            return
        at += max(8, int.from_bytes(data[at + 8 : at + 16], "big") if length == 1 else length)


def _markers(data: bytes) -> Iterator[tuple[int, int]]:
    """The markers of a JPEG file up to its pixels, and where what follows their length begins."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        yield data[at + 1], at + 4
        if data[at + 1] == 0xDA:
            return
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _all(data: bytes, name: bytes) -> Iterator[int]:
    """Where a box of this name begins, wherever that is; its contents follow after its name."""
    at = data.find(name)
    while at >= 0:
        yield at
        at = data.find(name, at + 4)
