"""Fits the few numbers by which learned spreads suit a signal's weights; `bitstream.learned_spread` reads them."""

from collections.abc import Iterable, Sequence

import numpy as np

from inr.compression.bitstream import learned_spread
from inr.compression.bitstream.frequency_tables import LAPLACE
from inr.compression.bitstream.generalised_gaussian import steps_fit
from inr.compression.bitstream.generalised_gaussian_rows import MAX_MAGNITUDE, SCALE_OF_ONE, SCALES_PER_OCTAVE
from inr.compression.bitstream.learned_spread import CHANGES, scales_of
from inr.compression.bitstream.powers import ONE
from inr.compression.encoder.generalised_gaussian import check_read, costs_by_scale

Spreads = Sequence[np.ndarray]
_SHIFT = 16  # bits that a magnitude takes


def encode_by_learned_spread(
    steps: Sequence[int], tensors: Sequence[np.ndarray], spreads: Spreads, shapes: Iterable[int]
) -> tuple[int, bytes] | None:
    """Integers as bytes, under models whose scales were learned.

    Args:
        steps: index of each tensor's step.
        tensors: int64, of any shapes.
        spreads: of the same shapes, see `learned_spread.scales_of`.
        shapes: indices of the exponents to choose from.

    Returns:
        The best exponent and the bytes; None where an integer is beyond what the models reach.
    """
    if max(int(np.abs(each).max(initial=0)) for each in tensors) > MAX_MAGNITUDE or not steps_fit(steps):
        return None
    fitted = {shape: _fitted(steps, tensors, spreads, shape) for shape in shapes}
    shape = min(fitted, key=lambda shape: sum(bits for _, bits in fitted[shape]))
    changes = [change for change, _ in fitted[shape]]
    data = learned_spread.write_spread(steps, changes, tensors, spreads, shape)
    sizes = [tensor.shape for tensor in tensors]
    check_read(learned_spread.read_spread(memoryview(data), sizes, spreads, shape), steps, tensors)
    return shape, data


def learned_widths(
    steps: Sequence[int], tensors: Sequence[np.ndarray], spreads: Spreads
) -> tuple[list[np.ndarray], float]:
    """How far from 0 each integer would be half as likely as there, by Laplace's distribution under learned spreads.

    Args:
        steps: index of each tensor's step.
        tensors: int64, of magnitudes up to `generalised_gaussian_rows.MAX_MAGNITUDE`.
        spreads: of the same shapes.

    Returns:
        Widths as arrays of the tensors' shapes, and the bits that all integers take by them.
    """
    fitted = _fitted(steps, tensors, spreads, LAPLACE)
    widths = [
        2.0 ** ((scales_of(spread, step, change) - SCALE_OF_ONE) / SCALES_PER_OCTAVE)
        for spread, step, (change, _) in zip(spreads, steps, fitted, strict=True)
    ]
    return widths, sum(bits for _, bits in fitted) / ONE


def _fitted(steps: Sequence[int], tensors: Sequence[np.ndarray], spreads: Spreads, shape: int) -> list[tuple[int, int]]:
    """Of every tensor the change of its scales by which it takes the fewest bits, and those, in units of 2^-16."""
    costs = costs_by_scale(shape)
    found = []
    for step, tensor, spread in zip(steps, tensors, spreads, strict=True):
        # integers of one scale and one size cost the same: they are counted once, for all changes
        pairs, counts = np.unique((spread.astype(np.int64) << _SHIFT) + np.abs(tensor), return_counts=True)
        octaves, magnitudes = pairs >> _SHIFT, pairs & ((1 << _SHIFT) - 1)
        bits = [int((costs[scales_of(octaves, step, change), magnitudes] * counts).sum()) for change in range(CHANGES)]
        best = int(np.argmin(bits))
        found.append((best, bits[best]))
    return found
