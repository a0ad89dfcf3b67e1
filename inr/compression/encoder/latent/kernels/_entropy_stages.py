"""The stages of the entropy model: a tile of latents walks through its layers, and back, while it stays in cache.

Grids are laid out with zeros around them, 4 after each row and 3 rows above, so that each neighbour of a run of latents
is another run, at a constant distance: a tile is a run, whatever its place in its rows, and what it computes for the
zeros between rows is dropped. A tile's numbers stand in rows, one for each input or unit, of `TILE` latents.

Work is divided into bands of rows of a grid. What they sum up is kept for each band, and added in their order: results
are the same for any number of workers. The gradient of the latents that a band reads reaches up to 3 rows above it, and
is kept for each band likewise.
"""

from typing import Any, NamedTuple

import numpy as np

from inr.compression.encoder.latent.kernels._features import (
    HEIGHT,
    LEVEL,
    PLACE,
    PLANES,
    START,
    STRIDE,
    WIDTH,
    blend,
    double,
    gather,
    halve,
    pass_back,
)
from inr.compression.encoder.latent.kernels._likelihood import likelihood
from inr.jit import D2, F1, F2, I1, I2, Stage, inline, share
from inr.jit.planes import outer, product
from inr.jit.vector import LANES, PANEL, POINTERS

# zeros between rows of a grid, and rows of zeros above it: how far neighbours are away at most
PAD, ROWS_ABOVE = 4, 3
TILE = 512  # latents of a tile
# numbers between rows of a tile: not a power of two, whose multiples would share the few places of a cache
ROW = TILE + LANES
# columns of the table of bands: the grid, its rows, where what they reach is, the latents of all bands up to the middle
# of this one
GRID, FIRST, STOP, REACHED, MIDDLE = range(5)

_at = POINTERS["float32"]
_share = inline(share)
_ZERO, _ONE = np.float32(0), np.float32(1)


class Places(NamedTuple):
    """Where things are among the packed weights of networks of a width, and among the sums of their gradients.

    Attributes:
        first, first_bias, second, second_bias, last: matrices with the numbers of a column next to each other: the
            first layer with the linear map below it, the second layer, the last one.
        first_back, second_back, last_back: the same matrices turned around.
        weights: how many numbers these are.
        sums: how many numbers the gradients are: those of the first layer and the linear map with those of their
            biases, the second layer and its bias, the last one.
    """

    first: int
    first_bias: int
    second: int
    second_bias: int
    last: int
    first_back: int
    second_back: int
    last_back: int
    weights: int
    sums: int

    @classmethod
    def of(cls, width: int) -> "Places":
        """The places for a width."""
        sizes = [width * (width + 2), width + 2, width * width, width, 2 * width]
        sizes += [width * (width + 2), width * width, 2 * width]
        starts = [sum(sizes[:index]) for index in range(len(sizes) + 1)]
        return cls(*starts, sums=(width + 2) * (width + 1) + width * (width + 1) + 2 * width)


def tile_rows(width: int) -> int:
    """Rows of a tile: inputs, first layer and outputs, second layer, gradients of the first and of the outputs, more."""
    return 4 * width + 7


def _mine(bands: I2, band: int, worker: int, workers: int) -> bool:
    last = bands.shape[0] - 1
    total = bands[last, MIDDLE] + bands[last, MIDDLE] - (bands[last - 1, MIDDLE] if last else 0)
    return min(bands[band, MIDDLE] * workers // max(total, 1), workers - 1) == worker


_mine = inline(_mine)


def _pack(parameters: F1, packed: F1, sources: I1, width: int) -> None:
    """Lay the matrices out for the products, both ways; inputs pass the first two layers beside them."""
    high = width + 2
    first_back = high + width * width + 3 * width + width * high
    for row in range(high):
        for column in range(width):
            number = parameters[sources[row * (width + 1) + column]] + (_ONE if row == column else _ZERO)
            packed[column * high + row] = number
            packed[first_back + row * width + column] = number
        packed[width * high + row] = parameters[sources[row * (width + 1) + width]]
    source, second = high * (width + 1), high * (width + 1)
    second_back = first_back + width * high
    for row in range(width):
        for column in range(width):
            number = parameters[sources[source + row * (width + 1) + column]] + (_ONE if row == column else _ZERO)
            packed[second + column * width + row] = number
            packed[second_back + row * width + column] = number
        packed[second + width * width + row] = parameters[sources[source + row * (width + 1) + width]]
    source += width * (width + 1)
    last, last_back = second + width * width + width, second_back + width * width
    for row in range(2):
        for column in range(width):
            number = parameters[sources[source + row * width + column]]
            packed[last + column * 2 + row] = number
            packed[last_back + row * width + column] = number


_pack = inline(_pack)


def _prepare(
    worker: int, workers: int, rounded: F1, parameters: F1, grids: I2, bands: I2, levels: I2, features: int,
    sources: I1, width: int, padded: F1, planes: F1, packed: F1,
) -> None:  # fmt: skip
    """Lay out the grids and the weights, and compute the features."""
    if worker == workers - 1:
        _pack(parameters, packed, sources, width)
    blend(worker, workers, rounded, parameters, grids, levels, features, planes)
    for band in range(bands.shape[0]):
        if not _mine(bands, band, worker, workers):
            continue
        grid = bands[band, GRID]
        wide = grids[grid, WIDTH]
        for y in range(bands[band, FIRST], bands[band, STOP]):
            source = _at(rounded.ctypes.data + 4 * (grids[grid, START] + y * wide))
            into = _at(padded.ctypes.data + 4 * (grids[grid, PLACE] + y * grids[grid, STRIDE]))
            for x in range(wide):
                into[x] = source[x]


@inline
def _copy(source: int, target: int, count: int) -> None:
    row, into = _at(source), _at(target)
    for index in range(count):
        into[index] = row[index]


@inline
def _add(source: int, target: int, count: int) -> None:
    row, into = _at(source), _at(target)
    for index in range(count):
        into[index] += row[index]


@inline
def _clear(target: int, count: int) -> None:
    into = _at(target)
    for index in range(count):
        into[index] = _ZERO


def _make_walk(width: int, contexts: int, learning: bool) -> Any:
    """The function that takes the latents of all bands through the network; `learning` is the way back too."""
    places, high, features = Places.of(width), width + 2, width - contexts
    first_at, first_bias_at, second_at, second_bias_at, last_at = places[:5]
    first_back_at, second_back_at, last_back_at = places[5:8]
    # rows of a tile
    first_row, outputs, second_row = width, 2 * width, 2 * width + 2
    gradient_row, output_gradients = 3 * width + 2, 4 * width + 2
    value_row, bits_row, direct_row = (4 * width + 4 + index for index in range(3))
    to_first = product(high, width, ROW, start="bias", relu=width)
    to_second = product(width, width, ROW, start="bias", relu=width)
    to_last = product(2, width, ROW, start="sum")
    from_last = product(width, 2, ROW, masked=True)
    from_second = product(width, width, ROW, masked=True)
    from_first = product(width, high, ROW)
    last_gradient = outer(2, width, ROW, sums=False)
    second_gradient = outer(width, width, ROW, sums=True)
    first_gradient = outer(high, width, ROW, sums=True)
    second_sums, last_sums = high * (width + 1), high * (width + 1) + width * (width + 1)
    to_bits = likelihood(ROW, value_row, outputs, output_gradients, bits_row, direct_row)

    @inline
    def forward(tile: int, weights: int, count: int, weight: float) -> None:
        """Bits and gradients of the outputs from the inputs."""
        panels = (count + PANEL - 1) // PANEL
        h, g = tile + 4 * ROW * first_row, tile + 4 * ROW * second_row
        to_first(weights + 4 * first_at, weights + 4 * first_bias_at, tile, h, h, panels)
        to_second(weights + 4 * second_at, weights + 4 * second_bias_at, h, g, g, panels)
        o = tile + 4 * ROW * outputs
        to_last(weights + 4 * last_at, weights, g, o, o, panels)
        to_bits(tile, panels * PANEL, weight)

    @inline
    def backward(tile: int, weights: int, total: int, count: int) -> None:
        """Sums of the gradients of weights from the gradients of the outputs; where layer 1 was, those of inputs."""
        panels = (count + PANEL - 1) // PANEL
        h, g = tile + 4 * ROW * first_row, tile + 4 * ROW * second_row
        e, o = tile + 4 * ROW * gradient_row, tile + 4 * ROW * output_gradients
        last_gradient(o, g, total + 4 * LANES * last_sums, 2 * panels)
        from_last(weights + 4 * last_back_at, weights, o, g, g, panels)
        second_gradient(g, h, total + 4 * LANES * second_sums, 2 * panels)
        from_second(weights + 4 * second_back_at, weights, g, e, h, panels)
        first_gradient(e, tile, total, 2 * panels)
        from_first(weights + 4 * first_back_at, weights, e, h, h, panels)

    def walk(
        worker: int, workers: int, grids: I2, bands: I2, levels: I2, neighbours: I2, padded: F1, planes: F1,
        packed: F1, weight: float, tiles: F2, totals: F2, bits: F1, means: F1, log_scales: F1, band_bits: D2,
        reached: F1, plane_gradients: F1, partial: F2,
    ) -> None:  # fmt: skip
        """Bits of all latents; when learning, gradients of the weighted sum, as far as each band by itself goes."""
        tile, weights = tiles.ctypes.data + 4 * worker * tiles.shape[1], packed.ctypes.data
        total = totals.ctypes.data + 4 * worker * totals.shape[1]
        for band in range(bands.shape[0]):
            if not _mine(bands, band, worker, workers):
                continue
            grid, first, stop = bands[band, GRID], bands[band, FIRST], bands[band, STOP]
            wide, stride, level = grids[grid, WIDTH], grids[grid, STRIDE], grids[grid, LEVEL]
            row = levels.shape[0] - 1 - level  # of the table of levels, where this one is in it
            featured = row >= 0
            parent = (wide + 1) >> 1
            parents = parent * ((grids[grid, HEIGHT] + 1) >> 1)
            sources = planes.ctypes.data + 4 * (levels[row, PLANES + level + 1] if featured else 0)
            targets = plane_gradients.ctypes.data + 4 * (levels[row, PLANES + level + 1] if featured else 0)
            here = padded.ctypes.data + 4 * grids[grid, PLACE]
            own = reached.ctypes.data + 4 * (bands[band, REACHED] + PAD + (ROWS_ABOVE - first) * stride)
            if learning:
                _clear(total, totals.shape[1])
                _clear(reached.ctypes.data + 4 * bands[band, REACHED], PAD + (stop - first + ROWS_ABOVE) * stride)
                if featured:
                    for feature in range(features):
                        top = feature * parents + (first >> 1) * parent
                        _clear(targets + 4 * top, (((stop + 1) >> 1) - (first >> 1)) * parent)
            found = 0.0
            for begin in range(first * stride, stop * stride, TILE):
                count = min(TILE, stop * stride - begin)
                whole = (count + PANEL - 1) // PANEL * PANEL
                for neighbour in range(contexts):
                    away = neighbours[neighbour, 0] * stride + neighbours[neighbour, 1]
                    _copy(here + 4 * (begin + away), tile + 4 * ROW * neighbour, whole)
                _copy(here + 4 * begin, tile + 4 * ROW * value_row, whole)
                for feature in range(features):
                    _clear(tile + 4 * ROW * (contexts + feature), whole)
                if featured:
                    y, x, at = begin // stride, begin % stride, 0
                    while at < count:
                        length = min(wide - x, count - at)
                        if length > 0:
                            for feature in range(features):
                                source = sources + 4 * (feature * parents + (y >> 1) * parent)
                                double(source, tile + 4 * (ROW * (contexts + feature) + at), x, length)
                        at += stride - x
                        y, x = y + 1, 0
                forward(tile, weights, count, weight)
                y, x, at = begin // stride, begin % stride, 0
                while at < count:
                    length = max(min(wide - x, count - at), 0)
                    place = 4 * (grids[grid, START] + y * wide + x)
                    if length > 0:
                        numbers, into = _at(tile + 4 * (ROW * bits_row + at)), _at(bits.ctypes.data + place)
                        subtotal = _ZERO
                        for index in range(length):
                            into[index] = numbers[index]
                            subtotal += numbers[index]
                        found += subtotal
                        if means.shape[0] > 0:
                            _copy(tile + 4 * (ROW * outputs + at), means.ctypes.data + place, length)
                            _copy(tile + 4 * (ROW * (outputs + 1) + at), log_scales.ctypes.data + place, length)
                    if learning:  # what lies between rows has no gradient
                        dropped = min(at + stride - x, whole) - at - length
                        if at + length + dropped >= count:
                            dropped = whole - at - length
                        for each in range(2):
                            _clear(tile + 4 * (ROW * (output_gradients + each) + at + length), dropped)
                        _clear(tile + 4 * (ROW * direct_row + at + length), dropped)
                    at += stride - x
                    y, x = y + 1, 0
                if learning:
                    backward(tile, weights, total, count)
                    _add(tile + 4 * ROW * direct_row, own + 4 * begin, count)
                    for neighbour in range(contexts):
                        away = neighbours[neighbour, 0] * stride + neighbours[neighbour, 1]
                        _add(tile + 4 * ROW * (first_row + neighbour), own + 4 * (begin + away), count)
                    if featured:
                        y, x, at = begin // stride, begin % stride, 0
                        while at < count:
                            length = min(wide - x, count - at)
                            if length > 0:
                                for feature in range(features):
                                    source = tile + 4 * (ROW * (first_row + contexts + feature) + at)
                                    target = targets + 4 * (feature * parents + (y >> 1) * parent)
                                    halve(source, target, x, length)
                            at += stride - x
                            y, x = y + 1, 0
            band_bits[band, 0] = found
            if learning:
                vectors = _at(total)
                for index in range(partial.shape[1]):
                    sum_of_lanes = _ZERO
                    for lane in range(LANES):
                        sum_of_lanes += vectors[index * LANES + lane]
                    partial[band, index] = sum_of_lanes

    return walk


def _count(worker: int, workers: int, band_bits: D2, sums: D2) -> None:
    """The bits of all latents."""
    if worker == 0:
        total = 0.0
        for band in range(band_bits.shape[0]):
            total += band_bits[band, 0]
        sums[0, 1] = total


def _collect(
    worker: int, workers: int, parameters: F1, grids: I2, bands: I2, levels: I2, features: int, sources: I1,
    reached: F1, plane_gradients: F1, partial: F2, gradient: F1, parameter_gradient: F1,
) -> None:  # fmt: skip
    """The gradients of all latents and of the entropy model's parameters."""
    last = bands.shape[0] - 1
    for band in range(bands.shape[0]):
        if not _mine(bands, band, worker, workers):
            continue
        grid, first, stop = bands[band, GRID], bands[band, FIRST], bands[band, STOP]
        wide, stride = grids[grid, WIDTH], grids[grid, STRIDE]
        own = reached.ctypes.data + 4 * (bands[band, REACHED] + PAD + (ROWS_ABOVE - first) * stride)
        more = band < last and bands[band + 1, GRID] == grid
        below = stop - ROWS_ABOVE  # from this row on, the next band reaches up
        other = reached.ctypes.data + 4 * ((bands[band + 1, REACHED] if more else 0) + PAD - below * stride)
        for y in range(first, stop):
            into = gradient.ctypes.data + 4 * (grids[grid, START] + y * wide)
            _copy(own + 4 * y * stride, into, wide)
            if more and y >= below:
                _add(other + 4 * y * stride, into, wide)
            pass_back(parameters, grids, levels, features, plane_gradients, grid, y, into)
    start, end = _share(partial.shape[1], worker, workers, LANES)
    for index in range(start, end):
        total = 0.0
        for band in range(bands.shape[0]):
            total += partial[band, index]
        parameter_gradient[sources[index]] = total


PREPARE = Stage(_prepare, phase="entropy model: layout and features")
GATHER = Stage(gather, phase="entropy model: layout and features")
COUNT = Stage(_count, phase="entropy model: sums")
COLLECT = Stage(_collect, phase="entropy model: sums")


def walk_stage(width: int, contexts: int, *, learning: bool) -> Stage:
    """The stage that takes latents through a network of a width, and back when `learning`."""
    return Stage(_make_walk(width, contexts, learning), f"{width} {contexts} {learning}", "entropy model: network")
