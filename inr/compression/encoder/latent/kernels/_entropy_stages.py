"""The stages of the entropy model: laying out grids, taking their tiles through the network, collecting gradients.

Grids are laid out with zeros around them, 4 after each row and 3 rows above, so that each neighbour of a run of latents
is another run, at a constant distance: a tile is a run, whatever its place in its rows, and what it computes for the
zeros between rows is dropped.

Work is divided into bands of rows of a grid. What they sum up is kept for each band, and added in their order: results
are the same for any number of workers. The gradient of the latents that a band reads reaches up to 3 rows above it, and
is kept for each band likewise.
"""

from typing import Any

import numpy as np

from inr.compression.encoder.latent.kernels._entropy_network import ROW, TILE, Places, Rows, network, pack
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
from inr.jit import D2, F1, F2, I1, I2, Stage, inline, share
from inr.jit.vector import LANES, PANEL, POINTERS

# zeros between rows of a grid, and rows of zeros above it: how far neighbours are away at most
PAD, ROWS_ABOVE = 4, 3
# columns of the table of bands: the grid, its rows, where what they reach is, the latents of all bands up to the middle
# of this one
GRID, FIRST, STOP, REACHED, MIDDLE = range(5)

_at = POINTERS["float32"]
_share = inline(share)
_ZERO = np.float32(0)


@inline
def _mine(bands: I2, band: int, worker: int, workers: int) -> bool:
    """Whether a band is a worker's: all have about as many latents."""
    last = bands[bands.shape[0] - 1, MIDDLE]
    return min(bands[band, MIDDLE] * workers // max(last, 1), workers - 1) == worker


def _prepare(
    worker: int, workers: int, rounded: F1, parameters: F1, grids: I2, bands: I2, levels: I2, features: int,
    sources: I1, width: int, padded: F1, planes: F1, packed: F1,
) -> None:  # fmt: skip
    """Lay out the grids and the weights, and compute the features."""
    if worker == workers - 1:
        pack(parameters, packed, sources, width)
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


@inline
def _features_in(
    tile: int, begin: int, count: int, features: int, stride: int, wide: int, sources: int, size: int
) -> None:
    """Rows of features of a tile, whose first one is at `tile`, from planes of `size` numbers of the parents."""
    parent = (wide + 1) >> 1
    y, x, at = begin // stride, begin % stride, 0
    while at < count:
        length = min(wide - x, count - at)
        if length > 0:
            for feature in range(features):
                source = sources + 4 * (feature * size + (y >> 1) * parent)
                double(source, tile + 4 * (ROW * feature + at), x, length)
        at += stride - x
        y, x = y + 1, 0


@inline
def _features_back(
    tile: int, begin: int, count: int, features: int, stride: int, wide: int, targets: int, size: int
) -> None:
    """Add the gradients of a tile's features to those of the planes: the way back of `_features_in`."""
    parent = (wide + 1) >> 1
    y, x, at = begin // stride, begin % stride, 0
    while at < count:
        length = min(wide - x, count - at)
        if length > 0:
            for feature in range(features):
                target = targets + 4 * (feature * size + (y >> 1) * parent)
                halve(tile + 4 * (ROW * feature + at), target, x, length)
        at += stride - x
        y, x = y + 1, 0


@inline
def _rows_out(row: int, begin: int, count: int, stride: int, wide: int, target: int) -> float:
    """Copy a row of a tile to a grid, without what lies between its rows; the sum of what was copied."""
    y, x, at = begin // stride, begin % stride, 0
    total = 0.0
    while at < count:
        length = min(wide - x, count - at)
        if length > 0:
            numbers, into = _at(row + 4 * at), _at(target + 4 * (y * wide + x))
            part = _ZERO
            for index in range(length):
                into[index] = numbers[index]
                part += numbers[index]
            total += float(part)
        at += stride - x
        y, x = y + 1, 0
    return total


@inline
def _drop(row: int, begin: int, count: int, whole: int, stride: int, wide: int) -> None:
    """Clear what of a tile's row lies between rows of the grid, and what is beyond the tile's latents."""
    x, at = begin % stride, 0
    while at < count:
        between = max(wide - x, 0)
        if at + between < count:
            _clear(row + 4 * (at + between), min(stride - x, count - at) - between)
        at += stride - x
        x = 0
    _clear(row + 4 * count, whole - count)


def _make_walk(width: int, contexts: int, learning: bool) -> Any:
    """The function that takes the latents of all bands through the network; `learning` is the way back too."""
    rows, features, sums = Rows.of(width), width - contexts, Places.of(width).sums
    first_row, output_gradients = rows.first, rows.output_gradients
    value_row, bits_row, direct_row = rows.values, rows.bits, rows.direct
    forward, backward = network(width)

    def walk(
        worker: int, workers: int, grids: I2, bands: I2, levels: I2, neighbours: I2, padded: F1, planes: F1,
        packed: F1, weight: float, tiles: F2, totals: F2, bits: F1, band_bits: D2, reached: F1, plane_gradients: F1,
        partial: F2,
    ) -> None:  # fmt: skip
        """Bits of all latents; when learning, gradients of the weighted sum, as far as each band by itself goes."""
        tile, weights = tiles.ctypes.data + 4 * worker * tiles.shape[1], packed.ctypes.data
        total = totals.ctypes.data + 4 * worker * totals.shape[1]
        for band in range(bands.shape[0]):
            if not _mine(bands, band, worker, workers):
                continue
            grid, first, stop = bands[band, GRID], bands[band, FIRST], bands[band, STOP]
            wide, stride, level = grids[grid, WIDTH], grids[grid, STRIDE], grids[grid, LEVEL]
            row = levels.shape[0] - 1 - level  # of the table of levels, if this one is in it
            featured = row >= 0
            parent = (wide + 1) >> 1
            size = parent * ((grids[grid, HEIGHT] + 1) >> 1)
            place = levels[row, PLANES + level + 1] if featured else 0
            sources, targets = planes.ctypes.data + 4 * place, plane_gradients.ctypes.data + 4 * place
            here = padded.ctypes.data + 4 * grids[grid, PLACE]
            own = reached.ctypes.data + 4 * (bands[band, REACHED] + PAD + (ROWS_ABOVE - first) * stride)
            band_bits[band, 0] = 0.0
            if learning:
                _clear(total, sums * LANES)
                _clear(reached.ctypes.data + 4 * bands[band, REACHED], PAD + (stop - first + ROWS_ABOVE) * stride)
                if featured:
                    for feature in range(features):
                        top = feature * size + (first >> 1) * parent
                        _clear(targets + 4 * top, (((stop + 1) >> 1) - (first >> 1)) * parent)
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
                    _features_in(tile + 4 * ROW * contexts, begin, count, features, stride, wide, sources, size)
                forward(tile, weights, count, weight)
                into = 4 * grids[grid, START]
                found = _rows_out(tile + 4 * ROW * bits_row, begin, count, stride, wide, bits.ctypes.data + into)
                band_bits[band, 0] += found
                if not learning:
                    continue
                _drop(tile + 4 * ROW * direct_row, begin, count, whole, stride, wide)
                _drop(tile + 4 * ROW * output_gradients, begin, count, whole, stride, wide)
                _drop(tile + 4 * ROW * (output_gradients + 1), begin, count, whole, stride, wide)
                backward(tile, weights, total, count)
                _add(tile + 4 * ROW * direct_row, own + 4 * begin, count)
                for neighbour in range(contexts):
                    away = neighbours[neighbour, 0] * stride + neighbours[neighbour, 1]
                    _add(tile + 4 * ROW * (first_row + neighbour), own + 4 * (begin + away), count)
                if featured:
                    back = tile + 4 * ROW * (first_row + contexts)
                    _features_back(back, begin, count, features, stride, wide, targets, size)
            if learning:
                vectors = _at(total)
                for index in range(partial.shape[1]):
                    subtotal = _ZERO
                    for lane in range(LANES):
                        subtotal += vectors[index * LANES + lane]
                    partial[band, index] = subtotal

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
