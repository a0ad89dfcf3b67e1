"""Where the samples of a sound file lie, by its own header, and where that header does not know.

What writes to a pipe cannot go back to its header, and leaves a length there that stands for "until the end": 0, all
bits set, or one that just fits in 31 or 32 bits, each program its own (SoX and espeak 0x7ffff000, arecord 0x80000000,
FFmpeg 0xffffffff …). libsndfile takes most of these for what they are, but for 0, and for any in CAF.
"""

import io
from typing import Literal, NamedTuple

_WAV, _AIFF, _CAF, _W64, _AU = b"WAVE", b"AIFF", b"caff", b"riff\x2e\x91\xcf\x11", b".snd"
# of 32-bit lengths: SoX's for AIFF, and what lies within a header, or a buffer, of 2^31 and of 2^32
_UNKNOWN = (range(1), range(0x7F00_0000, 0x7F00_1000), range(0x7FFF_0000, 0x8000_1000), range(0xFFFF_0000, 1 << 32))


class Samples(NamedTuple):
    """The encoded samples of a sound file.

    Attributes:
        start: where they begin, in bytes.
        end: where they end by the header; None where it does not know.
        length: the field of the header that says so: where it begins, how wide it is, and its byte order.
    """

    start: int
    end: int | None
    length: tuple[int, int, Literal["little", "big"]]


class _Chunks(NamedTuple):
    """How a format lays out its chunks: name, length, contents."""

    first: int
    name_bytes: int
    length_bytes: int
    order: Literal["little", "big"]
    align: int
    data: bytes  # how the name of the chunk of samples begins
    counts_header: bool = False  # in the length


_LAYOUTS = {
    (b"RIFF", _WAV): _Chunks(12, 4, 4, "little", 2, b"data"),
    (b"RF64", _WAV): _Chunks(12, 4, 4, "little", 2, b"data"),
    (b"RIFX", _WAV): _Chunks(12, 4, 4, "big", 2, b"data"),
    (b"FORM", _AIFF): _Chunks(12, 4, 4, "big", 2, b"SSND"),
    (b"FORM", b"AIFC"): _Chunks(12, 4, 4, "big", 2, b"SSND"),
    (b"FORM", b"8SVX"): _Chunks(12, 4, 4, "big", 2, b"BODY"),
    (b"FORM", b"16SV"): _Chunks(12, 4, 4, "big", 2, b"BODY"),
}
_CAF_CHUNKS = _Chunks(8, 4, 8, "big", 1, b"data")
_W64_CHUNKS = _Chunks(40, 16, 8, "little", 8, b"data", counts_header=True)


def find_samples(file: io.BufferedIOBase, size: int) -> Samples | None:
    """Where the samples of a WAV, RF64, AIFF, SVX, CAF, W64 or AU file of so many bytes lie; None for other formats.

    In a file that is cut off before its samples they begin at its end.
    """
    file.seek(0)
    head = file.read(64)
    if head.startswith(_AU):
        start, length = (int.from_bytes(head[at : at + 4], "big") for at in (4, 8))
        return Samples(start, None if _is_unknown(length) else start + length, (8, 4, "big"))
    layout = _LAYOUTS.get((head[:4], head[8:12]))
    if head.startswith(_CAF):
        layout = _CAF_CHUNKS
    elif head.startswith(_W64):
        layout = _W64_CHUNKS
    if layout is None:
        return None
    start, field, length = _data_chunk(file, size, layout)
    unknown = _is_unknown(length) if layout.length_bytes == 4 else length >= 1 << 63
    if head.startswith(b"RF64") and length == 0xFFFF_FFFF:  # its chunk ds64 holds the length in 64 bits
        length = int.from_bytes(head[28:36], "little")
        unknown = length == 0
    return Samples(start, None if unknown else start + length, (field, layout.length_bytes, layout.order))


def _data_chunk(file: io.BufferedIOBase, size: int, layout: _Chunks) -> tuple[int, int, int]:
    """Where the chunk of samples begins, where its length is written, and that."""
    header = layout.name_bytes + layout.length_bytes
    at = layout.first
    while at < size:
        file.seek(at)
        name, length = file.read(layout.name_bytes), int.from_bytes(file.read(layout.length_bytes), layout.order)
        length = max(length - header, 0) if layout.counts_header else length
        if name.startswith(layout.data):
            return at + header, at + layout.name_bytes, length
        at += header + length + -length % layout.align
    return max(at, size), 0, 1


def _is_unknown(length: int) -> bool:
    return any(length in those for those in _UNKNOWN)


def readable(data: bytes, samples: Samples) -> bytes:
    """The bytes of a sound file whose header does not know how long it is, with one that does."""
    at, width, order = samples.length
    length = 0xFFFF_FFFF if width == 4 else len(data) - samples.start  # libsndfile knows the former by itself
    return data[:at] + length.to_bytes(width, order) + data[at + width :]


def ogg_end(file: io.BufferedIOBase, size: int) -> int:
    """Where the last page of an Ogg file ends that begins in it."""
    start = max(size - (1 << 17), 0)  # a page has at most 64 KiB
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"OggS")
    header = tail[at : at + 27 + 255]
    if at < 0 or len(header) < 27:
        return size + 1
    segments = header[27 : 27 + header[26]]
    return start + at + 27 + header[26] + sum(segments)
