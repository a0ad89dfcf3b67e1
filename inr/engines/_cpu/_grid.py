"""Grid encodings as stages: features of points, the table's gradient, and clearing that gradient.

A level at a time over a chunk of points, so that the level's rows stay in the cache; in it, blocks of points, whose
rows and weights are computed in vectors before the first row is read.
"""

import functools
import inspect
from collections.abc import Sequence
from typing import NamedTuple, no_type_check

import numba
import numpy as np

from inr.encodings._lattice import PRIMES, Level
from inr.engines._cpu._corners import BLOCK, add, blend, float_scratch, int_scratch
from inr.engines._cpu._jit import inline
from inr.engines._cpu._stage import F1, F2, I2, B1, Stage, share

CHUNK = 1024  # points that a level is done for before the next level

_SCALE, _LAST, _OFFSET, _MASK, _JOINED = range(5)


def level_table(levels: Sequence[Level]) -> tuple[np.ndarray, np.ndarray]:
    """What the stages need to know of the levels: `scales`, and as int64 (levels, 4) the last vertex of an axis,
    the first row, a mask for hashed rows, and whether the level is dense with neighbours."""
    scales = np.array([level.scale for level in levels], np.float32)
    rows = [
        # a level of one vertex has no neighbours; every hash is its only row
        (level.resolution - 1, level.offset, 0 if level.resolution == 1 else level.entries - 1,
         int(not level.hashed and level.resolution > 1))
        for level in levels
    ]  # fmt: skip
    return scales, np.array(rows, np.int64).reshape(-1, 4)


class GridStages(NamedTuple):
    encode: Stage
    scatter: Stage


_share = inline(inspect.unwrap(share))
_exact = numba.njit(fastmath=False, error_model="numpy", nogil=True)  # as written: no fused or reordered operations

_ONE, _HALF, _ZERO, _TWO, _THREE = (np.float32(x) for x in (1, 0.5, 0, 2, 3))


@_exact
@no_type_check
def _unit(coords, start, count, axis, unit):
    """An axis of points from [-1, 1] to [0, 1]; the rest of the block at 0."""
    for i in range(count):
        x = coords[start + i, axis]
        x = -_ONE if x < -_ONE else x
        x = _ONE if x > _ONE else x
        unit[axis, i] = x * _HALF + _HALF


@_exact
@no_type_check
def _cells(unit, start, axis, scale, last, low, high, part):
    """Lower and upper vertex along an axis, and the place between them."""
    for i in range(BLOCK):
        position = scale * unit[axis, start + i] + _HALF
        cell = np.floor(position)
        part[axis, i] = position - cell
        cell = cell if cell > _ZERO else _ZERO  # and where a coordinate is not a number
        following = cell + _ONE
        low[axis, i] = np.int32(cell if cell < last else last)
        high[axis, i] = np.int32(following if following < last else last)


@functools.cache
@no_type_check
def grid_stages(in_dim: int, features: int, smooth: bool) -> GridStages:
    pairs = 2 ** (in_dim - 1)
    units, axes, corners, weighted = in_dim * CHUNK, in_dim * BLOCK, 2 * pairs * BLOCK, pairs * BLOCK
    primes = tuple(np.int32(np.uint32(prime)) if prime < 2**31 else np.int32(prime - 2**32) for prime in PRIMES)

    @inline
    def dense_rows(low, high, last, offset, rows, part):
        for i in range(BLOCK):
            edge = low[0, i] >= last
            rows[0, i] = np.int32(low[0, i] - np.int32(edge)) + np.int32(offset)
            part[0, i] = _ONE if edge else part[0, i]
        stride = last + 1
        made = 1
        for axis in range(1, in_dim):
            for pair in range(made):
                for i in range(BLOCK):
                    base = rows[pair, i]
                    rows[pair, i] = np.int32(base + low[axis, i] * np.int32(stride))
                    rows[pair + made, i] = np.int32(base + high[axis, i] * np.int32(stride))
            made *= 2
            stride *= last + 1

    @inline
    def hashed_rows(low, high, mask, offset, rows):
        for i in range(BLOCK):
            rows[0, i] = low[0, i]
            rows[1, i] = high[0, i]
        made = 2
        for axis in range(1, in_dim):
            prime = primes[axis]
            for corner in range(made):
                for i in range(BLOCK):
                    base = rows[corner, i]
                    rows[corner, i] = np.int32(base ^ np.int32(low[axis, i] * prime))
                    rows[corner + made, i] = np.int32(base ^ np.int32(high[axis, i] * prime))
            made *= 2
        for corner in range(made):
            for i in range(BLOCK):
                rows[corner, i] = np.int32(np.int32(rows[corner, i] & np.int32(mask)) + np.int32(offset))

    @inline
    def pair_weights(part, weights):
        made = 1
        for axis in range(1, in_dim):
            for pair in range(made):
                for i in range(BLOCK):
                    base = weights[pair, i] if axis > 1 else _ONE
                    weights[pair + made, i] = base * part[axis, i]
                    weights[pair, i] = base * (_ONE - part[axis, i])
            made *= 2

    @inline
    def place(unit, start, scales, levels, level, low, high, part, rows, weights):
        last, offset, mask = levels[level, 0], levels[level, 1], levels[level, 2]
        for axis in range(in_dim):
            _cells(unit, start, axis, scales[level], np.float32(last), low, high, part)
            if smooth:
                for i in range(BLOCK):
                    p = part[axis, i]
                    part[axis, i] = p * p * (_THREE - _TWO * p)
        if levels[level, 3]:
            dense_rows(low, high, last, offset, rows, part)
        else:
            hashed_rows(low, high, mask, offset, rows)
        pair_weights(part, weights)

    @no_type_check
    def encode(worker, workers, coords: F2, table: F2, out: F2, scales: F1, levels: I2):
        first, end = _share(coords.shape[0], worker, workers, BLOCK)
        unit = numba.carray(float_scratch(units), (in_dim, CHUNK))
        low = numba.carray(int_scratch(axes), (in_dim, BLOCK))
        high = numba.carray(int_scratch(axes), (in_dim, BLOCK))
        part = numba.carray(float_scratch(axes), (in_dim, BLOCK))
        rows = numba.carray(int_scratch(corners), (2 * pairs, BLOCK))
        weights = numba.carray(float_scratch(weighted), (pairs, BLOCK))
        for start in range(first, end, CHUNK):
            count = min(CHUNK, end - start)
            for axis in range(in_dim):
                _unit(coords, start, count, axis, unit)
                for i in range(count, (count + BLOCK - 1) // BLOCK * BLOCK):
                    unit[axis, i] = _ZERO
            for level in range(len(scales)):
                for block in range(0, count, BLOCK):
                    place(unit, block, scales, levels, level, low, high, part, rows, weights)
                    to = out.ctypes.data + ((start + block) * out.shape[1] + level * features) * 4
                    many = min(BLOCK, count - block)
                    if levels[level, 3]:
                        for i in range(many):
                            blend(features, pairs, 1, table.ctypes.data, rows.ctypes.data + 4 * i,
                                  weights.ctypes.data + 4 * i, part[0, i], to + i * out.shape[1] * 4)
                    else:
                        for i in range(many):
                            blend(features, pairs, 0, table.ctypes.data, rows.ctypes.data + 4 * i,
                                  weights.ctypes.data + 4 * i, part[0, i], to + i * out.shape[1] * 4)

    @no_type_check
    def scatter(worker, workers, coords: F2, given: F2, grad: F2, touched: B1, scales: F1, levels: I2):
        unit = numba.carray(float_scratch(units), (in_dim, CHUNK))
        low = numba.carray(int_scratch(axes), (in_dim, BLOCK))
        high = numba.carray(int_scratch(axes), (in_dim, BLOCK))
        part = numba.carray(float_scratch(axes), (in_dim, BLOCK))
        rows = numba.carray(int_scratch(corners), (2 * pairs, BLOCK))
        weights = numba.carray(float_scratch(weighted), (pairs, BLOCK))
        count_levels = len(scales)
        total = 0
        for level in range(count_levels):
            total += 3 - 2 * levels[level, 3] + 1
        for start in range(0, coords.shape[0], CHUNK):
            count = min(CHUNK, coords.shape[0] - start)
            for axis in range(in_dim):
                _unit(coords, start, count, axis, unit)
                for i in range(count, (count + BLOCK - 1) // BLOCK * BLOCK):
                    unit[axis, i] = _ZERO
            before = 0
            for level in range(count_levels):
                cost = 3 - 2 * levels[level, 3] + 1
                mine = (2 * before + cost) * workers // (2 * total) == worker
                before += cost
                if mine:
                    for block in range(0, count, BLOCK):
                        place(unit, block, scales, levels, level, low, high, part, rows, weights)
                        at = given.ctypes.data + ((start + block) * given.shape[1] + level * features) * 4
                        many = min(BLOCK, count - block)
                        if levels[level, 3]:
                            for i in range(many):
                                add(features, pairs, 1, grad.ctypes.data, touched.ctypes.data,
                                    rows.ctypes.data + 4 * i, weights.ctypes.data + 4 * i, part[0, i],
                                    at + i * given.shape[1] * 4)
                        else:
                            for i in range(many):
                                add(features, pairs, 0, grad.ctypes.data, touched.ctypes.data,
                                    rows.ctypes.data + 4 * i, weights.ctypes.data + 4 * i, part[0, i],
                                    at + i * given.shape[1] * 4)

    key = f"{in_dim} {features} {smooth}"
    return GridStages(Stage(encode, key), Stage(scatter, key))
