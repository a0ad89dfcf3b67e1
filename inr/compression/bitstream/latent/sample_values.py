"""From what decoding gives to samples in their own type, alike on every machine."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Shaped

_ROWS = 16  # of which samples are mapped at once


def fraction_bits(dtype: np.dtype) -> int:
    """Fraction bits of what the synthesis gives for samples of a type."""
    return 12 if dtype.itemsize == 1 else 20


def from_unit(
    unit: Shaped[np.ndarray, "channels height width"],
    bits: int,
    out: Shaped[np.ndarray, "height width channels"],
    low: Sequence[float],
    span: Sequence[float],
) -> None:
    """Map numbers of a unit range to samples, alike on every machine.

    Integers are rounded in int64, low + (t span + 2^(bits-1)) >> bits; floats are low + span (t 2^-bits) in float64.

    Args:
        unit: integers from 0 to 2^bits.
        bits: how many of them are fractions.
        out: where samples are written to, in their type.
        low, span: of each channel, integers for samples that are.
    """
    for start in range(0, out.shape[0], _ROWS):
        rows = unit[:, start : start + _ROWS].transpose(1, 2, 0)
        if out.dtype.kind == "f":
            out[start : start + _ROWS] = np.array(low) + np.array(span) * (rows * 2.0**-bits)
        else:
            scaled = rows.astype(np.int64)
            scaled *= np.array(span, np.int64)
            scaled += 1 << bits - 1
            scaled >>= bits
            scaled += np.array(low, np.int64)
            out[start : start + _ROWS] = scaled


def correct(
    samples: Shaped[np.ndarray, "height width channels"],
    moves: Shaped[np.ndarray, "height width channels"],
    step: float,
) -> None:
    """Move samples, in place, by whole numbers of a step: exactly for integers, in float64 for floats."""
    for start in range(0, len(samples), _ROWS):
        rows, moved = samples[start : start + _ROWS], moves[start : start + _ROWS]
        if not moved.any():
            continue
        if samples.dtype.kind == "f":
            rows[...] = rows.astype(np.float64) + moved * np.float64(step)
        else:
            limits = np.iinfo(samples.dtype)
            wide = rows.astype(np.int64) + moved.astype(np.int64) * int(step)
            rows[...] = np.clip(wide, limits.min, min(limits.max, np.iinfo(np.int64).max))
