"""Is a sound or video file all there? Its container says how long it should be; decoders read what they find.

FFmpeg and libsndfile do not tell as well: of a WAV, a GIF, an AVI or an MP4 that is cut off they decode the samples or
frames that are there, without an error, and that a Matroska file is cut off FFmpeg says in its log alone, in words that
change between versions.
"""

import io
from pathlib import Path

from inr._errors import InrError

_UNKNOWN_LENGTH = 0xFFFFFFFF  # what a header says that was written before its length was known
_EBML_MAGIC = b"\x1aE\xdf\xa3"


def check_complete(path: Path) -> None:
    """Refuse a RIFF (WAV, AVI), MP4, MOV, Matroska, WebM or GIF file that ends before its own header says.

    Raises InrError; files in other formats pass.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(12)
        if magic[:4] == b"RIFF":
            end = _wav_end(file, size) if magic[8:] == b"WAVE" else 8 + int.from_bytes(magic[4:8], "little")
        elif magic[4:8] == b"ftyp":
            end = _boxes_end(file, size)
        elif magic[:4] == _EBML_MAGIC:
            end = _matroska_end(file, size)
        elif magic[:3] == b"GIF":
            end = _gif_end(file)
        else:
            return
    if end > size:
        raise InrError(f"{path} is damaged or cut short: it should have {end:,} bytes or more, and has {size:,}")


def _wav_end(file: io.BufferedIOBase, size: int) -> int:
    """Where the samples of a WAV end."""
    start = 12
    while start < size:
        file.seek(start)
        header = file.read(8)
        length = int.from_bytes(header[4:], "little")
        start += 8 + length + length % 2
        if header[:4] == b"data":
            return start - length % 2 if length != _UNKNOWN_LENGTH else 0
    return start + 8


def _boxes_end(file: io.BufferedIOBase, size: int) -> int:
    """Where the last of an MP4's top-level boxes ends."""
    start = 0
    while start < size:
        file.seek(start)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 0 and len(header) >= 8:  # as far as the file goes
            return size
        start += max(8, int.from_bytes(header[8:], "big") if length == 1 else length)
    return start


def _matroska_end(file: io.BufferedIOBase, size: int) -> int:
    """Where the segment ends, which follows the EBML header."""
    start = 0
    for _ in range(2):
        file.seek(start + 4)
        first = file.read(1)
        width = 9 - (first or b"\x80")[0].bit_length()
        largest = (1 << 7 * width) - 1
        length = int.from_bytes(first + file.read(width - 1), "big") & largest
        if length == largest:  # not known when it was written
            return start
        start += 4 + width + length
        if start >= size:
            break
    return start


def _gif_end(file: io.BufferedIOBase) -> int:
    """A GIF ends with a semicolon, perhaps followed by zeros; without it, one byte at least is missing."""
    file.seek(0)
    data = file.read()
    return len(data) + (not data.rstrip(b"\0").endswith(b";"))
