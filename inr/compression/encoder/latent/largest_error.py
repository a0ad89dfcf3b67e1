"""Files of codec "latent" in which no sample is off by more than a bound: samples that are get corrected."""

import math
import struct
from collections.abc import Callable, Sequence

import numpy as np

from inr.compression.bitstream.latent.components import CORRECTIONS, decode_samples
from inr.compression.codecs.base import Payload
from inr.compression.counted import counted
from inr.compression.encoder.integers import encode_integers
from inr.compression.encoder.latent.picture import PictureEncoder
from inr.compression.fit_series import FitSeries
from inr.container import GIB, loads, varint

# Fits that are tried: the bound is at so many standard deviations of the error in the first one, and in the others,
# which have fewer or more errors to correct.
FIRST_RATIO, RATIOS_FINER, RATIOS_COARSER = 2.3, (3.2, 4.2), (1.6, 1.1)
# A file with a larger share of corrections is tried finer first.
_MANY_CORRECTIONS = 0.25
# By how much a step is shorter than twice the bound: what rounding takes away.
_MARGIN = 1e-3
_MOST_MOVES = 2**31 - 1


def within_error(
    encoder: PictureEncoder, bound: float, pack: Callable[[Sequence[Payload]], bytes], fits: FitSeries
) -> bytes:
    """The smallest of a few files that keep a bound on the error of every sample, one colour with corrections too.

    Args:
        encoder: of the picture.
        bound: the largest error, in own units.
        pack: makes a file of sections.
        fits: runs the fits; where it is stopped, the best so far is kept.
    """
    flat = encoder.flat()
    moves = corrections(encoder, flat, bound)
    if not moves:
        return pack(flat)
    found: dict[float, bytes] = {}

    def attempt(ratio: float) -> bytes:
        deviation = max(bound, 0.5 if encoder.signal.array.dtype.kind != "f" else 0) / ratio
        sections = encoder.of_psnr(20 * math.log10(encoder.signal.domain.values.data_range / deviation))
        return pack([*sections, *corrections(encoder, sections, bound)])

    def tried(ratio: float) -> int:
        found[ratio] = fits.kept(f"error at {ratio:g} deviations", lambda: attempt(ratio))
        return len(found[ratio])

    with fits.until_stopped(found):
        best = tried(FIRST_RATIO)
        finer = _share_of_corrections(found[FIRST_RATIO]) > _MANY_CORRECTIONS
        for ratios in (RATIOS_FINER, RATIOS_COARSER) if finer else (RATIOS_COARSER, RATIOS_FINER):
            better = False
            for ratio in ratios:
                if len(found) >= 3 or tried(ratio) >= best:
                    break
                best, better = len(found[ratio]), True
            if better:
                break
    return min(pack([*flat, *moves]), *found.values(), key=len)


def _share_of_corrections(data: bytes) -> float:
    """Of the bytes of a file."""
    return sum(entry.size for entry in loads(data).table if entry.name == CORRECTIONS) / len(data)


def corrections(encoder: PictureEncoder, sections: Sequence[Payload], bound: float) -> list[Payload]:
    """The section that moves samples which are off by more than a bound; none where there are none.

    Args:
        encoder: of the picture.
        sections: of its file.
        bound: the largest error, in own units.
    """
    signal = encoder.signal
    decoded, _ = decode_samples(signal.domain, {each.name: each.data for each in sections}, max_bytes=64 * GIB)
    samples = signal.array
    floats = samples.dtype.kind == "f"
    wide = np.float64 if floats else np.int64
    step = 2 * bound * (1 - _MARGIN) if floats else 2 * min(math.floor(bound), 2**29) + 1
    difference = samples.astype(wide) - decoded.astype(wide)
    off = np.abs(difference) > bound
    off &= counted(signal.array, signal.domain, signal.missing)
    if not off.any():
        return []
    moves = np.where(off, np.rint(difference / step), 0).clip(-_MOST_MOVES, _MOST_MOVES).astype(np.int32)
    told = struct.pack("<d", step) if floats else varint(int(step))
    return [Payload(CORRECTIONS, told + encode_integers(moves.reshape(-1)), base=False)]
