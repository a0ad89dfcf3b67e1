"""Grid encodings as stages: features of points, gradients of table and coordinates, and clearing a gradient.

A level at a time over a chunk of points, so that the level's rows stay in the cache; within it, blocks of points,
whose rows and weights are computed in vectors before the first row is read. The geometry is that of
`inr.encodings._lattice`, to the bit; only the order of sums differs from the eager reference.
"""

import functools
import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple, no_type_check

import numba
import numpy as np

from inr.encodings._lattice import PRIMES, Level
from inr.engines._cpu._corners import BLOCK, FLAG_ROWS, add, blend, float_scratch, int_scratch
from inr.engines._cpu._jit import inline
from inr.engines._cpu._stage import B1, F1, F2, I2, Stage, share

CHUNK = 1024  # points that a level is done for before the next level

# what is known of a level, in the order of the columns of `level_table`
_LAST, _OFFSET, _MASK, _JOINED = range(4)
# nanoseconds a point and level, roughly: where rows are neighbours, and where they are scattered
_COST_JOINED, _COST_HASHED = 1, 2

_ONE, _HALF, _ZERO, _TWO, _THREE, _SIX = (np.float32(number) for number in (1, 0.5, 0, 2, 3, 6))
# as 32 bits: a product modulo 2^32 is the same, signed or not
_PRIMES = tuple(np.array(PRIMES, np.uint32).view(np.int32))

_share = inline(inspect.unwrap(share))
# As written: nothing fused or reordered, so that a point lies in the cell where it lies for every engine. False is
# said because otherwise a caller's flags would hold here too.
_exact = numba.njit(fastmath=False, error_model="numpy", nogil=True)


class GridStages(NamedTuple):
    """The stages of one kind of grid; `scales` and `levels` are what `level_table` gives.

    Attributes:
        encode: coords (n, d), table (entries, features), out (n, stride): writes the first levels x features columns.
        scatter: coords, given (n, stride), grad (entries, features), touched: adds the gradient of the table; marks
            every FLAG_ROWS rows of which one was added to, in `touched`. Every level belongs to one worker, and is
            summed in the order of the points: the same bits for any number of workers.
        scatter_coords: coords, table, given, grad (n, d): writes the gradient of the coordinates.
    """

    encode: Stage
    scatter: Stage
    scatter_coords: Stage


def level_table(levels: Sequence[Level]) -> dict[str, np.ndarray]:
    """Arguments that tell stages of the levels: `scales`, float32 (levels), and `levels`, int64 (levels, 4)."""
    rows = np.empty((len(levels), 4), np.int64)
    for row, level in zip(rows, levels, strict=True):
        single = level.resolution == 1  # has no neighbours; every hash is its one row
        row[_LAST], row[_OFFSET] = level.resolution - 1, level.offset
        row[_MASK] = 0 if single else level.entries - 1
        row[_JOINED] = not (level.hashed or single)
    return {"scales": np.array([level.scale for level in levels], np.float32), "levels": rows}


@_exact
@no_type_check
def _unit(coords, start, count, axis, unit):
    """An axis of some points, from [-1, 1] to [0, 1], and some more numbers to fill the last block."""
    for i in range(count):
        x = coords[start + i, axis]
        x = -_ONE if x < -_ONE else x  # what is not a number stays that
        x = _ONE if x > _ONE else x
        unit[axis, i] = x * _HALF + _HALF
    for i in range(count, (count + BLOCK - 1) // BLOCK * BLOCK):
        unit[axis, i] = _ZERO


@_exact
@no_type_check
def _position(unit, scale):
    return scale * unit + _HALF


@inline
@no_type_check
def _cells(unit, first, axis, scale, last, low, high, part):
    """The vertices below and above a block of points on an axis, and the place between them."""
    for i in range(BLOCK):
        position = _position(unit[axis, first + i], scale)
        cell = np.floor(position)
        part[axis, i] = position - cell
        cell = cell if cell > _ZERO else _ZERO  # where a coordinate is not a number
        following = cell + _ONE
        low[axis, i] = np.int32(cell if cell < last else last)
        high[axis, i] = np.int32(following if following < last else last)


@inline
@no_type_check
def _smoothen(part, axes):
    for axis in range(axes):
        for i in range(BLOCK):
            p = part[axis, i]
            part[axis, i] = p * p * (_THREE - _TWO * p)


@inline
@no_type_check
def _dense_rows(low, high, last, offset, axes, rows, part):
    """Rows of the lower ends of all pairs; the upper end is the next row, also at the edge."""
    for i in range(BLOCK):
        edge = low[0, i] == last
        rows[0, i] = offset + low[0, i] - np.int32(edge)
        part[0, i] = _ONE if edge else part[0, i]
    stride, made = last + 1, 1
    for axis in range(1, axes):
        for pair in range(made):
            for i in range(BLOCK):
                base = rows[pair, i]
                rows[pair, i] = base + low[axis, i] * stride
                rows[pair + made, i] = base + high[axis, i] * stride
        made *= 2
        stride *= last + 1


@inline
@no_type_check
def _hashed_rows(low, high, mask, offset, axes, rows):
    """Rows of both ends of all pairs."""
    for i in range(BLOCK):
        rows[0, i] = low[0, i]
        rows[1, i] = high[0, i]
    made = 2
    for axis in range(1, axes):
        for corner in range(made):
            for i in range(BLOCK):
                base = rows[corner, i]
                rows[corner, i] = base ^ (low[axis, i] * _PRIMES[axis])
                rows[corner + made, i] = base ^ (high[axis, i] * _PRIMES[axis])
        made *= 2
    for corner in range(made):
        for i in range(BLOCK):
            rows[corner, i] = (rows[corner, i] & mask) + offset


@inline
@no_type_check
def _pair_weights(part, axes, weights):
    """Products of the weights of all axes but the first."""
    for i in range(BLOCK):
        weights[0, i] = _ONE
    made = 1
    for axis in range(1, axes):
        for pair in range(made):
            for i in range(BLOCK):
                base = weights[pair, i]
                weights[pair + made, i] = base * part[axis, i]
                weights[pair, i] = base * (_ONE - part[axis, i])
        made *= 2


@inline
@no_type_check
def _is_mine(levels, level, worker, workers):
    """Whether a level is a worker's: the one in whose share of all costs its middle lies."""
    before, total, own = 0, 0, 0
    for other in range(len(levels)):
        cost = _COST_JOINED if levels[other, _JOINED] else _COST_HASHED
        total += cost
        before += cost if other < level else 0
        own = cost if other == level else own
    return (2 * before + own) * workers // (2 * total) == worker


@functools.cache
@no_type_check
def grid_stages(in_dim: int, features: int, smooth: bool) -> GridStages:
    """The stages for grids of `in_dim` axes and so many features a level, with smoothstep or linear weights."""
    pairs = 2 ** (in_dim - 1)
    of_axes, of_pairs, of_corners, of_chunk = in_dim * BLOCK, pairs * BLOCK, 2 * pairs * BLOCK, in_dim * CHUNK

    @inline
    def place(unit, first, scale, last, offset, mask, joined, part, rows, weights):
        """Rows and weights of a block of points."""
        low = numba.carray(int_scratch(of_axes), (in_dim, BLOCK))
        high = numba.carray(int_scratch(of_axes), (in_dim, BLOCK))
        for axis in range(in_dim):
            _cells(unit, first, axis, scale, np.float32(last), low, high, part)
        if smooth:
            _smoothen(part, in_dim)
        if joined:
            _dense_rows(low, high, last, offset, in_dim, rows, part)
        else:
            _hashed_rows(low, high, mask, offset, in_dim, rows)
        _pair_weights(part, in_dim, weights)

    @inline
    def blend_block(unit, first, count, scale, last, offset, mask, joined, table, out, stride):
        part = numba.carray(float_scratch(of_axes), (in_dim, BLOCK))
        rows = numba.carray(int_scratch(of_corners), (2 * pairs, BLOCK))
        weights = numba.carray(float_scratch(of_pairs), (pairs, BLOCK))
        place(unit, first, scale, last, offset, mask, joined, part, rows, weights)
        row, weight = rows.ctypes.data, weights.ctypes.data
        if joined:
            for i in range(count):
                blend(features, pairs, 1, table, row + 4 * i, weight + 4 * i, part[0, i], out + stride * i)
        else:
            for i in range(count):
                blend(features, pairs, 0, table, row + 4 * i, weight + 4 * i, part[0, i], out + stride * i)

    @inline
    def add_block(unit, first, count, scale, last, offset, mask, joined, grad, flags, given, stride):
        part = numba.carray(float_scratch(of_axes), (in_dim, BLOCK))
        rows = numba.carray(int_scratch(of_corners), (2 * pairs, BLOCK))
        weights = numba.carray(float_scratch(of_pairs), (pairs, BLOCK))
        place(unit, first, scale, last, offset, mask, joined, part, rows, weights)
        row, weight = rows.ctypes.data, weights.ctypes.data
        if joined:
            for i in range(count):
                add(features, pairs, 1, grad, flags, row + 4 * i, weight + 4 * i, part[0, i], given + stride * i)
        else:
            for i in range(count):
                add(features, pairs, 0, grad, flags, row + 4 * i, weight + 4 * i, part[0, i], given + stride * i)

    def encode(worker, workers, coords: F2, table: F2, out: F2, scales: F1, levels: I2):
        unit = numba.carray(float_scratch(of_chunk), (in_dim, CHUNK))
        begin, end = _share(len(coords), worker, workers, BLOCK)
        stride = 4 * out.shape[1]
        for start in range(begin, end, CHUNK):
            count = min(CHUNK, end - start)
            for axis in range(in_dim):
                _unit(coords, start, count, axis, unit)
            for level in range(len(scales)):
                last, offset, mask, joined = levels[level, 0], levels[level, 1], levels[level, 2], levels[level, 3]
                to = out.ctypes.data + start * stride + 4 * features * level
                for first in range(0, count, BLOCK):
                    blend_block(
                        unit, first, min(BLOCK, count - first), scales[level],
                        np.int32(last), np.int32(offset), np.int32(mask), joined,
                        table.ctypes.data, to + first * stride, stride,
                    )  # fmt: skip

    def scatter(worker, workers, coords: F2, given: F2, grad: F2, touched: B1, scales: F1, levels: I2):
        unit = numba.carray(float_scratch(of_chunk), (in_dim, CHUNK))
        stride = 4 * given.shape[1]
        for start in range(0, len(coords), CHUNK):
            count = min(CHUNK, len(coords) - start)
            for axis in range(in_dim):
                _unit(coords, start, count, axis, unit)
            for level in range(len(scales)):
                if not _is_mine(levels, level, worker, workers):
                    continue
                last, offset, mask, joined = levels[level, 0], levels[level, 1], levels[level, 2], levels[level, 3]
                at = given.ctypes.data + start * stride + 4 * features * level
                for first in range(0, count, BLOCK):
                    add_block(
                        unit, first, min(BLOCK, count - first), scales[level],
                        np.int32(last), np.int32(offset), np.int32(mask), joined,
                        grad.ctypes.data, touched.ctypes.data, at + first * stride, stride,
                    )  # fmt: skip

    key = f"{in_dim} {features} {smooth}"
    return GridStages(Stage(encode, key), Stage(scatter, key), Stage(_coords_gradient(in_dim, features, smooth), key))


@no_type_check
def _coords_gradient(in_dim: int, features: int, smooth: bool) -> Any:
    corners, of_axes, of_corners = 2**in_dim, 2 * in_dim, 2**in_dim

    @inline
    def corner_row(ends, corner, last, offset, mask, joined):
        row, stride = np.int32(0), np.int32(1)
        for axis in range(in_dim):
            end = ends[axis, corner >> axis & 1]
            row = np.int32(row + end * stride) if joined else np.int32(row ^ (end * _PRIMES[axis]))
            stride = np.int32(stride * np.int32(last + 1))
        return offset + (row if joined else row & np.int32(mask))

    @inline
    def contract(dots, part, along):
        """The derivative along an axis of what is interpolated between the corners, by the place between them."""
        values = numba.carray(float_scratch(of_corners), (corners,))
        for corner in range(corners):
            values[corner] = dots[corner]
        left = corners
        for axis in range(in_dim - 1, -1, -1):
            left //= 2
            for corner in range(left):
                low, high = values[corner], values[corner + left]
                p = part[axis]
                values[corner] = high - low if axis == along else low * (_ONE - p) + high * p
        return values[0]

    def scatter_coords(
        worker, workers, coords: F2, table: F2, given: F2, grad: F2, scales: F1, levels: I2
    ):  # fmt: skip
        ends = numba.carray(int_scratch(of_axes), (in_dim, 2))
        part = numba.carray(float_scratch(of_axes), (in_dim,))
        slope = numba.carray(float_scratch(of_axes), (in_dim,))
        unit = numba.carray(float_scratch(of_axes), (in_dim, 1))
        dots = numba.carray(float_scratch(of_corners), (corners,))
        begin, end = _share(len(coords), worker, workers, BLOCK)
        for i in range(begin, end):
            for axis in range(in_dim):
                grad[i, axis] = _ZERO
            for level in range(len(scales)):
                last, offset, mask, joined = levels[level, 0], levels[level, 1], levels[level, 2], levels[level, 3]
                for axis in range(in_dim):
                    x = coords[i, axis]
                    x = -_ONE if x < -_ONE else x
                    x = _ONE if x > _ONE else x
                    position = _position(x * _HALF + _HALF, scales[level])
                    cell = np.floor(position)
                    p = position - cell
                    cell = cell if cell > _ZERO else _ZERO
                    ends[axis, 0] = min(np.int32(cell), np.int32(last))
                    ends[axis, 1] = min(np.int32(cell) + np.int32(1), np.int32(last))
                    part[axis] = p * p * (_THREE - _TWO * p) if smooth else p
                    slope[axis] = _SIX * p * (_ONE - p) if smooth else _ONE
                for corner in range(corners):
                    row = corner_row(ends, corner, last, offset, mask, joined)
                    dot = _ZERO
                    for feature in range(features):
                        dot += table[row, feature] * given[i, level * features + feature]
                    dots[corner] = dot
                for axis in range(in_dim):
                    if coords[i, axis] >= -_ONE and coords[i, axis] <= _ONE:
                        grad[i, axis] += contract(dots, part, axis) * slope[axis] * scales[level] * _HALF

    return scatter_coords


@no_type_check
def _clear(worker, workers, grad: F2, touched: B1):
    begin, end = _share(len(touched), worker, workers, 64)
    for block in range(begin, end):
        if touched[block]:
            touched[block] = 0
            for row in range(block * FLAG_ROWS, min((block + 1) * FLAG_ROWS, len(grad))):
                for feature in range(grad.shape[1]):
                    grad[row, feature] = _ZERO


# grad (entries, features), touched: sets what was touched to zero again, flags and all
clear = Stage(_clear)
