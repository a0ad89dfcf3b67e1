"""A stage that makes the coordinates and targets of a batch of samples, as the signal itself would, bit for bit."""

import functools
from typing import no_type_check

import numba
import numpy as np

from inr._errors import InrError
from inr.jit import F1, F2, I1, Array, Call, Stage, exact, inline, share
from inr.jit.vector import float64_scratch
from inr.signals import GridSignal, Signal

_DTYPES = ("uint8", "uint16", "int16", "float32")  # float32 carries these exactly
_BLOCK = 64

_share = inline(share)
_NOWHERE = np.zeros(0, np.int64)


def sampling(signal: Signal) -> "Sampling | None":
    """What makes batches of a signal, or None where it has to be asked itself: see `Signal.coords` and `values`."""
    known = isinstance(signal, GridSignal) and signal.array.dtype.name in _DTYPES
    return Sampling(signal) if known else None


class Sampling:
    """Batches of a signal on a regular grid, whose samples are uint8, uint16, int16 or float32.

    Both methods give a call that fills `coords` (n, d) and `targets` (n, c), float32, with what `Signal.coords` and
    `Signal.values` give. Later ones change the same call.
    """

    def __init__(self, signal: Signal) -> None:
        samples, values = signal.array, signal.domain.values
        low, high = np.array(values.low, np.float64), np.array(values.high, np.float64)
        centre, inverse = low / 2 + high / 2, 1 / (high / 2 - low / 2)
        channels = signal.channels
        self._size = signal.size
        self._call = Call(
            _stage(signal.in_dim, channels, samples.dtype.name),
            samples=samples.reshape(-1, channels),
            shape=np.array(samples.shape[:-1], np.int64),
            centre=np.broadcast_to(centre, channels).astype(np.float32),
            inverse=np.broadcast_to(inverse, channels).astype(np.float32),
        )

    def at(self, indices: np.ndarray, coords: np.ndarray, targets: np.ndarray) -> Call:
        """The samples at flat indices, int64 (n,).

        Raises:
            InrError: an index that is no sample's.
        """
        if len(indices) and not 0 <= indices.min() <= indices.max() < self._size:
            raise InrError(f"indices of samples must lie in 0 … {self._size - 1:,}")
        return self._call.set(indices=indices, start=0, coords=coords, targets=targets)

    def run(self, start: int, coords: np.ndarray, targets: np.ndarray) -> Call:
        """As many samples as `coords` has rows, from flat index `start` on.

        Raises:
            InrError: samples beyond the last one.
        """
        if not 0 <= start <= start + len(coords) <= self._size:
            raise InrError(f"{len(coords):,} samples from {start:,} on are not among {self._size:,}")
        return self._call.set(indices=_NOWHERE, start=start, coords=coords, targets=targets)


@exact
@no_type_check
def _positions(left, shape, coords, first, count):
    """Coordinates of a block from its flat indices (used up); see `inr.signals.grid_coords`."""
    for axis in range(coords.shape[1]):
        size = float(shape[len(shape) - 1 - axis])
        middle, step, inverse = (1 - size) / 2, 2 / size, 1 / size
        if axis < coords.shape[1] - 1:
            for i in range(count):
                quotient = np.floor((left[i] + 0.5) * inverse)
                coords[first + i, axis] = (left[i] - quotient * size + middle) * step
                left[i] = quotient
        else:
            for i in range(count):
                coords[first + i, axis] = (left[i] + middle) * step


@exact
@no_type_check
def _normalised(sample, centre, inverse):
    return (np.float32(sample) - centre) * inverse


@functools.cache
@no_type_check
def _stage(in_dim: int, channels: int, dtype: str) -> Stage:
    """The stage for signals of so many axes and channels."""
    source = Array(dtype, 2)

    def sample(
        worker, workers, indices: I1, start: int, samples: source, shape: I1, centre: F1, inverse: F1,
        coords: F2, targets: F2,
    ):  # fmt: skip
        begin, end = _share(len(coords), worker, workers, _BLOCK)
        left = numba.carray(float64_scratch(_BLOCK), _BLOCK)
        for first in range(begin, end, _BLOCK):
            count = min(_BLOCK, end - first)
            if len(indices) > 0:
                for i in range(count):
                    row = indices[first + i]
                    left[i] = float(row)
                    for channel in range(channels):
                        targets[first + i, channel] = _normalised(
                            samples[row, channel], centre[channel], inverse[channel]
                        )
            else:
                for i in range(count):
                    row = start + first + i
                    left[i] = float(row)
                    for channel in range(channels):
                        targets[first + i, channel] = _normalised(
                            samples[row, channel], centre[channel], inverse[channel]
                        )
            _positions(left, shape, coords, first, count)

    return Stage(sample, f"{in_dim} {channels} {dtype}", "sampling")
