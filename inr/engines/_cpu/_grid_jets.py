"""Grid encodings with derivatives as stages: planes of features, and the gradient of the table from those of planes.

As the stages of `_grid`, level by level over chunks of points; every row is read, or added to, once for all planes.
Points are placed in the lattice here, as `inr.encodings.HashGrid.placed_in` does.
"""

import functools
from typing import no_type_check

import numba
import numpy as np

from inr.engines._cpu._corner_jets import Derivatives, jet_block
from inr.engines._cpu._corners import BLOCK, CHUNK
from inr.engines._cpu._grid import flags_of, placed
from inr.jit import B1, F1, F2, I2, Stage, exact, inline, share
from inr.jit.vector import float_scratch

_ONE, _HALF, _ZERO = (np.float32(number) for number in (1, 0.5, 0))
_share = inline(share)


@exact
@no_type_check
def _fill(coords, start, count, last_share, unit, reach):
    """Points in the lattice, in [0, 1], and how far a unit of [-1, 1] takes them there, an axis after the other."""
    share, less = np.float32(last_share), np.float32(last_share - 1)
    for axis in range(coords.shape[1]):
        short = axis == coords.shape[1] - 1
        step = _HALF * share if short else _HALF
        for i in range(count):
            x = coords[start + i, axis]
            reach[axis, i] = step if x >= -_ONE and x <= _ONE else _ZERO
            x = placed(x, share, less) if short else x
            x = -_ONE if x < -_ONE else x  # what is not a number stays that
            x = _ONE if x > _ONE else x
            unit[axis, i] = x * _HALF + _HALF
        for i in range(count, min((count + BLOCK - 1) // BLOCK * BLOCK, unit.shape[1])):
            unit[axis, i] = _ZERO
            reach[axis, i] = _ZERO


@functools.cache
@no_type_check
def encode_jet(in_dim: int, features: int, smoothness: int, wanted: Derivatives) -> Stage:
    """The stage that writes the planes of points' features: themselves, first derivatives, operators of second order.

    Its arguments: coords (n, in_dim), table (entries, features), out (n x planes, stride), of which it writes the first
    levels x features columns of row point x planes + plane; `factors` of the operators, see `Derivatives`; last_share,
    see `inr.encodings.HashGrid`; and `_grid.level_table`. Points are shared over workers.
    """
    units, planes = in_dim * CHUNK, wanted.planes
    adjacent_block = jet_block(in_dim, features, smoothness, True, wanted, False)
    hashed_block = jet_block(in_dim, features, smoothness, False, wanted, False)

    @exact
    def blend(adjacent, at, scale, last, offset, mask, rows, to, stride, count, reach, factors, plane_stride):
        if adjacent:
            adjacent_block(at, scale, last, offset, mask, rows, 0, to, stride, count, reach, factors, plane_stride)
        else:
            hashed_block(at, scale, last, offset, mask, rows, 0, to, stride, count, reach, factors, plane_stride)

    def encode_jet(
        worker, workers, coords: F2, table: F2, out: F2, factors: F1, last_share: float, scales: F1, levels: I2
    ):
        unit = numba.carray(float_scratch(units), (in_dim, CHUNK))
        reach = numba.carray(float_scratch(units), (in_dim, CHUNK))
        begin, end = _share(len(coords), worker, workers, BLOCK)
        rows, plane_stride, by = table.ctypes.data, 4 * out.shape[1], factors.ctypes.data
        stride = planes * plane_stride
        for start in range(begin, end, CHUNK):
            size = min(CHUNK, end - start)
            _fill(coords, start, size, last_share, unit, reach)
            for level in range(len(scales)):
                scale, last, offset, mask = scales[level], levels[level, 0], levels[level, 1], levels[level, 2]
                for first in range(0, size, BLOCK):
                    at, far = unit.ctypes.data + 4 * first, reach.ctypes.data + 4 * first
                    count = min(BLOCK, size - first)
                    to = out.ctypes.data + (start + first) * stride + 4 * features * level
                    blend(
                        levels[level, 3], at, scale, last, offset, mask, rows, to, stride, count, far, by, plane_stride
                    )

    return Stage(encode_jet, f"{in_dim} {features} {smoothness} {wanted}", "encoding")


@functools.cache
@no_type_check
def scatter_jet(in_dim: int, features: int, smoothness: int, wanted: Derivatives) -> Stage:
    """The stage that adds the gradient of the table, from those of all planes.

    Its arguments: coords (n, in_dim); given (n x planes, stride), the gradients of what `encode_jet` writes; grad
    (entries, features) and `touched`, as those of `_grid.scatter`; and the rest as of `encode_jet`. A level belongs to
    one worker, which adds in the order of the points: the same bits for any number of workers.
    """
    units, planes, corners = in_dim * CHUNK, wanted.planes, 2**in_dim
    adjacent_block = jet_block(in_dim, features, smoothness, True, wanted, True)
    hashed_block = jet_block(in_dim, features, smoothness, False, wanted, True)

    @exact
    def add(adjacent, at, scale, last, offset, mask, rows, flags, of, stride, count, reach, factors, plane_stride):
        if adjacent:
            adjacent_block(at, scale, last, offset, mask, rows, flags, of, stride, count, reach, factors, plane_stride)
        else:
            hashed_block(at, scale, last, offset, mask, rows, flags, of, stride, count, reach, factors, plane_stride)

    def scatter_jet(
        worker, workers, coords: F2, given: F2, grad: F2, touched: B1, factors: F1, last_share: float, scales: F1,
        levels: I2,
    ):  # fmt: skip
        unit = numba.carray(float_scratch(units), (in_dim, CHUNK))
        reach = numba.carray(float_scratch(units), (in_dim, CHUNK))
        rows, plane_stride, by = grad.ctypes.data, 4 * given.shape[1], factors.ctypes.data
        stride = planes * plane_stride
        for start in range(0, len(coords), CHUNK):
            size = min(CHUNK, len(coords) - start)
            _fill(coords, start, size, last_share, unit, reach)
            for level in range(len(scales)):
                if level * workers // len(scales) != worker:
                    continue
                scale, last, offset, mask = scales[level], levels[level, 0], levels[level, 1], levels[level, 2]
                flags = flags_of(level, start == 0, corners * len(coords), grad, touched, levels)
                for first in range(0, size, BLOCK):
                    at, far = unit.ctypes.data + 4 * first, reach.ctypes.data + 4 * first
                    count = min(BLOCK, size - first)
                    of = given.ctypes.data + (start + first) * stride + 4 * features * level
                    add(
                        levels[level, 3], at, scale, last, offset, mask, rows, flags, of, stride, count, far, by,
                        plane_stride,
                    )  # fmt: skip

    return Stage(scatter_jet, f"{in_dim} {features} {smoothness} {wanted}", "encoding")
