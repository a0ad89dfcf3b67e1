"""From latents to pixels, compiled: what `synthesis` specifies, by bands of rows that threads share."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from inr.compression.bitstream.latent.dense import PLACES, dense, shifted
from inr.compression.bitstream.latent.synthesis import Level, SynthesisNetwork, plane_of
from inr.jit import exact, kernel

# Rows that a thread makes at once.
BAND = 32


class Filters(NamedTuple):
    """A level as kernels take it: int32 or int64.

    Attributes:
        prefilter: (7,), in units of 2^-before.
        before: fraction bits.
        upsampling: of even and odd outputs (2, 4), in units of 2^-exponent.
        exponent: fraction bits.
        limits: that planes are kept within; empty where there is only one grid, and nothing is filtered.
    """

    prefilter: np.ndarray
    before: int
    upsampling: np.ndarray
    exponent: int
    limits: np.ndarray

    @classmethod
    def of(cls, level: Level, dtype: np.dtype) -> "Filters":
        """Those of a level."""
        return cls(
            level.prefilter.taps[0].astype(dtype), level.prefilter.exponent,
            level.upsampling.taps.astype(dtype), level.upsampling.exponent, np.array(level.limits, dtype),
        )  # fmt: skip

    @classmethod
    def none(cls, dtype: np.dtype) -> "Filters":
        """Those of a picture with only one grid."""
        return cls(np.zeros(7, dtype), 0, np.zeros((2, 4), dtype), 0, np.zeros(0, dtype))


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

    Raises:
        ValueError: rows that are not the picture's.
    """
    first, stop = rows or (0, network.layout.height)
    output = np.empty((network.layout.channels, max(stop - first, 0), network.layout.width), np.int32)

    def write(top: int, band: np.ndarray) -> None:
        output[:, top - first : top - first + band.shape[1]] = band

    picture_bands(network, latents, write, threads=threads, rows=rows)
    return output


def picture_bands(
    network: SynthesisNetwork, latents: np.ndarray, write: Callable[[int, np.ndarray], None], *, threads: int = 1,
    rows: tuple[int, int] | None = None,
) -> None:  # fmt: skip
    """The picture by bands of rows, so that never more of it is in memory than threads work on.

    Planes of the two finest resolutions are made for the rows that a band reads, and only for these: together they
    would take several times as much as the latents.

    Args:
        network, latents, threads, rows: as of `picture`.
        write: given the first row of each band, and it, int32 (channels, rows, width); from several threads at once,
            in any order.

    Raises:
        ValueError: rows that are not the picture's.
    """
    layout, dtype, bits = network.layout, network.dtype, network.plane_bits
    latents = np.require(latents, np.int32, ["C", "W"])  # other arrays would be compiled for anew
    planes: np.ndarray = plane_of(latents, layout.seen[-1])[None].astype(dtype) << bits
    first, stop = rows or (0, layout.height)
    if not 0 <= first < stop <= layout.height or len(latents) != layout.latents:
        raise ValueError(f"rows {first} to {stop} of {len(latents)} latents are not those of {layout}")
    with ThreadPoolExecutor(threads) as pool:
        for level in network.levels[:-2]:
            own, filters, coarser = plane_of(latents, level.grid), Filters.of(level, dtype), planes
            planes = np.zeros((len(coarser) + 1, *own.shape), dtype)
            _share(pool, threads, 0, len(own), partial(_join, own, coarser, filters, bits, 0, planes))
        filters = Filters.of(network.levels[-1], dtype) if network.levels else Filters.none(dtype)
        half = network.levels[-2] if len(network.levels) > 1 else None
        half_own, half_filters = (plane_of(latents, half.grid), Filters.of(half, dtype)) if half else (None, None)
        convolutions = [layer.arrays(dtype) for layer in network.convolutions]
        weights, biases, shifts = (np.stack([layer[index] for layer in convolutions]) for index in range(3))
        limits = network.picture_limit, network.picture_bits - network.fraction_bits, 1 << network.fraction_bits
        own, layers = plane_of(latents, layout.seen[0]), tuple(layer.arrays(dtype) for layer in network.layers)
        coarse = -(-layout.height // 2)

        def work(top: int, end: int) -> None:
            read, above = planes, 0
            if half_own is not None:
                above, below = _rows_read(top - len(weights), end + len(weights), layout.height)
                read = np.zeros((len(planes) + 1, below - above, half_own.shape[1]), dtype)
                _join(half_own, planes, half_filters, bits, above, read, above, below)
            band = np.zeros((layout.channels, end - top, layout.width), np.int32)
            _band(own, read, above, coarse, filters, bits, layers, (weights, biases, shifts), limits, band, top, end)
            write(top, band)

        _share(pool, threads, first, stop, work)


def _rows_read(top: int, stop: int, height: int) -> tuple[int, int]:
    """The rows of coarser planes that up-sampling reads for rows of a picture, of which it has so many."""
    return max((max(top, 0) >> 1) - 2, 0), min((min(stop, height) - 1 >> 1) + 3, -(-height // 2))


def _share(pool: ThreadPoolExecutor, threads: int, first: int, stop: int, work: Callable[[int, int], object]) -> None:
    """Do work on bands of rows; the order does not matter."""
    bands = [(top, min(top + BAND, stop)) for top in range(first, stop, BAND)]
    if threads == 1 or len(bands) == 1:
        for band in bands:
            work(*band)
    else:
        for _ in pool.map(work, *zip(*bands, strict=True)):
            pass


@exact
def _prefiltered(own: np.ndarray, filters: Filters, bits: int, row: int, line: np.ndarray, out: np.ndarray) -> None:
    """A row of latents filtered along both axes, besides what they are; `line` has room for 3 more on both sides."""
    height, width = own.shape
    taps, exponent = filters.prefilter, filters.before
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
def _upsampled(
    plane: np.ndarray, above: int, height: int, filters: Filters, limit: int, row: int, width: int, line: np.ndarray,
    out: np.ndarray,
) -> None:  # fmt: skip
    """A row of a plane of twice the resolution; `line` has room for 2 more on both sides.

    The plane has `height` rows; those that are given begin after the `above` first ones.
    """
    columns = plane.shape[1]
    taps, exponent = filters.upsampling, filters.exponent
    half = 1 << exponent >> 1
    phase = row & 1
    start = (row >> 1) + phase - 2
    last = height - 1
    r0, r1 = plane[min(max(start, 0), last) - above], plane[min(max(start + 1, 0), last) - above]
    r2, r3 = plane[min(start + 2, last) - above], plane[min(start + 3, last) - above]
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
def _join(
    own: np.ndarray, planes: np.ndarray, filters: Filters, bits: int, above: int, finer: np.ndarray, top: int, stop: int
) -> None:
    """Rows of a level's planes, of which the `above` first ones have no place in `finer`."""
    width, height = own.shape[1], planes.shape[1]
    line, out = np.zeros(width + 8, finer.dtype), np.zeros(width + 2, finer.dtype)
    for row in range(top, stop):
        _prefiltered(own, filters, bits, row, line, out)
        finer[0, row - above] = out[:width]
        for index in range(len(planes)):
            _upsampled(planes[index], 0, height, filters, filters.limits[1 + index], row, width, line, out)
            finer[1 + index, row - above] = out[:width]


@exact
def _convolved(
    picture: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    shift: int,
    row: int,
    output: int,
    width: int,
    line: np.ndarray,
) -> None:
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
def _band(
    own: np.ndarray,
    planes: np.ndarray,
    above: int,
    coarse_height: int,
    filters: Filters,
    bits: int,
    layers: tuple,
    convolutions: tuple,
    limits: tuple[int, int, int],
    output: np.ndarray,
    top: int,
    stop: int,
) -> None:
    """Rows of pixels; the layers before are computed for as many rows around as 3x3 layers read.

    Of the `coarse_height` rows of coarser planes, those given begin after the `above` first ones.
    """
    height, width = own.shape
    channels = len(output)
    (w0, b0, s0), (w1, b1, s1), (w2, b2, s2) = layers
    weights, biases, shifts = convolutions
    limit, spare, most = limits
    margin = len(weights)
    kind = planes.dtype
    start, end = max(0, top - margin), min(height, stop + margin)
    room = (width + PLACES) // PLACES * PLACES
    inputs, hidden = np.zeros((w0.shape[1], room), kind), np.zeros((w0.shape[0], room), kind)
    found = np.zeros((w1.shape[0], room), kind)
    line = np.zeros(width + 8, kind)
    now, then = np.zeros((channels, end - start, width + 2), kind), np.zeros((channels, end - start, width + 2), kind)
    for row in range(start, end):
        if len(filters.limits) == 0:
            inputs[0, :width] = planes[0, row]
        else:
            _prefiltered(own, filters, bits, row, line, inputs[0])
            for index in range(len(planes)):
                _upsampled(
                    planes[index], above, coarse_height, filters, filters.limits[1 + index], row, width, line,
                    inputs[1 + index],
                )  # fmt: skip
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
                    output[channel, row - top, column] = min(max(found[channel, column], -limit), limit)
    for layer in range(margin):
        around = margin - 1 - layer
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
            source, into = now[channel, row - start], output[channel, row - top]
            for column in range(width):
                into[column] = min(max((source[1 + column] + into[column] + half) >> spare, 0), most)
