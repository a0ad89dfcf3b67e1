"""Networks with first derivatives in reverse as a stage: up, down, up, down within a tile.

Of few channels that is cheaper than a plane for every axis: see `ReverseFormula`. A point has a row of values and one
for every channel, of the channel's gradient on the way down, and of its tangent on the way up.
"""

import numpy as np

from inr.engines._cpu._bfloat16 import lift_bfloat16, reverse_bfloat16
from inr.engines._cpu._derivative_loops import ReverseLoops
from inr.engines._cpu._network import BACKWARD, BIAS, COLUMNS, FORWARD, GRAD, GRAD_ROW, IN, OUT, ROWS, H, X, Z, widest
from inr.engines._cpu._network import book as _book
from inr.engines._cpu._planes_network import FIRST, OUTPUTS, POINTS, SHIFTS, SLOPES, STRIDE, SUMS
from inr.jit import F1, F2, I2, Stage, inline, share
from inr.jit.products import FLOAT32
from inr.jit.vector import POINTERS, call_stage, ticks

_at = POINTERS["float32"]
_zero, _one = np.float32(0), np.float32(1)
_share = inline(share)
_product, _weight_gradient = FLOAT32


def reverse_room(per_point: int, widest: int, features: int, channels: int, axes: int) -> int:
    """Numbers that a point of a tile takes in all; see the stage for their order."""
    carried = per_point // 2 + widest + 2 * features + axes
    return (1 + channels) * (per_point + widest) + channels * carried


@inline
def _lift(
    x: int, x_stride: int, forward: int, packed16: int, z: int, z_stride: int, spare: int, points: int, columns: int,
    rows: int,
) -> None:  # fmt: skip
    """What a layer makes of tangents."""
    _product(x, x_stride, forward, z, z_stride, points, columns, rows)


@inline
def _back(
    z: int, z_stride: int, x: int, x_stride: int, height: int, grad: int, gradient: int, backward: int, packed16: int,
    spare: int, points: int, columns: int, rows: int,
) -> None:  # fmt: skip
    """Through a layer: from the gradients z of all rows to those of its weights, and from the values' to those of x."""
    _weight_gradient(z, z_stride, x, x_stride, grad, columns, points * height, columns, rows)
    _product(z, height * z_stride, backward, gradient, x_stride, points, rows, columns)


@inline
def _slopes(
    entry: int, width: int, down: int, slopes: int, points: int, columns: int, channels: int, axes: int
) -> None:
    """Derivatives by axes: gradients by features, times the features' own."""
    for point in range(points):
        found = _at(slopes + 4 * point * channels * axes)
        for channel in range(channels):
            gradient = _at(down + 4 * (point * channels + channel) * width)
            for axis in range(axes):
                feature = _at(entry + 4 * (point * (1 + axes) + 1 + axis) * width)
                total = _zero
                for column in range(columns):
                    total += gradient[column] * feature[column]
                found[channel * axes + axis] = total


@inline
def _tangents(
    entry: int, width: int, up: int, slopes: int, points: int, columns: int, channels: int, axes: int
) -> None:
    """The features' derivatives along the gradients of the loss by the slopes."""
    for point in range(points):
        along = _at(slopes + 4 * point * channels * axes)
        for channel in range(channels):
            tangent = _at(up + 4 * (point * channels + channel) * width)
            for column in range(columns):
                tangent[column] = _zero
            for axis in range(axes):
                feature = _at(entry + 4 * (point * (1 + axes) + 1 + axis) * width)
                step = along[channel * axes + axis]
                for column in range(columns):
                    tangent[column] += step * feature[column]


@inline
def _pass_on(
    entry: int, width: int, down: int, slopes: int, points: int, columns: int, channels: int, axes: int
) -> None:
    """Gradients by the features' derivatives, in their place."""
    for point in range(points):
        along = _at(slopes + 4 * point * channels * axes)
        for axis in range(axes):
            feature = _at(entry + 4 * (point * (1 + axes) + 1 + axis) * width)
            for column in range(columns):
                feature[column] = _zero
            for channel in range(channels):
                gradient = _at(down + 4 * (point * channels + channel) * width)
                step = along[channel * axes + axis]
                for column in range(columns):
                    feature[column] += step * gradient[column]


@inline
def _ends(z: int, stride: int, points: int, units: int, channels: int) -> None:
    """The gradient of every channel by the outputs, in the channel's row."""
    for point in range(points):
        for channel in range(channels):
            row = _at(z + 4 * (point * (1 + channels) + 1 + channel) * stride)
            for unit in range(units):
                row[unit] = _zero
            row[channel] = _one


def reverse_stage(first: ReverseLoops, hidden: ReverseLoops, channels: int, bfloat16: bool) -> Stage:
    """The stage of networks of so many channels: `first` for the first layer's activation, `hidden` for the others.

    With `bfloat16`, products that only gradients come of are of bfloat16 numbers in all layers but the first: those of
    tangents, and of the last way down.
    """
    lift, pass_back = (lift_bfloat16, reverse_bfloat16) if bfloat16 else (_lift, _back)
    up_first, up_hidden, down_first, down_hidden = first.up, hidden.up, first.down, hidden.down
    tangent_first, tangent_hidden, back_first, back_hidden = first.tangent, hidden.tangent, first.back, hidden.back
    height = 1 + channels  # rows of a point

    def walk(
        worker: int, workers: int, features: F2, count: int, pass_on: int, learning: int, last_step: int,
        arguments: int, records: I2, table: I2, constants: F2, packed: F1, biases: F1, tiles: F2, tile: int,
        parts: int, axes: int, packed16: F1, start16: int, grads: F2, bias_grads: F2, clocks: I2,
    ) -> None:  # fmt: skip
        """As `planes_stage`; features have a row of values and one for each of the axes.

        The last step finds the slopes (points, channels, axes), and leaves the gradients of the loss by them.
        """
        begin = ticks()
        spent = 0
        start, stop = _share(count, worker, workers, tile)
        last = table.shape[0] - 1
        weights, offsets = packed.ctypes.data, biases.ctypes.data
        into, sums = grads.ctypes.data + 4 * worker * grads.shape[1], bias_grads.ctypes.data
        sums += 4 * worker * bias_grads.shape[1]
        width = features.shape[1]
        unit = 4 * tile * height  # bytes of a column of all rows
        here = tiles.ctypes.data + 4 * worker * tiles.shape[1]
        per_point = table[last, Z] + table[last, OUT]
        carried = here + unit * per_point  # q of every layer
        gradient = carried + 4 * tile * channels * (per_point // 2)
        above = widest(table)
        downs = gradient + 4 * tile * channels * above  # gradients by features
        ups = downs + 4 * tile * channels * width  # tangents of features
        spare = ups + 4 * tile * channels * width
        slopes = spare + unit * above
        for point in range(start, stop, tile):
            points = min(tile, stop - point)
            entry = features.ctypes.data + 4 * point * (1 + axes) * width
            for layer in range(last + 1):
                x = entry if layer == 0 else here + unit * table[layer, X]
                x_stride = (1 + axes) * width if layer == 0 else height * table[layer, IN]
                z, stride = here + unit * table[layer, Z], table[layer, OUT]
                columns, units = table[layer, COLUMNS], table[layer, ROWS]
                forward = weights + 4 * table[layer, FORWARD]
                _product(x, x_stride, forward, z, height * stride, points, columns, units)
                if layer < last:
                    now = ticks()
                    bias = offsets + 4 * table[layer, BIAS]
                    numbers = constants.ctypes.data + 4 * layer * constants.shape[1]
                    h, q = here + unit * table[layer, H], carried + 4 * tile * channels * (table[layer, Z] // 2)
                    if layer == 0:
                        up_first(z, stride, h, stride, q, stride, points, units, bias, numbers)
                    else:
                        up_hidden(z, stride, h, stride, q, stride, points, units // parts, bias, numbers)
                    spent += ticks() - now
            _ends(here + unit * table[last, Z], table[last, OUT], points, table[last, ROWS], channels)
            for layer in range(last, -1, -1):
                z, stride = here + unit * table[layer, Z], table[layer, OUT]
                units, wide, backward = table[layer, ROWS], table[layer, GRAD_ROW], weights + 4 * table[layer, BACKWARD]
                to = gradient if layer > 0 else downs
                to_stride = table[layer, IN] if layer > 0 else width
                for channel in range(channels):
                    _product(
                        z + 4 * (1 + channel) * stride, height * stride, backward, to + 4 * channel * to_stride,
                        channels * to_stride, points, units, wide,
                    )  # fmt: skip
                if layer > 0:
                    now = ticks()
                    below, stride, units = (
                        here + unit * table[layer - 1, Z],
                        table[layer - 1, OUT],
                        table[layer - 1, ROWS],
                    )
                    h = here + unit * table[layer - 1, H]
                    q = carried + 4 * tile * channels * (table[layer - 1, Z] // 2)
                    numbers = constants.ctypes.data + 4 * (layer - 1) * constants.shape[1]
                    if layer == 1:
                        down_first(below, stride, h, stride, q, stride, to, to_stride, points, units, numbers)
                    else:
                        down_hidden(below, stride, h, stride, q, stride, to, to_stride, points, units // parts, numbers)
                    spent += ticks() - now
            _slopes(entry, width, downs, slopes, points, table[0, COLUMNS], channels, axes)
            records[worker, OUTPUTS], records[worker, STRIDE] = here + unit * table[last, Z], table[last, OUT]
            records[worker, POINTS], records[worker, FIRST] = points, point
            records[worker, SHIFTS] = offsets + 4 * table[last, BIAS]
            records[worker, SUMS] = sums + 4 * table[last, BIAS]
            records[worker, SLOPES] = slopes
            call_stage(last_step, arguments, records.ctypes.data + 8 * worker * records.shape[1], worker)
            if learning == 0:
                continue
            _tangents(entry, width, ups, slopes, points, table[0, COLUMNS], channels, axes)
            for layer in range(last):
                x = ups if layer == 0 else here + unit * table[layer, X] + 4 * table[layer, IN]
                x_stride = channels * width if layer == 0 else height * table[layer, IN]
                x_step = width if layer == 0 else table[layer, IN]
                z, h, stride = here + unit * table[layer, Z], here + unit * table[layer, H], table[layer, OUT]
                columns, units = table[layer, COLUMNS], table[layer, ROWS]
                forward = table[layer, FORWARD]
                for channel in range(channels):
                    source, to = x + 4 * channel * x_step, h + 4 * (1 + channel) * stride
                    if layer == 0:
                        _product(source, x_stride, weights + 4 * forward, to, height * stride, points, columns, units)
                    else:
                        lift(
                            source, x_stride, weights + 4 * forward, packed16.ctypes.data + 2 * (forward - start16),
                            to, height * stride, spare, points, columns, units,
                        )  # fmt: skip
                now = ticks()
                q = carried + 4 * tile * channels * (table[layer, Z] // 2)
                numbers = constants.ctypes.data + 4 * layer * constants.shape[1]
                if layer == 0:
                    tangent_first(z, stride, h, stride, q, stride, points, units, numbers)
                else:
                    tangent_hidden(z, stride, h, stride, q, stride, points, units // parts, numbers)
                spent += ticks() - now
            for layer in range(last, 0, -1):
                x, x_stride = here + unit * table[layer, X], table[layer, IN]
                z, stride = here + unit * table[layer, Z], table[layer, OUT]
                wide, units = table[layer, GRAD_ROW], table[layer, ROWS]
                backward = table[layer, BACKWARD]
                pass_back(
                    z, stride, x, x_stride, height, into + 4 * table[layer, GRAD], gradient, weights + 4 * backward,
                    packed16.ctypes.data + 2 * (backward - start16), spare, points, wide, units,
                )  # fmt: skip
                now = ticks()
                below, stride, units = here + unit * table[layer - 1, Z], table[layer - 1, OUT], table[layer - 1, ROWS]
                q = carried + 4 * tile * channels * (table[layer - 1, Z] // 2)
                numbers = constants.ctypes.data + 4 * (layer - 1) * constants.shape[1]
                total = sums + 4 * table[layer - 1, BIAS]
                if layer == 1:
                    back_first(below, stride, x, x_stride, q, stride, gradient, x_stride, points, units, total, numbers)
                else:
                    back_hidden(
                        below, stride, x, x_stride, q, stride, gradient, x_stride, points, units // parts, total,
                        numbers,
                    )  # fmt: skip
                spent += ticks() - now
            z, stride, units = here + unit * table[0, Z], table[0, OUT], table[0, ROWS]
            wide, grad = table[0, GRAD_ROW], into + 4 * table[0, GRAD]
            _weight_gradient(z, height * stride, entry, (1 + axes) * width, grad, wide, points, wide, units)
            for channel in range(channels):
                _weight_gradient(
                    z + 4 * (1 + channel) * stride, height * stride, ups + 4 * channel * width, channels * width,
                    grad, wide, points, wide, units,
                )  # fmt: skip
            if pass_on:
                _product(
                    z, height * stride, weights + 4 * table[0, BACKWARD], entry, (1 + axes) * width, points, units, wide
                )
                _pass_on(entry, width, downs, slopes, points, table[0, COLUMNS], channels, axes)
        _book(clocks, worker, begin, spent)

    return Stage(walk, f"{first.source}{hidden.source}{channels} {bfloat16}", "network")
