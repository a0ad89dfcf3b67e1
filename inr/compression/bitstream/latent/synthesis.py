"""From latents to pixels in integers: up-sampling and synthesis.

What `upsampled`, `prefiltered` and `synthesis` of the encoder's reference say, by the arithmetic of `fixed_point`: the
readable specification in float64 is `picture_float64`, what decodes is compiled. With B bits of accuracy, planes of
latents at growing resolution have B - 2 fraction bits, hidden units B, pictures between layers B + 2; after each filter
along one axis and after each layer, sums are shifted back to so many. Planes are kept within twice the amplitude that
latents and the sums of filters' taps suggest, and pictures between layers within 16, so that all sums have known bounds.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.latent.dense import dense, parts_of, shifted
from inr.compression.bitstream.latent.fixed_point import INT32_LIMIT, INT64_LIMIT, Linear, Scaled, padded
from inr.compression.bitstream.latent.layout import Grid, Layout
from inr.jit import exact, kernel

if TYPE_CHECKING:
    from inr.compression.bitstream.latent.parameters import QuantisedParameters

# Fraction bits of the output.
LEAST_FRACTION_BITS, MOST_FRACTION_BITS = 8, 24
# Bits of accuracy that may be saved so that sums fit into int32.
_SPARE_BITS = 2
# Pictures between the layers of the synthesis are kept below 2^4 in magnitude.
_PICTURE_LIMIT_BITS = 4
# Rows of pixels that a thread makes at once.
BAND = 32
# Which of its parameters each tap of the filter before up-sampling is, and each that even and odd outputs read.
_PREFILTER = (0, 1, 2, 3, 2, 1, 0)
_EVEN, _ODD = (0, 2, 3, 1), (1, 3, 2, 0)
_AMPLITUDE_BITS = 8


@dataclass(frozen=True, eq=False)
class Filter:
    """A symmetric filter along one axis: integers in units of 2^-exponent.

    Attributes:
        taps: objects (phases, taps): one phase, or those of even and of odd outputs.
        exponent: fraction bits.
    """

    taps: np.ndarray
    exponent: int

    @classmethod
    def of(cls, q: "QuantisedParameters", name: str, *phases: tuple[int, ...]) -> "Filter":
        """That of a file's networks, by which parameter each tap of each phase is."""
        parameters = Scaled.parameter(q, name)
        return cls(np.stack([parameters.integers[list(phase)] for phase in phases]), parameters.exponent)

    @property
    def half(self) -> int:
        """What is added before the shift, which makes it round."""
        return 1 << self.exponent >> 1

    @property
    def magnitude(self) -> int:
        """The largest sum of magnitudes of a phase's taps."""
        return max(int(total) for total in abs(self.taps).sum(1))

    def after_both(self, amplitude: int) -> int:
        """What filtering along both axes can make of an amplitude, one that rounds being included."""
        once = (self.magnitude * amplitude + self.half >> self.exponent) + 1
        return (self.magnitude * once + self.half >> self.exponent) + 1

    def expected(self, amplitude: int) -> int:
        """What filtering along both axes makes of a constant."""
        gain = max(abs(int(total)) for total in self.taps.sum(1))
        return gain * gain * amplitude >> (2 * self.exponent)

    def largest_sum(self, amplitude: int) -> int:
        """What no sum exceeds on the way."""
        once = (self.magnitude * amplitude + self.half >> self.exponent) + 1
        return self.magnitude * max(once, amplitude) + self.half


@dataclass(frozen=True, eq=False)
class Level:
    """What is done at a level's resolution.

    Attributes:
        grid: that joins the planes of coarser ones.
        prefilter: of its latents.
        upsampling: of the planes of coarser grids.
        limits: that planes are kept within, in their units: its own, then those of coarser grids, the next one first.
    """

    grid: Grid
    prefilter: Filter
    upsampling: Filter
    limits: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SynthesisNetwork:
    """Up-sampling and synthesis of a picture in integers.

    Attributes:
        layout: of the picture.
        fraction_bits: of the output.
        bits: B, of accuracy.
        levels: from the second coarsest on to the finest.
        limits: of the planes that the synthesis reads.
        layers: the hidden one, the one that gives a picture, and the linear map beside all.
        convolutions: 3x3 layers as matrices (channels, 9 channels); of inputs, channels come first, then rows.
        wide: whether sums need int64.
    """

    layout: Layout
    fraction_bits: int
    bits: int
    levels: tuple[Level, ...]
    limits: tuple[int, ...]
    layers: tuple[Linear, Linear, Linear]
    convolutions: tuple[Linear, ...]
    wide: bool

    @classmethod
    def of(
        cls, layout: Layout, q: "QuantisedParameters", latents: np.ndarray, fraction_bits: int
    ) -> "SynthesisNetwork":
        """The network for a picture's latents, whose magnitudes bound all sums.

        Args:
            layout: of the picture.
            q: its network parameters.
            latents: int32 (latents,).
            fraction_bits: of the output, from 8 to 24.

        Raises:
            InrError: fraction bits out of range, or parameters so large that sums would not be exact.
        """
        if not LEAST_FRACTION_BITS <= fraction_bits <= MOST_FRACTION_BITS:
            raise InrError(f"pictures have {LEAST_FRACTION_BITS} to {MOST_FRACTION_BITS} fraction bits")
        largest = [_largest(latents, grid) for grid in reversed(layout.seen)]
        for bits in range(fraction_bits, fraction_bits - _SPARE_BITS - 1, -1):
            network = cls._with(layout, q, largest, fraction_bits, bits, wide=False)
            if network.largest_sum < INT32_LIMIT:
                return network
        network = cls._with(layout, q, largest, fraction_bits, fraction_bits, wide=True)
        if network.largest_sum >= INT64_LIMIT:
            raise InrError("the numbers of its synthesis are too large")
        return network

    @classmethod
    def _with(
        cls, layout: Layout, q: "QuantisedParameters", largest: list[int], fraction_bits: int, bits: int, *, wide: bool
    ) -> "SynthesisNetwork":
        planes, picture = bits - 2, bits + 2

        def pointwise(name: str, bits_in: int, bits_out: int) -> Linear:
            weight, bias = (Scaled.parameter(q, f"{name}.{part}") for part in ("weight", "bias"))
            return Linear.of(weight, bias, bits_in, bits_out)

        levels, amplitudes = [], [largest[0] << planes]
        limits = tuple(amplitudes)
        for grid, own in zip(layout.seen[-2::-1], largest[1:], strict=True):
            prefilter = Filter.of(q, f"prefilter.{grid.level}", _PREFILTER)
            upsampling = Filter.of(q, f"upsampling.{grid.level}", _EVEN, _ODD)
            first = (own << planes) + prefilter.after_both(own << planes)
            amplitudes = [max(each, upsampling.expected(each)) for each in amplitudes]
            limits = (
                first,
                *(min(2 * each, upsampling.after_both(limit)) for each, limit in zip(amplitudes, limits, strict=True)),
            )
            amplitudes = [first, *amplitudes]
            levels.append(Level(grid, prefilter, upsampling, limits))
        layers = (
            pointwise("synthesis.0", planes, bits),
            pointwise("synthesis.1", bits, picture),
            Linear.of(Scaled.parameter(q, "synthesis.linear"), None, planes, picture),
        )
        convolutions = []
        for layer in range(2, 2 + layout.sizes.convolutions):
            weight = Scaled.parameter(q, f"synthesis.{layer}.weight")
            matrix = Scaled(weight.integers.reshape(layout.channels, -1), weight.exponent)
            convolutions.append(Linear.of(matrix, Scaled.parameter(q, f"synthesis.{layer}.bias"), picture, picture))
        return cls(layout, fraction_bits, bits, tuple(levels), limits, layers, tuple(convolutions), wide)

    @property
    def plane_bits(self) -> int:
        """Fraction bits of planes."""
        return self.bits - 2

    @property
    def picture_bits(self) -> int:
        """Fraction bits of pictures between the layers."""
        return self.bits + 2

    @property
    def picture_limit(self) -> int:
        """What pictures between the layers are kept within."""
        return 1 << (self.picture_bits + _PICTURE_LIMIT_BITS)

    @cached_property
    def largest_sum(self) -> int:
        """What no sum in the network exceeds, nor twice it."""
        found = [0]
        below: tuple[int, ...] = ()
        for level in self.levels:
            found.append(level.prefilter.largest_sum(level.limits[0]) + level.limits[0])
            found += [level.upsampling.largest_sum(limit) for limit in below or self.coarsest]
            below = level.limits
        most = np.array(self.limits, object)
        hidden, picture, beside = self.layers
        units = np.maximum(hidden.bounds(-most, most)[1], 0 * hidden.bias)
        inside = np.full(9 * self.layout.channels, self.picture_limit, object)
        found += [hidden.largest_sum(most), beside.largest_sum(most), picture.largest_sum(units)]
        found += [layer.largest_sum(inside) for layer in self.convolutions]
        return 2 * max(*found, self.picture_limit)

    @property
    def coarsest(self) -> tuple[int, ...]:
        """The limit of the coarsest grid's plane; no up-sampling makes it less than its latents' magnitude."""
        return (max(self.levels[0].limits[1:]),) if self.levels else self.limits

    @property
    def dtype(self) -> type:
        """What the compiled code computes with."""
        return np.int64 if self.wide else np.int32


def _largest(latents: np.ndarray, grid: Grid) -> int:
    """The largest magnitude in a grid."""
    part = latents[grid.start : grid.stop]
    return max(int(part.max()), -int(part.min()))


def _plane(latents: np.ndarray, grid: Grid) -> np.ndarray:
    """A grid of a vector of all latents; a view."""
    return latents[grid.start : grid.stop].reshape(grid.height, grid.width)


def picture_float64(network: SynthesisNetwork, latents: np.ndarray) -> np.ndarray:
    """The specification: a picture from latents.

    Args:
        network: made for these latents.
        latents: int32 (latents,).

    Returns:
        float64 (channels, height, width), whole numbers from 0 to 2^fraction_bits.
    """
    unit = 2.0**network.plane_bits
    planes = _plane(latents, network.layout.seen[-1])[None] * unit
    for level in network.levels:
        height, width = level.grid.height, level.grid.width
        own = _plane(latents, level.grid) * unit
        own = own + _filtered(_filtered(own, level.prefilter, 0).T, level.prefilter, 0).T
        planes = np.stack([_doubled(_doubled(plane, level, height).T, level, width).T for plane in planes])
        limits = np.array(level.limits[1:], np.float64)[:, None, None]
        planes = np.concatenate([own[None], np.clip(planes, -limits, limits)])
    flat = planes.reshape(len(planes), -1)
    hidden, picture, beside = network.layers
    limit = float(network.picture_limit)
    found = np.clip(picture(np.maximum(hidden(flat), 0)), -limit, limit).reshape(-1, *planes.shape[1:])
    for index, layer in enumerate(network.convolutions):
        around = np.pad(found, ((0, 0), (1, 1), (1, 1)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3), (1, 2))
        inputs = windows.transpose(0, 3, 4, 1, 2).reshape(layer.weight.shape[1], -1)
        found = found + layer(inputs).reshape(found.shape)
        found = np.clip(found, 0 if index + 1 < len(network.convolutions) else -limit, limit)
    total = found + beside(flat).reshape(found.shape)
    spare = network.picture_bits - network.fraction_bits
    return np.clip(np.floor((total + (1 << spare >> 1)) * 2.0**-spare), 0, 1 << network.fraction_bits)


def _filtered(plane: np.ndarray, of: Filter, phase: int) -> np.ndarray:
    """Filtered along the rows' axis, 0 around, and shifted back."""
    taps = of.taps[phase].astype(np.float64)
    around = np.pad(plane, ((3, 3), (0, 0)))
    sums = sum(tap * around[index : index + len(plane)] for index, tap in enumerate(taps))
    return np.floor((sums + of.half) * 2.0**-of.exponent)


def _doubled(plane: np.ndarray, level: Level, rows: int) -> np.ndarray:
    """Twice as many rows, cut to a number, shifted back."""
    of = level.upsampling
    around = np.pad(plane, ((2, 2), (0, 0)), mode="edge")
    found = np.zeros((2 * len(plane), plane.shape[1]))
    for phase in range(2):
        taps = of.taps[phase].astype(np.float64)
        found[phase::2] = sum(tap * around[phase + index :][: len(plane)] for index, tap in enumerate(taps))
    return np.floor((found[:rows] + of.half) * 2.0**-of.exponent)


def picture(
    network: SynthesisNetwork, latents: np.ndarray, *, threads: int = 1, rows: tuple[int, int] | None = None
) -> np.ndarray:
    """As `picture_float64`, compiled.

    Args:
        network: made for these latents.
        latents: int32 (latents,).
        threads: that share the work.
        rows: the first row of pixels to make, and the one after the last; all if None.

    Returns:
        int32 (channels, rows, width).
    """
    layout = network.layout
    dtype = network.dtype
    planes = (_plane(latents, layout.seen[-1])[None].astype(dtype)) << network.plane_bits
    first, stop = rows or (0, layout.height)
    output = np.zeros((layout.channels, stop - first, layout.width), np.int32)
    with ThreadPoolExecutor(threads) as pool:
        for level in network.levels[:-1]:
            finer = np.zeros((len(planes) + 1, level.grid.height, level.grid.width), dtype)
            arguments = (_plane(latents, level.grid), planes, *_filters(level, dtype), network.plane_bits)
            _share(pool, threads, level.grid.height, 0, lambda top, end: _join(*arguments, top, end, finer))
            planes = finer
        last = network.levels[-1] if network.levels else None
        filters = _filters(last, dtype) if last else _no_filters(dtype)
        own = _plane(latents, layout.seen[0])
        layers = [part for layer in network.layers for part in layer.arrays(dtype)]
        convolutions = [layer.arrays(dtype) for layer in network.convolutions]
        weights, biases = (np.stack([layer[index] for layer in convolutions]) for index in range(2))
        shifts = np.array([layer[2] for layer in convolutions], np.int64)
        spare = network.picture_bits - network.fraction_bits
        _share(
            pool, threads, stop - first, first,
            lambda top, end: _band(
                own, planes, *filters, network.plane_bits, *layers, weights, biases, shifts, network.picture_limit,
                spare, 1 << network.fraction_bits, top, end, first, output,
            ),
        )  # fmt: skip
    return output


def _share(pool: ThreadPoolExecutor, threads: int, rows: int, first: int, work: Callable[[int, int], object]) -> None:
    """Do work on bands of rows."""
    bands = [(first + top, first + min(top + BAND, rows)) for top in range(0, rows, BAND)]
    if threads == 1 or len(bands) == 1:
        for band in bands:
            work(*band)
    else:
        for _ in pool.map(lambda band: work(*band), bands):
            pass


def _filters(level: Level, dtype: type) -> tuple[Any, ...]:
    return (
        level.prefilter.taps[0].astype(dtype), level.prefilter.exponent, level.upsampling.taps.astype(dtype),
        level.upsampling.exponent, np.array(level.limits, dtype),
    )  # fmt: skip


def _no_filters(dtype: type) -> tuple[Any, ...]:
    return np.zeros(7, dtype), 0, np.zeros((2, 4), dtype), 0, np.zeros(0, dtype)


@exact
def _prefiltered(own, taps, exponent, bits, row, line, out):  # type: ignore[no-untyped-def]
    """A row of latents filtered along both axes, besides what they are; `line` has room for 3 more on both sides."""
    height, width = own.shape
    half = 1 << exponent >> 1
    line[:] = 0
    for tap in range(7):
        if 0 <= row + tap - 3 < height:
            factor, source = taps[tap], own[row + tap - 3]
            for column in range(width):
                line[3 + column] += factor * (source[column] << bits)
    for column in range(width):
        line[3 + column] = shifted(line[3 + column] + line.dtype.type(half), exponent)
    t0, t1, t2, t3 = taps[0], taps[1], taps[2], taps[3]
    for column in range(width):
        out[column] = (
            t0 * (line[column] + line[column + 6])
            + t1 * (line[column + 1] + line[column + 5])
            + t2 * (line[column + 2] + line[column + 4])
            + t3 * line[column + 3]
            + half
        )
    source = own[row]
    for column in range(width):
        out[column] = shifted(out[column], exponent) + (source[column] << bits)


@exact
def _upsampled(plane, taps, exponent, limit, row, width, line, out):  # type: ignore[no-untyped-def]
    """A row of a plane of twice the resolution; `line` has room for 2 more on both sides."""
    height, columns = plane.shape
    half = 1 << exponent >> 1
    phase = row & 1
    start = (row >> 1) + phase - 2
    r0, r1 = plane[min(max(start, 0), height - 1)], plane[min(max(start + 1, 0), height - 1)]
    r2, r3 = plane[min(start + 2, height - 1)], plane[min(start + 3, height - 1)]
    t0, t1, t2, t3 = taps[phase, 0], taps[phase, 1], taps[phase, 2], taps[phase, 3]
    for column in range(columns):
        line[2 + column] = t0 * r0[column] + t1 * r1[column] + t2 * r2[column] + t3 * r3[column] + half
    for column in range(2, columns + 2):
        line[column] = shifted(line[column], exponent)
    line[0] = line[1] = line[2]
    line[columns + 2] = line[columns + 3] = line[columns + 1]
    a0, a1, a2, a3 = taps[0, 0], taps[0, 1], taps[0, 2], taps[0, 3]
    b0, b1, b2, b3 = taps[1, 0], taps[1, 1], taps[1, 2], taps[1, 3]
    for column in range(columns):
        x1, x2, x3 = line[column + 1], line[column + 2], line[column + 3]
        out[2 * column] = a0 * line[column] + a1 * x1 + a2 * x2 + a3 * x3 + half
        out[2 * column + 1] = b0 * x1 + b1 * x2 + b2 * x3 + b3 * line[column + 4] + half
    for column in range(width):
        out[column] = min(max(shifted(out[column], exponent), -limit), limit)


@kernel
def _join(own, planes, prefilter, before, upsampling, exponent, limits, bits, top, stop, finer):  # type: ignore[no-untyped-def]
    """Rows of a level's planes."""
    width = own.shape[1]
    line, out = np.zeros(width + 8, finer.dtype), np.zeros(width + 2, finer.dtype)
    for row in range(top, stop):
        _prefiltered(own, prefilter, before, bits, row, line, out)
        finer[0, row] = out[:width]
        for index in range(len(planes)):
            _upsampled(planes[index], upsampling, exponent, limits[1 + index], row, width, line, out)
            finer[1 + index, row] = out[:width]


@exact
def _convolved(picture, weight, bias, shift, row, output, width, line):  # type: ignore[no-untyped-def]
    """A row of one output of a 3x3 layer."""
    last = picture.shape[1] - 1
    line[:width] = bias[output]
    for channel in range(len(picture)):
        r0, r1, r2 = picture[channel, max(row - 1, 0)], picture[channel, row], picture[channel, min(row + 1, last)]
        w = weight[output, 9 * channel : 9 * channel + 9]
        w0, w1, w2, w3, w4, w5, w6, w7, w8 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8]
        for x in range(width):
            line[x] += (
                w0 * r0[x] + w1 * r0[x + 1] + w2 * r0[x + 2]
                + w3 * r1[x] + w4 * r1[x + 1] + w5 * r1[x + 2]
                + w6 * r2[x] + w7 * r2[x + 1] + w8 * r2[x + 2]
            )  # fmt: skip
    for x in range(width):
        line[x] = shifted(line[x], shift)


@kernel
def _band(own, planes, prefilter, before, upsampling, exponent, limits, bits, w0, b0, s0, w1, b1, s1, w2, b2, s2,
          weights, biases, shifts, limit, spare, most, top, stop, first, output):  # type: ignore[no-untyped-def]  # fmt: skip
    """Rows of pixels; the layers before are computed for as many rows around as 3x3 layers read."""
    height, width = own.shape
    channels, layers = len(output), len(weights)
    kind = planes.dtype
    start, end = max(0, top - layers), min(height, stop + layers)
    room = w0.shape[1], (width + 1 + 63) // 64 * 64
    inputs, hidden = np.zeros(room, kind), np.zeros((w0.shape[0], room[1]), kind)
    found = np.zeros((w1.shape[0], room[1]), kind)
    line = np.zeros(width + 8, kind)
    now, then = np.zeros((channels, end - start, width + 2), kind), np.zeros((channels, end - start, width + 2), kind)
    for row in range(start, end):
        if len(limits) == 0:
            inputs[0, :width] = planes[0, row]
        else:
            _prefiltered(own, prefilter, before, bits, row, line, inputs[0])
            for index in range(len(planes)):
                _upsampled(planes[index], upsampling, exponent, limits[1 + index], row, width, line, inputs[1 + index])
        dense(w0, b0, s0, inputs, hidden, width, True)
        dense(w1, b1, s1, hidden, found, width, False)
        for channel in range(channels):
            into = now[channel, row - start]
            for column in range(width):
                into[1 + column] = min(max(found[channel, column], -limit), limit)
            into[0], into[width + 1] = into[1], into[width]
        if top <= row < stop:
            dense(w2, b2, s2, inputs, found, width, False)
            for channel in range(channels):
                for column in range(width):
                    output[channel, row - first, column] = found[channel, column]
    for layer in range(layers):
        around = layers - 1 - layer
        least = -limit if around == 0 else 0
        for row in range(max(0, top - around), min(height, stop + around)):
            for channel in range(channels):
                _convolved(now, weights[layer], biases[layer], shifts[layer], row - start, channel, width, line)
                source, into = now[channel, row - start], then[channel, row - start]
                for column in range(width):
                    into[1 + column] = min(max(line[column] + source[1 + column], least), limit)
                into[0], into[width + 1] = into[1], into[width]
        now, then = then, now
    half = 1 << spare >> 1
    for channel in range(channels):
        for row in range(top, stop):
            source, into = now[channel, row - start], output[channel, row - first]
            for column in range(width):
                into[column] = min(max((source[1 + column] + into[column] + half) >> spare, 0), most)


def threads_at_hand() -> int:
    """How many threads this process may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
