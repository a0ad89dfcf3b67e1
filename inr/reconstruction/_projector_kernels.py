"""Joseph's method as compiled loops, forwards and its exact transpose, over a picture and over a volume.

A ray steps along the axis that it runs along most, from one row of samples to the next, and interpolates linearly
across it (Joseph, "An improved algorithm for reprojecting rays through pixel images", IEEE TMI 1982). Forwards every
worker has rays of its own. Backwards every worker has rows of the picture of its own and walks along all rays, as far
as they touch these: each sample's contributions are added in the order of the rays whatever the number of workers.
"""

import math

import numpy as np

from inr.jit import D2, F1, Stage, inline, share

_share = inline(share)
# columns of the table of rays: the axis of the steps; where and how steeply the others are crossed; length of a step
AXIS, BASE, SLOPE, LENGTH, BASE_2, SLOPE_2 = range(6)


@inline
def _steps(base: float, slope: float, low: float, high: float, count: int) -> tuple[int, int]:
    """Steps from 0 to `count` at which base + slope · step lies in [low, high), and perhaps one more at each end."""
    if abs(slope) < 1e-12:
        return (0, count) if low <= base < high else (0, 0)
    first, last = (low - base) / slope, (high - base) / slope
    if first > last:
        first, last = last, first
    return max(0, math.floor(min(first, 1e9)) - 1), min(count, math.ceil(max(last, -1e9)) + 2)


def _project(worker: int, workers: int, rays: D2, picture: F1, found: F1, height: int, width: int) -> None:
    start, stop = _share(len(rays), worker, workers, 16)
    for ray in range(start, stop):
        base, slope = rays[ray, BASE], rays[ray, SLOPE]
        flat = rays[ray, AXIS] == 0.0  # steps along x, from column to column
        across, along = (height, width) if flat else (width, height)
        stride, step = (width, 1) if flat else (1, width)
        first, last = _steps(base, slope, -1.0, float(across), along)
        total = 0.0
        for place in range(first, last):
            position = base + slope * place
            below = math.floor(position)
            part = position - below
            index = below * stride + place * step
            if 0 <= below < across:
                total += (1.0 - part) * picture[index]
            if -1 <= below < across - 1:
                total += part * picture[index + stride]
        found[ray] = np.float32(total * rays[ray, LENGTH])


def _spread(worker: int, workers: int, rays: D2, values: F1, picture: F1, height: int, width: int) -> None:
    low, high = _share(height, worker, workers, 1)
    for index in range(low * width, high * width):
        picture[index] = 0.0
    for ray in range(len(rays)):
        base, slope = rays[ray, BASE], rays[ray, SLOPE]
        value = values[ray] * rays[ray, LENGTH]
        if rays[ray, AXIS] == 0.0:
            first, last = _steps(base, slope, low - 1.0, float(high), width)
            for place in range(first, last):
                position = base + slope * place
                below = math.floor(position)
                part = position - below
                if low <= below < high:
                    picture[below * width + place] += np.float32((1.0 - part) * value)
                if low <= below + 1 < high:
                    picture[(below + 1) * width + place] += np.float32(part * value)
        else:
            first, last = _steps(base, slope, -1.0, float(width), height)
            for place in range(max(first, low), min(last, high)):
                position = base + slope * place
                below = math.floor(position)
                part = position - below
                if 0 <= below < width:
                    picture[place * width + below] += np.float32((1.0 - part) * value)
                if -1 <= below < width - 1:
                    picture[place * width + below + 1] += np.float32(part * value)


@inline
def _solid(axis: int, depth: int, height: int, width: int) -> tuple[int, int, int, int, int, int]:
    """Steps along the axis, and samples along the two others, with the strides of all three.

    The second of the others is the slowest, but for rays that run along it.
    """
    if axis == 0:  # x
        return width, height, depth, 1, width, height * width
    if axis == 1:  # y
        return height, width, depth, width, 1, height * width
    return depth, width, height, height * width, 1, width


def _project_solid(
    worker: int, workers: int, rays: D2, volume: F1, found: F1, depth: int, height: int, width: int
) -> None:
    start, stop = _share(len(rays), worker, workers, 16)
    for ray in range(start, stop):
        along, across, over, step, stride, jump = _solid(int(rays[ray, AXIS]), depth, height, width)
        base, slope, base_2, slope_2 = rays[ray, BASE], rays[ray, SLOPE], rays[ray, BASE_2], rays[ray, SLOPE_2]
        first, last = _steps(base, slope, -1.0, float(across), along)
        first_2, last_2 = _steps(base_2, slope_2, -1.0, float(over), along)
        total = 0.0
        for place in range(max(first, first_2), min(last, last_2)):
            position, position_2 = base + slope * place, base_2 + slope_2 * place
            below, below_2 = math.floor(position), math.floor(position_2)
            part, part_2 = position - below, position_2 - below_2
            for row in range(2):
                weight_2 = part_2 if row else 1.0 - part_2
                if not 0 <= below_2 + row < over:
                    continue
                index = (below_2 + row) * jump + below * stride + place * step
                if 0 <= below < across:
                    total += weight_2 * (1.0 - part) * volume[index]
                if -1 <= below < across - 1:
                    total += weight_2 * part * volume[index + stride]
        found[ray] = np.float32(total * rays[ray, LENGTH])


def _spread_solid(
    worker: int, workers: int, rays: D2, values: F1, volume: F1, depth: int, height: int, width: int
) -> None:
    low, high = _share(depth, worker, workers, 1)
    for index in range(low * height * width, high * height * width):
        volume[index] = 0.0
    for ray in range(len(rays)):
        axis = int(rays[ray, AXIS])
        along, across, over, step, stride, jump = _solid(axis, depth, height, width)
        base, slope, base_2, slope_2 = rays[ray, BASE], rays[ray, SLOPE], rays[ray, BASE_2], rays[ray, SLOPE_2]
        least, most = (0, over) if axis == 2 else (low, high)
        first, last = _steps(base, slope, -1.0, float(across), along)
        first_2, last_2 = _steps(base_2, slope_2, least - 1.0, float(most), along)
        first, last = max(first, first_2), min(last, last_2)
        if axis == 2:
            first, last = max(first, low), min(last, high)
        value = values[ray] * rays[ray, LENGTH]
        for place in range(first, last):
            position, position_2 = base + slope * place, base_2 + slope_2 * place
            below, below_2 = math.floor(position), math.floor(position_2)
            part, part_2 = position - below, position_2 - below_2
            for row in range(2):
                if not least <= below_2 + row < most:
                    continue
                share_2 = value * (part_2 if row else 1.0 - part_2)
                index = (below_2 + row) * jump + below * stride + place * step
                if 0 <= below < across:
                    volume[index] += np.float32((1.0 - part) * share_2)
                if -1 <= below < across - 1:
                    volume[index + stride] += np.float32(part * share_2)


PROJECT, SPREAD = Stage(_project), Stage(_spread)
PROJECT_SOLID, SPREAD_SOLID = Stage(_project_solid), Stage(_spread_solid)
