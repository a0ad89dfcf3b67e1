"""Grids at the picture's resolution, and the way back: separable filters, row by row while rows stay in cache.

`eager.synthesis_inputs` says what is computed. Planes of a level hold its own grid, filtered, and then what comes from
the coarser ones; gradients come back through planes of the same shape, in which all is 0 beside the picture.
"""

from typing import Any

import numpy as np

from inr.compression.bitstream.latent.layout import Grid
from inr.compression.encoder.latent.buffers import Buffers
from inr.compression.encoder.latent.kernels._planes import F3, START, lines, planes, stride, whole
from inr.jit import D2, F1, Call, Stage, inline, share
from inr.jit.lanes import evens, fma, load, odds, plus, spread, store, times, total, woven_high, woven_low, zero
from inr.jit.vector import LANES, POINTERS

_at = POINTERS["float32"]
_share, _whole = inline(share), inline(whole)
_ROWS = 3  # rows of scratch of a worker, besides one of zeros


class Upsampling:
    """The grids that the synthesis sees, brought to the picture's resolution, and the gradients back.

    Args:
        buffers: with the latents, as `rounded`, the filters and where gradients go to.
        threads: workers that run the calls.
        sums: (threads, parameters), where each worker's gradients of parameters are added up.

    Attributes:
        inputs: (levels, height, stride): what the synthesis reads, the finest first. `backward` expects in the same
            place the loss's gradient in them, 0 beside the picture.
        forward: calls that set `inputs`.
        backward: calls that add to the gradient of the latents, and to `sums`.
    """

    def __init__(self, buffers: Buffers, threads: int, sums: np.ndarray) -> None:
        self._buffers, self._sums = buffers, sums
        seen = buffers.layout.seen
        self._values = [planes(len(seen) - grid.level, grid.height, grid.width) for grid in seen]
        self.inputs = self._values[0]
        self._gradients = [self.inputs] + [planes(len(seen) - grid.level, grid.height, grid.width) for grid in seen[1:]]
        self._own = [planes(1, grid.height, grid.width) for grid in seen[:-1]] + [self._values[-1]]
        self._rows = lines(threads, 1 + _ROWS, stride(seen[0].width))
        self.forward = [call for grid in reversed(seen) for call in self._forward(grid)]
        self.backward = [call for grid in seen for call in self._backward(grid)]

    def _forward(self, grid: Grid) -> list[Call]:
        """From the rounded latents of a level, and the planes of the one below, to its planes."""
        level, own, buffers = grid.level, self._own[grid.level], self._buffers
        calls = [Call(_COPY, latents=buffers.rounded, start=grid.start, own=own, width=grid.width)]
        if level < len(self._values) - 1:
            into, common = self._values[level], self._common(grid)
            below = buffers.layout.seen[level + 1]
            filters = {"parameters": buffers.parameters, "at": self._place("prefilter", level)}
            calls.append(Call(_PREFILTER, own=own, into=into, **filters, **common))
            filters["at"] = self._place("upsampling", level)
            calls.append(
                Call(_UPSAMPLE, planes=self._values[level + 1], into=into, narrow=below.width, **filters, **common)
            )
        return calls

    def _backward(self, grid: Grid) -> list[Call]:
        """From the gradient in a level's planes to that in its latents and in the planes of the one below."""
        level, buffers = grid.level, self._buffers
        gradient = self._gradients[level]
        latents = {"latents": buffers.gradient, "start": grid.start, "width": grid.width}
        if level == len(self._values) - 1:
            return [Call(_ADD, gradient=gradient, **latents)]
        below = buffers.layout.seen[level + 1]
        common = {"gradient": gradient, "parameters": buffers.parameters, "sums": self._sums, "rows": self._rows}
        back = Call(
            _PREFILTER_BACK, own=self._own[level], at=self._place("prefilter", level), **latents, **common
        )  # fmt: skip
        further = Call(
            _UPSAMPLE_BACK, planes=self._values[level + 1], into=self._gradients[level + 1],
            at=self._place("upsampling", level), narrow=below.width, **common,
        )  # fmt: skip
        return [back, further]

    def _common(self, grid: Grid) -> dict:
        return {"rows": self._rows, "width": grid.width}

    def _place(self, kind: str, level: int) -> int:
        return self._buffers.layout.slices[f"{kind}.{level}"].start


def _copy(worker: int, workers: int, latents: F1, start: int, own: F3, width: int) -> None:
    """A grid of the latents to a plane."""
    first, last = _share(own.shape[1], worker, workers, 1)
    for row in range(first, last):
        source = _at(latents.ctypes.data + 4 * (start + row * width))
        target = _at(own.ctypes.data + 4 * (row * own.shape[2] + START))
        for column in range(width):
            target[column] = source[column]


def _add(worker: int, workers: int, gradient: F3, latents: F1, start: int, width: int) -> None:
    """A plane's numbers, added to a grid."""
    first, last = _share(gradient.shape[1], worker, workers, 1)
    for row in range(first, last):
        source = _at(gradient.ctypes.data + 4 * (row * gradient.shape[2] + START))
        target = _at(latents.ctypes.data + 4 * (start + row * width))
        for column in range(width):
            target[column] += source[column]


@inline
def _scratch(rows: F3, worker: int, row: int) -> int:
    """The address of a worker's row; row 0 is never written to."""
    return rows.ctypes.data + 4 * (worker * rows.shape[1] + row) * rows.shape[2]


@inline
def _row(address: int, row: int, height: int, pitch: int, nothing: int) -> int:
    """The address of a plane's row, or of zeros beside it."""
    return address + row * pitch if 0 <= row < height else nothing


@inline
def _clamped(address: int, row: int, height: int, pitch: int) -> int:
    """The address of a plane's row, or of the nearest one to it."""
    return address + max(0, min(row, height - 1)) * pitch


@inline
def _symmetric(address: int, k0: Any, k1: Any, k2: Any, k3: Any) -> Any:
    """The filter of 7 taps along a row, for the vector at an address."""
    value = times(k3, load(address))
    value = fma(k2, plus(load(address - 4), load(address + 4)), value)
    value = fma(k1, plus(load(address - 8), load(address + 8)), value)
    return fma(k0, plus(load(address - 12), load(address + 12)), value)


@inline
def _across(address: int, row: int, height: int, pitch: int, nothing: int, into: int, half: int) -> None:
    """The filter of 7 taps across rows, for a whole row of a plane with what lies beside it."""
    h = _at(half)
    k0, k1, k2, k3 = spread(h[0]), spread(h[1]), spread(h[2]), spread(h[3])
    middle = address + row * pitch
    up1, down1 = _row(address, row - 1, height, pitch, nothing), _row(address, row + 1, height, pitch, nothing)
    up2, down2 = _row(address, row - 2, height, pitch, nothing), _row(address, row + 2, height, pitch, nothing)
    up3, down3 = _row(address, row - 3, height, pitch, nothing), _row(address, row + 3, height, pitch, nothing)
    for byte in range(0, pitch, 4 * LANES):
        value = times(k3, load(middle + byte))
        value = fma(k2, plus(load(up1 + byte), load(down1 + byte)), value)
        value = fma(k1, plus(load(up2 + byte), load(down2 + byte)), value)
        value = fma(k0, plus(load(up3 + byte), load(down3 + byte)), value)
        store(value, into + byte)


def _prefilter(worker: int, workers: int, own: F3, into: F3, parameters: F1, at: int, rows: F3, width: int) -> None:
    """y + k ⊗ k * y of a level's own grid."""
    height, pitch = own.shape[1], 4 * own.shape[2]
    half = parameters.ctypes.data + 4 * at
    h = _at(half)
    k0, k1, k2, k3 = spread(h[0]), spread(h[1]), spread(h[2]), spread(h[3])
    nothing, filtered = _scratch(rows, worker, 0), _scratch(rows, worker, 1)
    start, stop = 4 * START, 4 * (START + _whole(width))
    first, last = _share(height, worker, workers, 1)
    for row in range(first, last):
        _across(own.ctypes.data, row, height, pitch, nothing, filtered, half)
        source, target = own.ctypes.data + row * pitch, into.ctypes.data + row * pitch
        for byte in range(start, stop, 4 * LANES):
            store(plus(load(source + byte), _symmetric(filtered + byte, k0, k1, k2, k3)), target + byte)


def _prefilter_back(
    worker: int, workers: int, own: F3, gradient: F3, latents: F1, start: int, parameters: F1, at: int, rows: F3,
    sums: D2, width: int,
) -> None:  # fmt: skip
    """The gradients of a level's latents and of the filter: the filter is its own adjoint."""
    height, pitch = own.shape[1], 4 * own.shape[2]
    half = parameters.ctypes.data + 4 * at
    h = _at(half)
    k0, k1, k2, k3 = spread(h[0]), spread(h[1]), spread(h[2]), spread(h[3])
    nothing = _scratch(rows, worker, 0)
    filtered, back = _scratch(rows, worker, 1), _scratch(rows, worker, 2)
    begin, end = 4 * START, 4 * (START + _whole(width))
    first, last = _share(height, worker, workers, 1)
    values, gradients = own.ctypes.data, gradient.ctypes.data
    for row in range(first, last):
        _across(values, row, height, pitch, nothing, filtered, half)
        _across(gradients, row, height, pitch, nothing, back, half)
        here = gradients + row * pitch
        middle = values + row * pitch
        up1, down1 = _row(values, row - 1, height, pitch, nothing), _row(values, row + 1, height, pitch, nothing)
        up2, down2 = _row(values, row - 2, height, pitch, nothing), _row(values, row + 2, height, pitch, nothing)
        up3, down3 = _row(values, row - 3, height, pitch, nothing), _row(values, row + 3, height, pitch, nothing)
        g0, g1, g2, g3 = zero(), zero(), zero(), zero()
        for byte in range(begin, end, 4 * LANES):
            number = load(here + byte)
            place = filtered + byte
            across = _symmetric(here + byte, k0, k1, k2, k3)
            g3 = fma(number, load(place), fma(across, load(middle + byte), g3))
            g2 = fma(number, plus(load(place - 4), load(place + 4)), g2)
            g1 = fma(number, plus(load(place - 8), load(place + 8)), g1)
            g0 = fma(number, plus(load(place - 12), load(place + 12)), g0)
            g2 = fma(across, plus(load(up1 + byte), load(down1 + byte)), g2)
            g1 = fma(across, plus(load(up2 + byte), load(down2 + byte)), g1)
            g0 = fma(across, plus(load(up3 + byte), load(down3 + byte)), g0)
        sums[worker, at] += total(g0)
        sums[worker, at + 1] += total(g1)
        sums[worker, at + 2] += total(g2)
        sums[worker, at + 3] += total(g3)
        target = latents.ctypes.data + 4 * (start + row * width)
        full = width // LANES * LANES
        for column in range(0, full, LANES):
            byte = begin + 4 * column
            value = plus(load(here + byte), _symmetric(back + byte, k0, k1, k2, k3))
            store(plus(load(target + 4 * column), value), target + 4 * column)
        if full < width:
            byte = begin + 4 * full
            store(plus(load(here + byte), _symmetric(back + byte, k0, k1, k2, k3)), filtered)
            rest, ends = _at(filtered), _at(target + 4 * full)
            for column in range(width - full):
                ends[column] += rest[column]


@inline
def _twice(planes: int, row: int, height: int, pitch: int, half: int, into: int, width: int) -> None:
    """A row at twice the resolution across rows, (width,) from `into` on; its ends are repeated twice."""
    w = _at(half)
    n, odd = row // 2, row % 2
    # taps from the farther side on: w0 w2 w3 w1
    sign = 1 - 2 * odd
    far, near = _clamped(planes, n - 2 if odd == 0 else n + 2, height, pitch), _clamped(planes, n - sign, height, pitch)
    same, last = planes + n * pitch, _clamped(planes, n + sign, height, pitch)
    w0, w1, w2, w3 = spread(w[0]), spread(w[1]), spread(w[2]), spread(w[3])
    for byte in range(0, 4 * _whole(width), 4 * LANES):
        place = byte + 4 * START
        value = times(w0, load(far + place))
        value = fma(w2, load(near + place), value)
        value = fma(w3, load(same + place), value)
        store(fma(w1, load(last + place), value), into + byte)
    numbers = _at(into - 8)
    numbers[0] = numbers[1] = numbers[2]
    numbers[width + 2] = numbers[width + 3] = numbers[width + 1]


def _upsample(
    worker: int, workers: int, planes: F3, into: F3, parameters: F1, at: int, rows: F3, width: int, narrow: int
) -> None:
    """Planes at twice the resolution, behind a level's own."""
    count, height, pitch = planes.shape[0], planes.shape[1], 4 * planes.shape[2]
    half = parameters.ctypes.data + 4 * at
    w = _at(half)
    w0, w1, w2, w3 = spread(w[0]), spread(w[1]), spread(w[2]), spread(w[3])
    above = _scratch(rows, worker, 1) + 4 * START
    first, last = _share(into.shape[1], worker, workers, 2)
    for plane in range(count):
        for row in range(first, last):
            _twice(planes.ctypes.data + plane * height * pitch, row, height, pitch, half, above, narrow)
            target = into.ctypes.data + 4 * (((plane + 1) * into.shape[1] + row) * into.shape[2] + START)
            for byte in range(0, 4 * _whole(narrow), 4 * LANES):
                place = above + byte
                a, b, c, d, e = load(place - 8), load(place - 4), load(place), load(place + 4), load(place + 8)
                even = fma(w1, d, fma(w3, c, fma(w2, b, times(w0, a))))
                odd = fma(w1, b, fma(w3, c, fma(w2, d, times(w0, e))))
                store(woven_low(even, odd), target + 2 * byte)
                store(woven_high(even, odd), target + 2 * byte + 4 * LANES)


def _upsample_back(
    worker: int, workers: int, planes: F3, gradient: F3, into: F3, parameters: F1, at: int, rows: F3, sums: D2,
    narrow: int,
) -> None:  # fmt: skip
    """The gradients of planes that were brought to twice the resolution, and of the filter."""
    count, height, pitch = planes.shape[0], planes.shape[1], 4 * planes.shape[2]
    half = parameters.ctypes.data + 4 * at
    w = _at(half)
    above = _scratch(rows, worker, 1) + 4 * START
    even_row, odd_row = _scratch(rows, worker, 2), _scratch(rows, worker, 3)
    inside = 4 * _whole(narrow)
    first, last = _share(height, worker, workers, 4)
    for each in (even_row, odd_row):
        pads = _at(each)
        for column in range(2 * START + _whole(narrow)):
            pads[column] = np.float32(0)
    for plane in range(count if first < last else 0):
        values = planes.ctypes.data + plane * height * pitch
        target = into.ctypes.data + plane * height * pitch
        zeros = _at(target + first * pitch)
        for column in range((last - first) * pitch // 4):
            zeros[column] = np.float32(0)
        for row in range(max(0, 2 * first - 4), min(gradient.shape[1], 2 * last + 4)):
            source = gradient.ctypes.data + 4 * (((plane + 1) * gradient.shape[1] + row) * gradient.shape[2] + START)
            for byte in range(0, inside, 4 * LANES):
                a, b = load(source + 2 * byte), load(source + 2 * byte + 4 * LANES)
                store(evens(a, b), even_row + 4 * START + byte)
                store(odds(a, b), odd_row + 4 * START + byte)
            n, odd = row // 2, row % 2
            sign = 1 - 2 * odd
            far, near = max(0, min(n - 2 * sign, height - 1)), max(0, min(n - sign, height - 1))
            ahead = max(0, min(n + sign, height - 1))
            if first <= n < last:
                _twice(values, row, height, pitch, half, above, narrow)
                g0, g1, g2, g3 = zero(), zero(), zero(), zero()
                for byte in range(0, inside, 4 * LANES):
                    place = above + byte
                    even, uneven = load(even_row + 4 * START + byte), load(odd_row + 4 * START + byte)
                    a, b, c, d, e = load(place - 8), load(place - 4), load(place), load(place + 4), load(place + 8)
                    g0 = fma(even, a, fma(uneven, e, g0))
                    g1 = fma(even, d, fma(uneven, b, g1))
                    g2 = fma(even, b, fma(uneven, d, g2))
                    g3 = fma(even, c, fma(uneven, c, g3))
                sums[worker, at] += total(g0)
                sums[worker, at + 1] += total(g1)
                sums[worker, at + 2] += total(g2)
                sums[worker, at + 3] += total(g3)
            _narrowed(even_row, odd_row, above, half, narrow)
            if first <= n < last:
                g0, g1, g2, g3 = zero(), zero(), zero(), zero()
                for byte in range(0, inside, 4 * LANES):
                    number, place = load(above + byte), values + 4 * START + byte
                    g0 = fma(number, load(place + far * pitch), g0)
                    g1 = fma(number, load(place + ahead * pitch), g1)
                    g2 = fma(number, load(place + near * pitch), g2)
                    g3 = fma(number, load(place + n * pitch), g3)
                sums[worker, at] += total(g0)
                sums[worker, at + 1] += total(g1)
                sums[worker, at + 2] += total(g2)
                sums[worker, at + 3] += total(g3)
            for tap in range(4):
                line = (far, ahead, near, n)[tap]
                if first <= line < last:
                    weight = spread(w[tap])
                    place = target + line * pitch + 4 * START
                    for byte in range(0, inside, 4 * LANES):
                        store(fma(weight, load(above + byte), load(place + byte)), place + byte)


@inline
def _narrowed(even_row: int, odd_row: int, into: int, half: int, narrow: int) -> None:
    """The gradient of a row before it was brought to twice the resolution along itself; 0 beside it.

    That of a repeated end goes to the end.
    """
    w = _at(half)
    w0, w1, w2, w3 = spread(w[0]), spread(w[1]), spread(w[2]), spread(w[3])
    for byte in range(0, 4 * _whole(narrow), 4 * LANES):
        even, odd = even_row + 4 * START + byte, odd_row + 4 * START + byte
        value = fma(w0, load(even + 8), times(w2, load(even + 4)))
        value = fma(w3, load(even), fma(w1, load(even - 4), value))
        value = fma(w1, load(odd + 4), fma(w3, load(odd), value))
        store(fma(w2, load(odd - 4), fma(w0, load(odd - 8), value)), into + byte)
    e, o, numbers = _at(even_row + 4 * START), _at(odd_row + 4 * START), _at(into)
    last = narrow - 1
    # what the places -2 and -1, narrow and narrow + 1 would get
    numbers[0] += w[0] * e[0] + w[0] * e[1] + w[2] * e[0] + w[1] * o[0]
    numbers[last] += w[1] * e[last] + w[2] * o[last] + w[0] * o[last] + w[0] * o[last - 1]
    for column in range(narrow, _whole(narrow)):
        numbers[column] = np.float32(0)


_COPY, _ADD, _PREFILTER, _PREFILTER_BACK, _UPSAMPLE, _UPSAMPLE_BACK = (
    Stage(function, phase="up-sampling")
    for function in (_copy, _add, _prefilter, _prefilter_back, _upsample, _upsample_back)
)
