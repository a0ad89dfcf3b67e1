"""Grid encodings as stages: features of points, gradients of table and coordinates, and clearing a gradient.

A level at a time over a chunk of points, so that the level's rows stay in the cache; within it, blocks of points,
whose rows and weights are computed in vectors before the first row is read. The geometry is that of
`inr.encodings.Lattice`, to the bit; only the order of sums differs from the eager reference.
"""

import functools
from collections.abc import Sequence
from typing import no_type_check

import numba
import numpy as np

from inr.encodings import PRIMES, Level
from inr.engines._cpu._corners import BLOCK, CHUNK, FLAG_ROWS, add_block, blend_block
from inr.jit import (  # exact: a point lies in the cell where it lies for every engine
    B1,
    F1,
    F2,
    I2,
    Stage,
    exact,
    inline,
    share,
)
from inr.jit.vector import POINTERS, float_scratch, int_scratch

# what is known of a level, in the order of the columns of `level_table`
_LAST, _OFFSET, _MASK, _ADJACENT = range(4)
# rows for every corner up to which nearly every FLAG_ROWS rows are touched: all but exp(-8 / 4) of them, on average
_DENSE_ROWS_PER_CORNER = 4

_ONE, _HALF, _ZERO, _TWO, _THREE, _SIX = (np.float32(number) for number in (1, 0.5, 0, 2, 3, 6))
_TEN, _FIFTEEN, _THIRTY = (np.float32(number) for number in (10, 15, 30))
# as 32 bits: a product modulo 2^32 is the same, signed or not
_PRIMES = tuple(np.array(PRIMES, np.uint32).view(np.int32))

_share = inline(share)
_float32 = POINTERS["float32"]


def level_table(levels: Sequence[Level]) -> dict[str, np.ndarray]:
    """Arguments that tell stages of the levels: `scales`, float32 (levels), and `levels`, int64 (levels, 4)."""
    rows = np.empty((len(levels), 4), np.int64)
    for row, level in zip(rows, levels, strict=True):
        single = level.resolution == 1  # has no neighbours; every hash is its one row
        row[_LAST], row[_OFFSET] = level.resolution - 1, level.offset
        row[_MASK] = 0 if single else level.entries - 1
        row[_ADJACENT] = not (level.hashed or single)
    return {"scales": np.array([level.scale for level in levels], np.float32), "levels": rows}


@exact
@no_type_check
def _fill(coords, start, count, unit):
    """Points from [-1, 1] to [0, 1], an axis after the other; and some more numbers, to fill the last block."""
    for axis in range(coords.shape[1]):
        for i in range(count):
            x = coords[start + i, axis]
            x = -_ONE if x < -_ONE else x  # what is not a number stays that
            x = _ONE if x > _ONE else x
            unit[axis, i] = x * _HALF + _HALF
        for i in range(count, min((count + BLOCK - 1) // BLOCK * BLOCK, unit.shape[1])):
            unit[axis, i] = _ZERO


@exact
@no_type_check
def _position(unit, scale):
    return scale * unit + _HALF


@functools.cache
@no_type_check
def encode(in_dim: int, features: int, smoothness: int) -> Stage:
    """The stage that writes the features of points, for grids of `in_dim` axes and so many features a level.

    Its arguments: coords (n, in_dim), table (entries, features), out (n, stride), of which it writes the first
    levels x features columns, and `level_table`. Points are shared over workers.
    """
    units = in_dim * CHUNK

    @exact
    def blend(adjacent, at, scale, last, offset, mask, rows, to, stride, count):
        if adjacent:
            blend_block(in_dim, features, smoothness, 1, at, scale, last, offset, mask, rows, 0, to, stride, count)
        else:
            blend_block(in_dim, features, smoothness, 0, at, scale, last, offset, mask, rows, 0, to, stride, count)

    def encode(worker, workers, coords: F2, table: F2, out: F2, scales: F1, levels: I2):
        unit = numba.carray(float_scratch(units), (in_dim, CHUNK))
        begin, end = _share(len(coords), worker, workers, BLOCK)
        rows, stride = table.ctypes.data, 4 * out.shape[1]
        for start in range(begin, end, CHUNK):
            size = min(CHUNK, end - start)
            _fill(coords, start, size, unit)
            for level in range(len(scales)):
                scale, last, offset, mask = scales[level], levels[level, 0], levels[level, 1], levels[level, 2]
                for first in range(0, size, BLOCK):
                    at, count = unit.ctypes.data + 4 * first, min(BLOCK, size - first)
                    to = out.ctypes.data + (start + first) * stride + 4 * features * level
                    blend(levels[level, 3], at, scale, last, offset, mask, rows, to, stride, count)

    return Stage(encode, f"{in_dim} {features} {smoothness}", "encoding")


@inline
@no_type_check
def flags_of(level, first, corners, grad, touched, levels):
    """Where to raise flags for a level, of which so many corners are met.

    0 where the first chunk raises all: storing one a corner takes longer.
    """
    begin, end = levels[level, 1], levels[level + 1, 1] if level + 1 < len(levels) else len(grad)
    if end - begin > _DENSE_ROWS_PER_CORNER * corners:
        return touched.ctypes.data
    if first:
        for flag in range(begin // FLAG_ROWS, (end + FLAG_ROWS - 1) // FLAG_ROWS):
            touched[flag] = 1
    return 0


@functools.cache
@no_type_check
def scatter(in_dim: int, features: int, smoothness: int) -> Stage:
    """The stage that adds the gradient of the table.

    Its arguments: coords (n, in_dim), given (n, stride), the gradient of the features; grad (entries, features);
    touched, of which it sets every number to 1 in whose FLAG_ROWS rows it adds something, and all those of a level
    that has few rows beside the points; and `level_table`. A level belongs to one worker, which adds in the order
    of the points: the same bits for any number of workers.
    """
    units, corners = in_dim * CHUNK, 2**in_dim

    @exact
    def add(adjacent, at, scale, last, offset, mask, rows, flags, of, stride, count):
        if adjacent:
            add_block(in_dim, features, smoothness, 1, at, scale, last, offset, mask, rows, flags, of, stride, count)
        else:
            add_block(in_dim, features, smoothness, 0, at, scale, last, offset, mask, rows, flags, of, stride, count)

    def scatter(worker, workers, coords: F2, given: F2, grad: F2, touched: B1, scales: F1, levels: I2):
        unit = numba.carray(float_scratch(units), (in_dim, CHUNK))
        rows, stride = grad.ctypes.data, 4 * given.shape[1]
        for start in range(0, len(coords), CHUNK):
            size = min(CHUNK, len(coords) - start)
            _fill(coords, start, size, unit)
            for level in range(len(scales)):
                if level * workers // len(scales) != worker:
                    continue
                scale, last, offset, mask = scales[level], levels[level, 0], levels[level, 1], levels[level, 2]
                flags = flags_of(level, start == 0, corners * len(coords), grad, touched, levels)
                for first in range(0, size, BLOCK):
                    at, count = unit.ctypes.data + 4 * first, min(BLOCK, size - first)
                    of = given.ctypes.data + (start + first) * stride + 4 * features * level
                    add(levels[level, 3], at, scale, last, offset, mask, rows, flags, of, stride, count)

    return Stage(scatter, f"{in_dim} {features} {smoothness}", "encoding")


@exact
@no_type_check
def _upper_weight(p, smoothness):
    """What `inr.encodings` gives the upper of two vertices, and its derivative."""
    if smoothness == 2:
        return p * p * p * (_TEN + p * (_SIX * p - _FIFTEEN)), _THIRTY * (p * (_ONE - p)) * (p * (_ONE - p))
    return (p * p * (_THREE - _TWO * p), _SIX * p * (_ONE - p)) if smoothness else (p, _ONE)


@inline
@no_type_check
def _derivative(dots, part, along, values):
    """Of what is interpolated between the corners, in the place between them along an axis."""
    for corner in range(len(dots)):
        values[corner] = dots[corner]
    left = len(dots)
    for axis in range(len(part) - 1, -1, -1):
        left //= 2
        for corner in range(left):
            low, high = values[corner], values[corner + left]
            values[corner] = high - low if axis == along else low * (_ONE - part[axis]) + high * part[axis]
    return values[0]


@functools.cache
@no_type_check
def scatter_coords(in_dim: int) -> Stage:
    """The stage that writes the gradient of the coordinates.

    Its arguments: coords (n, in_dim), table (entries, features), given (n, stride), the gradient of the features;
    grad (n, in_dim); smoothness, 0 to 2; and `level_table`. Points are shared over workers.
    """
    corners = 2**in_dim

    @inline
    def corner_row(ends, corner, last, offset, mask, adjacent):
        row, stride = np.int32(0), np.int32(1)
        for axis in range(in_dim):
            end = ends[axis, corner >> axis & 1]
            row = np.int32(row + end * stride) if adjacent else np.int32(row ^ (end * _PRIMES[axis]))
            stride = np.int32(stride * np.int32(last + 1))
        return offset + (row if adjacent else row & np.int32(mask))

    def scatter_coords(
        worker, workers, coords: F2, table: F2, given: F2, grad: F2, smoothness: int, scales: F1, levels: I2
    ):
        unit = numba.carray(float_scratch(in_dim), (in_dim, 1))
        part, slope = numba.carray(float_scratch(in_dim), in_dim), numba.carray(float_scratch(in_dim), in_dim)
        dots, values = numba.carray(float_scratch(corners), corners), numba.carray(float_scratch(corners), corners)
        ends = numba.carray(int_scratch(corners), (in_dim, 2))
        begin, end = _share(len(coords), worker, workers, BLOCK)
        features = table.shape[1]
        for i in range(begin, end):
            _fill(coords, i, 1, unit)
            for axis in range(in_dim):
                grad[i, axis] = _ZERO
            for level in range(len(scales)):
                last, offset, mask, adjacent = levels[level, 0], levels[level, 1], levels[level, 2], levels[level, 3]
                for axis in range(in_dim):
                    position = _position(unit[axis, 0], scales[level])
                    cell = np.floor(position)
                    p = position - cell
                    cell = cell if cell > _ZERO else _ZERO
                    ends[axis, 0] = min(np.int32(cell), np.int32(last))
                    ends[axis, 1] = min(np.int32(cell) + np.int32(1), np.int32(last))
                    part[axis], change = _upper_weight(p, smoothness)
                    slope[axis] = scales[level] * _HALF * change
                for corner in range(corners):
                    row = corner_row(ends, corner, last, offset, mask, adjacent)
                    dots[corner] = _ZERO
                    for feature in range(features):
                        dots[corner] += table[row, feature] * given[i, level * features + feature]
                for axis in range(in_dim):
                    if coords[i, axis] >= -_ONE and coords[i, axis] <= _ONE:
                        grad[i, axis] += _derivative(dots, part, axis, values) * slope[axis]

    return Stage(scatter_coords, f"{in_dim}", "encoding")


@exact
@no_type_check
def placed(x, share, less):
    x = -_ONE if x < -_ONE else x  # what is not a number stays that
    x = _ONE if x > _ONE else x
    return x * share + less


@no_type_check
def _place(worker, workers, coords: F2, into: F2, last_share: float):
    begin, end = _share(len(coords), worker, workers, BLOCK)
    last, share, less = coords.shape[1] - 1, np.float32(last_share), np.float32(last_share - 1)
    for i in range(begin, end):
        for axis in range(last):
            into[i, axis] = coords[i, axis]
        into[i, last] = placed(coords[i, last], share, less)


# coords (n, d), and into (n, d) what `HashGrid.placed_in` does
place = Stage(_place, phase="encoding")


@no_type_check
def _clear(worker, workers, grad: F2, touched: B1):
    begin, end = _share(len(touched), worker, workers, 64)
    numbers, a_flag = numba.carray(_float32(grad.ctypes.data), grad.size), FLAG_ROWS * grad.shape[1]
    block = begin
    while block < end:
        if touched[block]:
            first = block
            while block < end and touched[block]:  # a run of them at once: where all are touched, at memory's speed
                touched[block] = 0
                block += 1
            numbers[first * a_flag : min(block * a_flag, grad.size)] = _ZERO
        block += 1


# grad (entries, features), touched: sets what was touched to zero again, flags and all
clear = Stage(_clear, phase="encoding")
