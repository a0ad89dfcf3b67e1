"""What is asked of a compressed file, and the search for a size that gives it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from inr._errors import InrError
from inr.compression.fit_series import FitSeries
from inr.signals import Signal

DEFAULT_BPP = 0.3
# Most fits that a search for a quality takes.
MAX_FITS = 6
# The share of the seconds that one file of a search takes at most: it rarely needs more than three.
SHARE_OF_A_FILE = 1 / 3
# How many dB above the target the search ends.
_TOLERANCE = 0.15
# How many dB twice the bytes are taken to gain before anything is known.
_GAIN_PER_OCTAVE = 3.5
_FIRST_BPP = 0.25
# How many dB above the target a file counts as being at most: one without any error is infinitely far above.
_MOST_ABOVE = 60.0


@dataclass(frozen=True)
class Target:
    """Bytes that a file may take, or dB that it must reach, or the largest error that it may have, in own units.

    Or a quality from 0 to 100, which says how bytes are weighed against errors.
    """

    bytes: int | None = None
    psnr: float | None = None
    max_error: float | None = None
    quality: float | None = None

    @classmethod
    def of(
        cls,
        signal: Signal,
        *,
        bpp: float | None = None,
        bytes: int | None = None,
        psnr: float | None = None,
        max_error: float | None = None,
        quality: float | None = None,
    ) -> "Target":
        """From what a user gives: bits per sample (0.3 where nothing is given), bytes, dB, a largest error, a quality.

        Raises InrError for more than one of them, and numbers that make no sense.
        """
        options = {"bpp": bpp, "bytes": bytes, "psnr": psnr, "max_error": max_error, "quality": quality}
        given = [name for name, value in options.items() if value is not None]
        if len(given) > 1:
            raise InrError(f"give one of bpp, bytes, psnr, max_error and quality; got {' and '.join(given)}")
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
        if max_error is not None and not 0 < max_error < math.inf:
            raise InrError(f"a largest error must be a positive number, in units of the samples, got {max_error:g}")
        if quality is not None and not 0 <= quality <= 100:
            raise InrError(f"a quality is a number from 0 to 100, got {quality:g}")
        return cls(bytes, psnr, max_error, quality)

    @property
    def weight(self) -> float | None:
        """What a bit per pixel is worth in mean squared error of samples from 0 to 1, of a quality.

        0.05 at quality 0, 6.3e-5 at 100; half as much every 10.4.
        """
        return None if self.quality is None else 10 ** (-1.3 - 0.029 * self.quality)


class Found(NamedTuple):
    """A file, and how good it is in dB: its PSNR, or the `level_of_error` of its largest error."""

    data: bytes
    level: float


def level_of_error(error: float) -> float:
    """A largest error in dB, above which are smaller ones; infinite for none."""
    return -20 * math.log10(error) if error > 0 else math.inf


def smallest_reaching(
    level: float, encode: Callable[[int], Found], signal: Signal, fits: FitSeries | None = None
) -> Found:
    """The smallest file found that reaches a quality, or the one that comes nearest.

    Args:
        level: in dB.
        encode: a file of at most so many bytes.
        signal: whose samples bound the size.
        fits: what runs the fits; where it is stopped, the search ends with what is found.
    """
    largest = signal.array.nbytes
    size = min(max(int(_FIRST_BPP * signal.size / 8), 128), largest)
    tried: dict[int, Found] = {}
    with (fits or FitSeries()).until_stopped(tried):
        while size not in tried and len(tried) < MAX_FITS:
            found = tried[size] = encode(size)
            if 0 <= found.level - level <= _TOLERANCE:
                break
            size = min(max(_next(level, tried), 1), largest)
    good = [found for found in tried.values() if found.level >= level]
    if good:
        return min(good, key=lambda found: len(found.data))
    return max(tried.values(), key=lambda found: found.level)


def _next(level: float, tried: dict[int, Found]) -> int:
    """The size at which a line reaches the quality: through the sizes on either side, or the two nearest to it."""
    aim = level + _TOLERANCE / 2
    levels = {size: min(found.level, aim + _MOST_ABOVE) for size, found in tried.items()}
    nearest = sorted(levels, key=lambda size: abs(levels[size] - aim))
    # larger files are not always better
    above = min((size for size in levels if levels[size] >= aim), default=0)
    below = max((size for size in levels if levels[size] < aim and size < above), default=0)
    if not above:  # larger ones than all so far, even where the largest came to less than another
        nearest.sort(key=lambda size: size != max(levels))
    first, *others = [size for size in nearest if size in (below, above)] if below else nearest
    gain = _GAIN_PER_OCTAVE
    if others:
        gain = max((levels[others[0]] - levels[first]) / math.log2(others[0] / first), 0.5)
    move = (aim - levels[first]) / gain
    return round(first * 2 ** min(max(move, -3.0), 3.0))
