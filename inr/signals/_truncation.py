"""Is a sound, a video or a GIF all there? Its container says how long it should be; decoders read what they find.

FFmpeg, Pillow and libsndfile do not tell as well: of a WAV, a GIF, an AVI or an MP4 that is cut off they decode the
samples or frames that are there, without an error, and that a Matroska file is cut off FFmpeg says in its log alone, in
words that change between versions.
"""

import io
from pathlib import Path

from inr._errors import InrError
from inr.signals._sound_files import find_samples, ogg_end

_EBML_MAGIC = b"\x1aE\xdf\xa3"


def check_complete(path: Path) -> None:
    """Refuse a file that ends before its own header says: WAV and its kin, AVI, MP4, MOV, Matroska, WebM, Ogg or GIF.

    Raises InrError; files in other formats pass, and those whose header does not know.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(12)
        if samples := find_samples(file, size):
            end = samples.end or 0
        elif magic[:4] == b"RIFF":
            end = 8 + int.from_bytes(magic[4:8], "little")
        elif magic[4:8] == b"ftyp":
            end = _boxes_end(file, size)
        elif magic[:4] == _EBML_MAGIC:
            end = _matroska_end(file, size)
        elif magic[:3] == b"GIF":
            end = _gif_end(file)
        elif magic[:4] == b"OggS":
            end = ogg_end(file, size)
        else:
            return
    if end > size:
        raise InrError(f"{path} is damaged or cut short: it should have {end:,} bytes or more, and has {size:,}")


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
