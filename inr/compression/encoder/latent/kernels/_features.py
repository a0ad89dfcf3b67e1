"""What the entropy model reads of coarser grids, and back: planes that are built from coarse to fine.

A feature of a level is linear in all coarser grids, each number of which stands for a square of the level's parents. So
its plane at the parents' resolution is built from that of the coarsest grid up: twice as large, and the grids of the
next level added. On the way back the plane's gradient is summed over 2x2 squares, and meets the grids of each level at
their own resolution.
"""

import numpy as np

from inr.jit import F1, I2, inline
from inr.jit.vector import POINTERS

# columns of the table of grids: the first number in the vector of all latents, sizes, numbers between padded rows,
# where the first number is among padded ones, level
START, HEIGHT, WIDTH, STRIDE, PLACE, LEVEL = range(6)
# columns of the table of levels with features: where weights and biases are among all parameters, how many inputs there
# are; then where the planes of each level are
WEIGHTS, BIASES, INPUTS, PLANES = range(4)

_at = POINTERS["float32"]
_ZERO = np.float32(0)


@inline
def double(source: int, target: int, first: int, count: int) -> None:
    """`count` numbers from `first` on of a row twice as long: each number of the source twice."""
    row, into = _at(source), _at(target)
    odd = min(first & 1, count)
    if odd:
        into[0] = row[first >> 1]
    begin = (first + odd) >> 1
    for index in range((count - odd) >> 1):
        into[odd + 2 * index] = row[begin + index]
        into[odd + 2 * index + 1] = row[begin + index]
    if (count - odd) & 1:
        into[count - 1] = row[(first + count - 1) >> 1]


@inline
def halve(source: int, target: int, first: int, count: int) -> None:
    """Add numbers that begin at `first` of a row to the row half as long: the way back of `double`."""
    row, into = _at(source), _at(target)
    odd = min(first & 1, count)
    if odd:
        into[first >> 1] += row[0]
    begin = (first + odd) >> 1
    for index in range((count - odd) >> 1):
        into[begin + index] += row[odd + 2 * index] + row[odd + 2 * index + 1]
    if (count - odd) & 1:
        into[(first + count - 1) >> 1] += row[count - 1]


@inline
def _add(weight: np.float32, source: int, target: int, count: int) -> None:
    """target += weight source."""
    row, into = _at(source), _at(target)
    for index in range(count):
        into[index] += weight * row[index]


@inline
def _dot(first: int, second: int, count: int) -> np.float32:
    left, right = _at(first), _at(second)
    total = _ZERO
    for index in range(count):
        total += left[index] * right[index]
    return total


@inline
def _total(first: int, count: int) -> np.float32:
    row = _at(first)
    total = _ZERO
    for index in range(count):
        total += row[index]
    return total


@inline
def plane(levels: I2, grids: I2, row: int, level: int, grid: int, feature: int) -> int:
    """Where a feature's plane at the resolution of a grid is among all planes; `row` is of the table of levels."""
    return levels[row, PLANES + level] + feature * grids[grid, HEIGHT] * grids[grid, WIDTH]


@inline
def blend(
    worker: int, workers: int, rounded: F1, parameters: F1, grids: I2, levels: I2, features: int, planes: F1
) -> None:
    """The features of all levels that have some, at the resolution of their parents."""
    for task in range(worker, levels.shape[0] * features, workers):
        row, feature = task // features, task % features
        inputs = levels[row, INPUTS]
        above, above_width = 0, 0  # the plane of the level above this one
        here, here_width = 0, 0
        for grid in range(inputs):
            height, width, level = grids[grid, HEIGHT], grids[grid, WIDTH], grids[grid, LEVEL]
            if grid == 0 or level != grids[grid - 1, LEVEL]:
                above, above_width = here, here_width
                here, here_width = planes.ctypes.data + 4 * plane(levels, grids, row, level, grid, feature), width
                if grid == 0:
                    start = _at(here)
                    for index in range(height * width):
                        start[index] = parameters[levels[row, BIASES] + feature]
                else:
                    for y in range(height):
                        double(above + 4 * (y >> 1) * above_width, here + 4 * y * width, 0, width)
            weight = parameters[levels[row, WEIGHTS] + feature * inputs + grid]
            _add(weight, rounded.ctypes.data + 4 * grids[grid, START], here, height * width)


def gather(
    worker: int, workers: int, rounded: F1, grids: I2, levels: I2, features: int, gradients: F1, parameter_gradient: F1
) -> None:
    """Gradients of the features' planes at all coarser resolutions, and those of what the features are made with."""
    for task in range(worker, levels.shape[0] * features, workers):
        row, feature = task // features, task % features
        inputs = levels[row, INPUTS]
        below, below_height, below_width = 0, 0, 0
        here, here_height, here_width = 0, 0, 0
        for grid in range(inputs - 1, -1, -1):
            height, width, level = grids[grid, HEIGHT], grids[grid, WIDTH], grids[grid, LEVEL]
            if grid == inputs - 1:
                here = gradients.ctypes.data + 4 * plane(levels, grids, row, level, grid, feature)
                here_height, here_width = height, width
                total = 0.0
                for y in range(height):
                    total += _total(here + 4 * y * width, width)
                parameter_gradient[levels[row, BIASES] + feature] = total
            elif level != grids[grid + 1, LEVEL]:
                below, below_height, below_width = here, here_height, here_width
                here = gradients.ctypes.data + 4 * plane(levels, grids, row, level, grid, feature)
                here_height, here_width = height, width
                into = _at(here)
                for index in range(height * width):
                    into[index] = _ZERO
                for y in range(below_height):
                    halve(below + 4 * y * below_width, here + 4 * (y >> 1) * width, 0, below_width)
            total = 0.0
            values = rounded.ctypes.data + 4 * grids[grid, START]
            for y in range(height):
                total += _dot(values + 4 * y * width, here + 4 * y * width, width)
            parameter_gradient[levels[row, WEIGHTS] + feature * inputs + grid] = total


@inline
def pass_back(
    parameters: F1, grids: I2, levels: I2, features: int, gradients: F1, grid: int, y: int, gradient: int
) -> None:
    """Add to the gradient of row y of a grid what the features of finer grids add to it."""
    width, level = grids[grid, WIDTH], grids[grid, LEVEL]
    for row in range(levels.shape[0]):
        inputs = levels[row, INPUTS]
        if grid >= inputs:
            continue
        for feature in range(features):
            weight = parameters[levels[row, WEIGHTS] + feature * inputs + grid]
            source = gradients.ctypes.data + 4 * (plane(levels, grids, row, level, grid, feature) + y * width)
            _add(weight, source, gradient, width)
