"""The layers of 3x3 of the synthesis, forward and back, row by row; the last one compares with the picture.

Code is generated for a number of channels, so that all sums of a pixel stay in registers.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from inr.compression.encoder.latent.kernels._planes import F3, START, repeat_ends, whole
from inr.jit import D2, F1, F2, Stage, inline, share
from inr.jit.lanes import fma, generated, load, minus, plus, positive, spread, store, times, total, zero
from inr.jit.vector import LANES, POINTERS

_at = POINTERS["float32"]
_share, _whole = inline(share), inline(whole)


class Convolution(NamedTuple):
    """The stages of the 3x3 layers; see the functions of these names."""

    convolve: Stage
    compare: Stage
    convolve_back: Stage


@functools.cache
def convolution_stages(channels: int) -> Convolution:
    """The stages for `channels` channels."""
    row, kernel_gradients, row_back = (generated(lines(channels), name) for name, lines in _LOOPS.items())
    return Convolution(
        Stage(_make_convolve(row), phase="synthesis"),
        Stage(_make_compare(row), phase="synthesis"),
        Stage(_make_convolve_back(channels, kernel_gradients, row_back), phase="synthesis"),
    )


def _row(channels: int) -> list[str]:
    """x + K * x + b for a row, from the rows above it, of it and below it."""
    cs = range(channels)
    return [
        "def row(row0, row1, row2, pitch, into, count, kernel):",
        "    w = at(kernel)",
        *(f"    b{o} = spread(w[{9 * channels**2 + o}])" for o in cs),
        f"    for byte in range(0, count, {4 * LANES}):",
        *(f"        sum{o} = plus(b{o}, load(row1 + {o} * pitch + byte))" for o in cs),
        f"        for i in range({channels}):",
        "            here, tap = i * pitch + byte, 9 * i",
        *(
            line
            for down in range(3)
            for right in range(3)
            for line in [
                f"            x = load(row{down} + here + {4 * (right - 1)})",
                *(
                    f"            sum{o} = fma(spread(w[tap + {9 * o * channels + 3 * down + right}]), x, sum{o})"
                    for o in cs
                ),
            ]
        ),
        *(f"        store(sum{o}, into + {o} * pitch + byte)" for o in cs),
    ]


def _kernel_gradients(channels: int) -> list[str]:
    """Adds up the gradients of a layer's kernel, tap by tap, and of its bias, from a row."""
    cs, rights = range(channels), range(3)
    places = {f"g{o}_{right}": 4 * LANES * (9 * channels * o + right) for o in cs for right in rights}
    biases = {f"bias{o}": 4 * LANES * (9 * channels**2 + o) for o in cs}
    loop = f"for byte in range(0, count, {4 * LANES}):"
    return [
        "def kernel_gradients(row0, row1, row2, pitch, gradient, count, sums):",
        f"    for line in range({3 * channels}):",
        "        down, into = line % 3, sums + line * " + str(12 * LANES),
        "        row = (row0 if down == 0 else row1 if down == 1 else row2) + line // 3 * pitch",
        *(f"        {name} = load(into + {place})" for name, place in places.items()),
        f"        {loop}",
        *(f"            x{right} = load(row + byte + {4 * (right - 1)})" for right in rights),
        *(f"            d{o} = load(gradient + {o} * pitch + byte)" for o in cs),
        *(f"            g{o}_{right} = fma(d{o}, x{right}, g{o}_{right})" for o in cs for right in rights),
        *(f"        store({name}, into + {place})" for name, place in places.items()),
        *(f"    {name} = load(sums + {place})" for name, place in biases.items()),
        f"    {loop}",
        *(f"        bias{o} = plus(bias{o}, load(gradient + {o} * pitch + byte))" for o in cs),
        *(f"    store({name}, sums + {place})" for name, place in biases.items()),
    ]


def _row_back(channels: int) -> list[str]:
    """The gradient of a row from those of the rows below it, of it and above it; 0 where `values` is, if asked for."""
    cs = range(channels)
    return [
        "def row_back(row0, row1, row2, pitch, into, values, count, kernel, masked):",
        "    w = at(kernel)",
        f"    for byte in range(0, count, {4 * LANES}):",
        *(f"        sum{i} = load(row1 + {i} * pitch + byte)" for i in cs),
        f"        for o in range({channels}):",
        f"            here, tap = o * pitch + byte, {9 * channels} * o",
        *(
            line
            for down in range(3)
            for right in range(3)
            for line in [
                f"            d = load(row{down} + here + {4 * (1 - right)})",
                *(f"            sum{i} = fma(spread(w[tap + {9 * i + 3 * down + right}]), d, sum{i})" for i in cs),
            ]
        ),
        "        if masked:",
        *(f"            sum{i} = where_positive(load(values + {i} * pitch + byte), sum{i})" for i in cs),
        *(f"        store(sum{i}, into + {i} * pitch + byte)" for i in cs),
    ]


_LOOPS = {"row": _row, "kernel_gradients": _kernel_gradients, "row_back": _row_back}


def _make_convolve(row_of: Any) -> Any:
    """The function of a 3x3 layer that is not the last one."""

    def convolve(worker: int, workers: int, values: F3, into: F3, parameters: F1, kernel: int, width: int) -> None:
        """ReLU(x + K * x + b), the ends of its rows repeated once."""
        channels, height, pitch = values.shape[0], values.shape[1], 4 * values.shape[2]
        begin, stop = _share(height, worker, workers, 1)
        for row in range(begin, stop):
            _convolved(row_of, values, into, parameters, kernel, row, width)
            for channel in range(channels):
                target = into.ctypes.data + (channel * height + row) * pitch
                for byte in range(4 * START, 4 * (START + _whole(width)), 4 * LANES):
                    store(positive(load(target + byte)), target + byte)
                repeat_ends(target, width)

    return convolve


@inline
def _convolved(row_of: Any, values: F3, into: F3, parameters: F1, kernel: int, row: int, width: int) -> None:
    """A row of a 3x3 layer; beyond the first and last row, these are repeated."""
    height, pitch = values.shape[1], 4 * values.shape[2]
    place = values.ctypes.data + 4 * START
    row_of(
        place + max(row - 1, 0) * pitch, place + row * pitch, place + min(row + 1, height - 1) * pitch, height * pitch,
        into.ctypes.data + row * pitch + 4 * START, 4 * _whole(width), parameters.ctypes.data + 4 * kernel,
    )  # fmt: skip


def _make_compare(row_of: Any) -> Any:
    """The function of the last layer."""

    def compare(
        worker: int, workers: int, values: F3, beside: F3, into: F3, parameters: F1, kernel: int, picture: F3,
        importance: F3, output: F3, error: D2, scale: float,
    ) -> None:  # fmt: skip
        """The picture and its error; into: the derivative of the error by each value, 0 beside the picture."""
        channels, height, pitch = values.shape[0], values.shape[1], 4 * values.shape[2]
        width, plane = output.shape[2], height * pitch
        full, twice = width // LANES * LANES, spread(np.float32(2 * scale))
        found = 0.0
        begin, stop = _share(height, worker, workers, 1)
        for row in range(begin, stop):
            _convolved(row_of, values, into, parameters, kernel, row, width)
            here = row * pitch + 4 * START
            weight = importance.ctypes.data + here
            for channel in range(channels):
                place, target = into.ctypes.data + channel * plane + here, picture.ctypes.data + channel * plane + here
                more, shown = beside.ctypes.data + channel * plane + here, output[channel, row].ctypes.data
                for byte in range(0, 4 * _whole(width), 4 * LANES):
                    store(plus(load(place + byte), load(more + byte)), place + byte)
                for byte in range(0, 4 * full, 4 * LANES):
                    store(load(place + byte), shown + byte)
                numbers, ends = _at(place), _at(shown)
                for column in range(full, width):
                    ends[column] = numbers[column]
                errors = zero()
                for byte in range(0, 4 * _whole(width), 4 * LANES):
                    difference = minus(load(place + byte), load(target + byte))
                    slope = times(load(weight + byte), difference)
                    errors = fma(slope, difference, errors)
                    store(times(twice, slope), place + byte)
                found += total(errors)
        error[worker, 0] = found * scale

    return compare


def _make_convolve_back(channels: int, kernel_gradients: Any, row_back: Any) -> Any:
    """The function of the way back through a 3x3 layer."""
    size = 9 * channels**2  # of a kernel

    def convolve_back(
        worker: int, workers: int, values: F3, gradient: F3, into: F3, parameters: F1, kernel: int, masked: int,
        scratch: F2, sums: D2, width: int,
    ) -> None:  # fmt: skip
        """From the gradient of x + K * x + b to that of x, for `masked` of what x = ReLU(…) is of; 0 beside it."""
        height, pitch = values.shape[1], 4 * values.shape[2]
        plane, count = height * pitch, 4 * _whole(width)
        room = scratch.ctypes.data + 4 * worker * scratch.shape[1]
        edited = room + 4 * LANES * (size + channels)
        taps, w = _at(edited), _at(parameters.ctypes.data + 4 * kernel)
        scratch[worker, : LANES * (size + channels)] = np.float32(0)
        place, above = values.ctypes.data + 4 * START, gradient.ctypes.data + 4 * START
        begin, stop = _share(height, worker, workers, 1)
        for row in range(begin, stop):
            up, down = max(row - 1, 0) * pitch, min(row + 1, height - 1) * pitch
            here = row * pitch
            kernel_gradients(place + up, place + here, place + down, plane, above + here, count, room)
            for pair in range(0, size, 9):  # what rows beyond the first and last one get, these do
                for tap in range(3):
                    first, middle, last = w[pair + tap], w[pair + 3 + tap], w[pair + 6 + tap]
                    if row == 0:
                        middle, last = middle + first, np.float32(0)
                    if row == height - 1:
                        middle, first = middle + w[pair + 6 + tap], np.float32(0)
                    taps[pair + tap], taps[pair + 3 + tap], taps[pair + 6 + tap] = first, middle, last
            target = into.ctypes.data + 4 * START + here
            row_back(above + down, above + here, above + up, plane, target, place + here, count, edited, masked)
            for channel in range(channels):
                numbers, x = _at(target + channel * plane), _at(place + here + channel * plane)
                left, right = np.float32(0), np.float32(0)  # what columns beyond the first and last one get
                for output in range(channels):
                    pair = 9 * (output * channels + channel)
                    rows = above + output * plane
                    below, same, over = _at(rows + down), _at(rows + here), _at(rows + up)
                    left += taps[pair] * below[0] + taps[pair + 3] * same[0] + taps[pair + 6] * over[0]
                    last = width - 1
                    right += taps[pair + 2] * below[last] + taps[pair + 5] * same[last] + taps[pair + 8] * over[last]
                if masked == 0 or x[0] > 0:
                    numbers[0] += left
                if masked == 0 or x[width - 1] > 0:
                    numbers[width - 1] += right
                numbers[width] = np.float32(0)
        for index in range(size + channels):
            sums[worker, kernel + index] += total(load(room + 4 * LANES * index))

    return convolve_back
