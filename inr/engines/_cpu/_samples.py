"""A stage that makes the coordinates and targets of a batch of samples, as the signal itself would, bit for bit."""

import functools
from typing import no_type_check

import numba
import numpy as np

from inr._errors import InrError
from inr.jit import F1, F2, I1, Array, Call, Stage, exact, inline, share
from inr.jit.vector import float64_scratch
from inr.signals import MOTION_BLOCK, SINC_STEPS, GridSignal, Signal, VideoInterpolant, sinc_table

_DTYPES = ("uint8", "uint16", "int16", "float32")  # float32 carries these exactly
_BLOCK = 64

_share = inline(share)
_NOWHERE = np.zeros(0, np.int64)


def sampling(signal: Signal) -> "Sampling | None":
    """What makes batches of a signal, or None where it has to be asked itself: see `Signal.coords` and `values`."""
    if not isinstance(signal, GridSignal) or signal.array.dtype.name not in _DTYPES or not signal.is_narrow:
        return None
    return Sampling(signal)


class Sampling:
    """Batches of a signal on a regular grid, whose samples are uint8, uint16, int16 or float32.

    `at` and `run` give a call that fills `coords` (n, d) and `targets` (n, c), float32, with what `Signal.coords` and
    `Signal.values` give; `between` one that fills them with what `GridSignal.shifted_coords` and `interpolated` give,
    up to the rounding of float32. Later calls of the same method change the same call.
    """

    def __init__(self, signal: GridSignal) -> None:
        self._signal = signal
        self._between: Call | None = None
        samples = signal.array
        self._size = signal.size
        self._cells = None if signal.cells is None else signal.cells.numpy()
        self._call = Call(
            _stage(signal.in_dim, signal.channels, samples.dtype.name),
            shape=np.array(samples.shape[:-1], np.int64),
            **own_arrays(signal),
        )

    def at(self, indices: np.ndarray, coords: np.ndarray, targets: np.ndarray) -> Call:
        """The samples at `indices`, int64 (n,).

        Raises:
            InrError: an index that is no sample's.
        """
        return self._call.set(indices=self._cells_of(indices), start=0, coords=coords, targets=targets)

    def cells_at(self, cells: np.ndarray, coords: np.ndarray, targets: np.ndarray) -> Call:
        """The samples of cells whose flat indices, int64 (n,), are written there by the time that the call runs."""
        return self._call.set(indices=cells, start=0, coords=coords, targets=targets)

    def between(self, indices: np.ndarray, shifts: np.ndarray, coords: np.ndarray, targets: np.ndarray) -> Call:
        """Places within the cells of samples at `indices`, int64 (n,), by `shifts` in cells, float32 (n, d).

        Raises:
            InrError: an index that is no sample's.
        """
        cells = self._cells_of(indices)
        if self._between is None:
            self._between = _between_call(self._signal)
        return self._between.set(indices=cells, shifts=shifts, coords=coords, targets=targets)

    def _cells_of(self, indices: np.ndarray) -> np.ndarray:
        """Flat indices of the cells of samples."""
        if len(indices) and not 0 <= indices.min() <= indices.max() < self._size:
            raise InrError(f"indices of samples must lie in 0 … {self._size - 1:,}")
        return indices if self._cells is None else self._cells[indices]

    def run(self, start: int, coords: np.ndarray, targets: np.ndarray) -> Call:
        """As many samples as `coords` has rows, from index `start` on.

        Raises:
            InrError: samples beyond the last one.
        """
        if not 0 <= start <= start + len(coords) <= self._size:
            raise InrError(f"{len(coords):,} samples from {start:,} on are not among {self._size:,}")
        cells = _NOWHERE if self._cells is None else self._cells[start : start + len(coords)]
        return self._call.set(indices=cells, start=start, coords=coords, targets=targets)


OWN_ARRAYS = ("samples", "centre", "inverse")
"""The arguments by which calls for signals of one shape and type differ."""


def own_arrays(signal: GridSignal) -> dict[str, np.ndarray]:
    """A signal's own `OWN_ARRAYS`."""
    values, channels = signal.domain.values, signal.channels
    low, high = np.array(values.low, np.float64), np.array(values.high, np.float64)
    centre, inverse = low / 2 + high / 2, 1 / (high / 2 - low / 2)
    return {
        "samples": signal.array.reshape(-1, channels),
        "centre": np.broadcast_to(centre, channels).astype(np.float32),
        "inverse": np.broadcast_to(inverse, channels).astype(np.float32),
    }


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


_MAX_AXES = 4
_QUADRATIC, _CUBIC, _SINC = range(3)
_CODES = {"quadratic": _QUADRATIC, "cubic": _CUBIC, "sinc": _SINC}


def _between_call(signal: GridSignal) -> Call:
    """The stage that interpolates a signal, with all that does not change from step to step."""
    interpolant = signal.interpolant
    if isinstance(interpolant, VideoInterpolant):
        spatial = interpolant.kernels[-1]
        return Call(
            _motion_stage(_CODES[spatial.name], spatial.taps, interpolant.margins[-1], signal.channels),
            table=interpolant.coefficients.reshape(-1, signal.channels),
            shape=np.array(interpolant.shape, np.int64),
            grid=np.array(interpolant.motion.shape[1:3], np.int64),
            motion=interpolant.motion.reshape(-1, 2),
            sinc=np.zeros((0, 0), np.float32),
        )
    kernels = tuple(each.name for each in interpolant.kernels)
    taps = tuple(each.taps for each in interpolant.kernels)
    return Call(
        _between_stage(kernels, taps, signal.channels),
        table=interpolant.coefficients.reshape(-1, signal.channels),
        shape=np.array(interpolant.shape, np.int64),
        margins=np.array(interpolant.margins, np.int64),
        sinc=sinc_table() if "sinc" in kernels else np.zeros((0, 0), np.float32),
    )


@inline
@no_type_check
def _weigh(code, taps, shift, sinc, weights):
    """The weights of `inr.signals.axis_weights`; how many samples before the place's own the first one lies."""
    if code == _QUADRATIC:
        weights[0] = (0.5 - shift) * (0.5 - shift) * 0.5
        weights[1] = 0.75 - shift * shift
        weights[2] = (0.5 + shift) * (0.5 + shift) * 0.5
        return 1
    earlier, rest = 0, shift
    if shift < 0:
        earlier, rest = 1, shift + 1.0
    if code == _CUBIC:
        back = 1.0 - rest
        weights[0] = back * back * back / 6.0
        weights[1] = 2.0 / 3.0 - rest * rest * (2.0 - rest) * 0.5
        weights[2] = 2.0 / 3.0 - back * back * (2.0 - back) * 0.5
        weights[3] = rest * rest * rest / 6.0
        return earlier + 1
    place = rest * SINC_STEPS
    step = min(int(place), SINC_STEPS - 1)
    share = place - step
    for tap in range(taps):
        weights[tap] = sinc[step, tap] + share * (sinc[step + 1, tap] - sinc[step, tap])
    return earlier + taps // 2 - 1


@functools.cache
@no_type_check
def _between_stage(kernels: tuple[str, ...], taps: tuple[int, ...], channels: int) -> Stage:
    """The stage for an interpolator an axis, in array order; the same numbers as `inr.signals.axis_weights` has."""
    axes = len(kernels)
    spare = _MAX_AXES - axes
    codes = tuple(_CODES[name] for name in kernels)
    widest = max(taps)
    numbers = _MAX_AXES * widest
    counts = (1,) * spare + taps

    def sample(
        worker, workers, indices: I1, shifts: F2, table: F2, shape: I1, margins: I1, sinc: F2, coords: F2, targets: F2
    ):
        begin, end = _share(len(coords), worker, workers, _BLOCK)
        weights = numba.carray(float64_scratch(numbers), (_MAX_AXES, widest))
        strides = numba.carray(float64_scratch(_MAX_AXES), _MAX_AXES)
        for axis in range(spare):
            weights[axis, 0], strides[axis] = 1.0, 0.0
        for row in range(begin, end):
            left, first, stride = float(indices[row]), 0, 1
            for place in range(axes):  # x comes first, which is the last axis of the array
                axis = axes - 1 - place
                size = float(shape[axis])
                quotient = np.floor((left + 0.5) / size)
                position = left - quotient * size
                left = quotient
                shift = float(shifts[row, place])
                coords[row, place] = (position + (1 - size) / 2 + shift) * (2 / size)
                earlier = _weigh(codes[axis], taps[axis], shift, sinc, weights[spare + axis])
                first += (int(position) + margins[axis] - earlier) * stride
                strides[spare + axis] = stride
                stride *= shape[axis] + 2 * margins[axis]
            for channel in range(channels):
                targets[row, channel] = 0.0
            for i in range(counts[0]):
                for j in range(counts[1]):
                    for k in range(counts[2]):
                        outer = weights[0, i] * weights[1, j] * weights[2, k]
                        start = first + int(i * strides[0] + j * strides[1] + k * strides[2])
                        for tap in range(counts[3]):
                            weight = np.float32(outer * weights[3, tap])
                            for channel in range(channels):
                                targets[row, channel] += weight * table[start + tap, channel]

    return Stage(sample, f"between {kernels} {channels}", "sampling")


@inline
@no_type_check
def _moved(motion, grid, pair, x, y, component):
    """A component of the motion at a place, linear between blocks."""
    rows, columns = grid[0], grid[1]
    across = min(max((x + 0.5) / MOTION_BLOCK - 0.5, 0.0), columns - 1.0)
    down = min(max((y + 0.5) / MOTION_BLOCK - 0.5, 0.0), rows - 1.0)
    left, top = int(across), int(down)
    right, bottom = min(left + 1, columns - 1), min(top + 1, rows - 1)
    share, part = across - left, down - top
    upper, lower = (pair * rows + top) * columns, (pair * rows + bottom) * columns
    above = motion[upper + left, component] * (1.0 - share) + motion[upper + right, component] * share
    below = motion[lower + left, component] * (1.0 - share) + motion[lower + right, component] * share
    return above * (1.0 - part) + below * part


@functools.cache
@no_type_check
def _motion_stage(code: int, taps: int, margin: int, channels: int) -> Stage:
    """The stage for videos; the same numbers as `inr.signals.VideoInterpolant` has."""
    numbers = 2 * taps

    def sample(
        worker, workers, indices: I1, shifts: F2, table: F2, shape: I1, grid: I1, motion: F2, sinc: F2, coords: F2,
        targets: F2,
    ):  # fmt: skip
        begin, end = _share(len(coords), worker, workers, _BLOCK)
        weights = numba.carray(float64_scratch(numbers), (2, taps))
        frames, height, width = shape[0], shape[1], shape[2]
        stride = width + 2 * margin
        plane = stride * (height + 2 * margin)
        for row in range(begin, end):
            left = float(indices[row])
            rest = np.floor((left + 0.5) / width)
            x = left - rest * width
            frame = np.floor((rest + 0.5) / height)
            y = rest - frame * height
            x_shift, y_shift, t_shift = float(shifts[row, 0]), float(shifts[row, 1]), float(shifts[row, 2])
            coords[row, 0] = (x + (1.0 - width) / 2 + x_shift) * (2.0 / width)
            coords[row, 1] = (y + (1.0 - height) / 2 + y_shift) * (2.0 / height)
            coords[row, 2] = (frame + (1.0 - frames) / 2 + t_shift) * (2.0 / frames)
            x, y = x + x_shift, y + y_shift
            time = min(max(frame + t_shift, 0.0), frames - 1.0)
            pair = min(int(time), frames - 2)
            late = time - pair
            across = _moved(motion, grid, pair, x, y, 0)
            down = _moved(motion, grid, pair, x, y, 1)
            for channel in range(channels):
                targets[row, channel] = 0.0
            for side in range(2):
                blend = late if side == 1 else 1.0 - late
                if blend > 0.0:
                    part = 1.0 - late if side == 1 else -late
                    x_there = min(max(x + part * across, -0.5), width - 0.5)
                    y_there = min(max(y + part * down, -0.5), height - 0.5)
                    column = min(int(x_there + 0.5), width - 1)
                    line = min(int(y_there + 0.5), height - 1)
                    x_before = _weigh(code, taps, x_there - column, sinc, weights[0])
                    y_before = _weigh(code, taps, y_there - line, sinc, weights[1])
                    first = (pair + side) * plane + (line + margin - y_before) * stride + column + margin - x_before
                    for i in range(taps):
                        outer = blend * weights[1, i]
                        for j in range(taps):
                            weight = np.float32(outer * weights[0, j])
                            for channel in range(channels):
                                targets[row, channel] += weight * table[first + i * stride + j, channel]

    return Stage(sample, f"motion {code} {channels}", "sampling")
