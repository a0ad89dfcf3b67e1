"""What is asked of a compressed file, and the search for a size that gives it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from inr._errors import InrError
from inr.signals import Signal

DEFAULT_BPP = 0.3
# Most fits that a search for a quality takes.
MAX_FITS = 6
# How many dB above the target the search ends.
_TOLERANCE = 0.15
# How many dB twice the bytes are taken to gain before anything is known.
_GAIN_PER_OCTAVE = 3.5
_FIRST_BPP = 0.25


@dataclass(frozen=True)
class Target:
    """Either bytes that a file may take, or dB that it must reach."""

    bytes: int | None = None
    psnr: float | None = None

    @classmethod
    def of(cls, signal: Signal, *, bpp: float | None, bytes: int | None, psnr: float | None) -> "Target":
        """From what a user gives: bits per sample (0.3 where nothing is given), bytes, or dB.

        Raises InrError for more than one of them, and numbers that make no sense.
        """
        given = [name for name, value in (("bpp", bpp), ("bytes", bytes), ("psnr", psnr)) if value is not None]
        if len(given) > 1:
            raise InrError(f"give one of bpp, bytes and psnr; got {' and '.join(given)}")
        if not given:
            bpp = DEFAULT_BPP
        if bpp is not None:
            if not 0 < bpp < math.inf:
                raise InrError(f"bits per sample must be a positive number, got {bpp:g}")
            return cls(bytes=int(bpp * signal.size / 8))
        if bytes is not None and bytes < 1:
            raise InrError(f"a file has at least 1 byte, got {bytes}")
        if psnr is not None and not 0 < psnr < math.inf:
            raise InrError(f"a PSNR to be reached must be a positive number of dB, got {psnr:g}")
        return cls(bytes=bytes, psnr=psnr)


class Found(NamedTuple):
    """A file, and how close it comes in dB."""

    data: bytes
    psnr: float


def smallest_reaching(psnr: float, encode: Callable[[int], Found], signal: Signal) -> Found:
    """The smallest file found that reaches a quality, or the one that comes nearest.

    Args:
        encode: a file of at most so many bytes.
    """
    largest = signal.array.nbytes
    size = min(max(int(_FIRST_BPP * signal.size / 8), 128), largest)
    tried: dict[int, Found] = {}
    while size not in tried and len(tried) < MAX_FITS:
        found = tried[size] = encode(size)
        if 0 <= found.psnr - psnr <= _TOLERANCE:
            break
        size = min(max(_next(psnr, tried), 1), largest)
    good = [found for found in tried.values() if found.psnr >= psnr]
    if good:
        return min(good, key=lambda found: len(found.data))
    return max(tried.values(), key=lambda found: found.psnr)


def _next(psnr: float, tried: dict[int, Found]) -> int:
    """The size at which a line through the nearest sizes on either side, or the two nearest, reaches the quality."""
    aim = psnr + _TOLERANCE / 2
    points = sorted((abs(found.psnr - aim), math.log2(size), found.psnr) for size, found in tried.items())
    below = next((point for point in points if point[2] < aim), None)
    above = next((point for point in points if point[2] >= aim), None)
    _, where, nearest = points[0]
    gain = _GAIN_PER_OCTAVE
    other = below if points[0] is above else above
    other = other or (points[1] if len(points) > 1 else None)
    if other is not None and other[1] != where:
        gain = max((other[2] - nearest) / (other[1] - where), 0.5)
    move = (aim - nearest) / gain
    return round(2 ** (where + min(max(move, -3.0), 3.0)))
