"""The four passes of first derivatives by reverse mode through a network, within a tile.

They go by the names of `ReverseFormula`. A point has a row of values and one for every channel, of the channel's
adjoint on the way down, and of its tangent on the way up.

A pass is an inlined function of a network, a worker's room and the tile's `points`. In all of them `entry` is the
address of the points' features, a row of values and one for each axis; `width` the distance of such rows, in numbers;
`parts` 2 where hidden units are complex; `packed16` and `start16` where the matrices of bfloat16 numbers are, and with
which place in the packed ones they begin; `grads` and `sums` the addresses of the worker's gradients of matrices and of
biases. They give the ticks that activations took.
"""

from typing import Any, NamedTuple

import numpy as np

from inr.engines._cpu._derivative_loops import ReverseLoops
from inr.engines._cpu._network import BACKWARD, BIAS, COLUMNS, FORWARD, GRAD, GRAD_ROW, IN, OUT, ROWS, H, X, Z
from inr.jit import inline
from inr.jit.products import FLOAT32
from inr.jit.vector import POINTERS, ticks

_at = POINTERS["float32"]
_zero, _one = np.float32(0), np.float32(1)
_product, _weight_gradient = FLOAT32


class Room(NamedTuple):
    """Addresses of what a worker has for a tile, in this order, and how many bytes a column of a tile's rows takes.

    A point has 1 + channels rows, of values and of each channel, or those of the channels alone.
    """

    layers: int  # inputs and outputs, in rows of values and of channels
    carried: int  # q of every layer, in rows of channels
    gradient: int  # by a layer's input
    adjoints: int  # of features, in rows of channels
    tangents: int  # the same
    spare: int
    slopes: int  # (points, channels, axes)
    of_all: int  # bytes of a column of all rows
    of_channels: int  # of those of channels alone


class Network(NamedTuple):
    """The layers' table, and addresses of their packed matrices, biases and constants, with the bytes of a row."""

    table: Any
    weights: int
    biases: int
    constants: int
    constants_row: int


@inline
def lift_float32(
    x: int, x_stride: int, forward: int, packed16: int, z: int, z_stride: int, spare: int, points: int, columns: int,
    rows: int,
) -> None:  # fmt: skip
    """What a layer makes of tangents."""
    _product(x, x_stride, forward, z, z_stride, points, columns, rows)


@inline
def reverse_float32(
    z: int, z_stride: int, x: int, x_stride: int, height: int, grad: int, gradient: int, backward: int, packed16: int,
    spare: int, points: int, columns: int, rows: int,
) -> None:  # fmt: skip
    """Through a layer: from the gradients z of all rows to that of its weights, and from the values' to that of x."""
    _weight_gradient(z, z_stride, x, x_stride, grad, columns, points * height, columns, rows)
    _product(z, height * z_stride, backward, gradient, x_stride, points, rows, columns)


@inline
def find_slopes(
    entry: int, width: int, down: int, slopes: int, points: int, columns: int, channels: int, axes: int
) -> None:
    """Derivatives by axes: adjoints of features, times the features' own."""
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
def set_tangents(
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
    """The adjoint of every channel at the outputs, in the channel's row: 1 for itself."""
    for point in range(points):
        for channel in range(channels):
            row = _at(z + 4 * (point * (1 + channels) + 1 + channel) * stride)
            for unit in range(units):
                row[unit] = _zero
            row[channel] = _one


def forward_pass(first: ReverseLoops, hidden: ReverseLoops, channels: int) -> Any:
    """The first pass: values through all layers."""
    forward_first, forward_hidden = first.forward, hidden.forward
    height = 1 + channels

    @inline
    def forward(network: Network, room: Room, entry: int, entry_stride: int, points: int, parts: int) -> int:
        table, spent = network.table, 0
        last = table.shape[0] - 1
        for layer in range(last + 1):
            x = entry if layer == 0 else room.layers + room.of_all * table[layer, X]
            x_stride = entry_stride if layer == 0 else height * table[layer, IN]
            z, stride = room.layers + room.of_all * table[layer, Z], table[layer, OUT]
            columns, units = table[layer, COLUMNS], table[layer, ROWS]
            matrix = network.weights + 4 * table[layer, FORWARD]
            _product(x, x_stride, matrix, z, height * stride, points, columns, units)
            if layer < last:
                now = ticks()
                bias = network.biases + 4 * table[layer, BIAS]
                numbers = network.constants + layer * network.constants_row
                h = room.layers + room.of_all * table[layer, H]
                q = room.carried + room.of_channels * (table[layer, Z] // 2)
                if layer == 0:
                    forward_first(z, stride, h, stride, q, stride, points, units, bias, numbers)
                else:
                    forward_hidden(z, stride, h, stride, q, stride, points, units // parts, bias, numbers)
                spent += ticks() - now
        return spent

    return forward


def adjoint_pass(first: ReverseLoops, hidden: ReverseLoops, channels: int) -> Any:
    """The second pass: the channels' adjoints from the outputs to the features."""
    adjoint_first, adjoint_hidden = first.adjoint, hidden.adjoint
    height = 1 + channels

    @inline
    def adjoint(network: Network, room: Room, width: int, points: int, parts: int) -> int:
        table, spent = network.table, 0
        last = table.shape[0] - 1
        _ends(room.layers + room.of_all * table[last, Z], table[last, OUT], points, table[last, ROWS], channels)
        for layer in range(last, -1, -1):
            z, stride = room.layers + room.of_all * table[layer, Z], table[layer, OUT]
            units, wide = table[layer, ROWS], table[layer, GRAD_ROW]
            matrix = network.weights + 4 * table[layer, BACKWARD]
            to = room.gradient if layer > 0 else room.adjoints
            to_stride = table[layer, IN] if layer > 0 else width
            for channel in range(channels):
                _product(
                    z + 4 * (1 + channel) * stride, height * stride, matrix, to + 4 * channel * to_stride,
                    channels * to_stride, points, units, wide,
                )  # fmt: skip
            if layer > 0:
                now = ticks()
                below = layer - 1
                z, stride, units = room.layers + room.of_all * table[below, Z], table[below, OUT], table[below, ROWS]
                h = room.layers + room.of_all * table[below, H]
                q = room.carried + room.of_channels * (table[below, Z] // 2)
                numbers = network.constants + below * network.constants_row
                if below == 0:
                    adjoint_first(z, stride, h, stride, q, stride, to, to_stride, points, units, numbers)
                else:
                    adjoint_hidden(z, stride, h, stride, q, stride, to, to_stride, points, units // parts, numbers)
                spent += ticks() - now
        return spent

    return adjoint


def tangent_pass(first: ReverseLoops, hidden: ReverseLoops, channels: int, lift: Any) -> Any:
    """The third pass: the channels' tangents from the features to the last layer's input."""
    tangent_first, tangent_hidden = first.tangent, hidden.tangent
    height = 1 + channels

    @inline
    def tangent(
        network: Network, room: Room, width: int, points: int, parts: int, packed16: int, start16: int
    ) -> int:  # fmt: skip
        table, spent = network.table, 0
        for layer in range(table.shape[0] - 1):
            x = room.tangents if layer == 0 else room.layers + room.of_all * table[layer, X] + 4 * table[layer, IN]
            x_stride = channels * width if layer == 0 else height * table[layer, IN]
            x_step = width if layer == 0 else table[layer, IN]
            z, h = room.layers + room.of_all * table[layer, Z], room.layers + room.of_all * table[layer, H]
            stride, columns, units = table[layer, OUT], table[layer, COLUMNS], table[layer, ROWS]
            place = table[layer, FORWARD]
            for channel in range(channels):
                source, to = x + 4 * channel * x_step, h + 4 * (1 + channel) * stride
                if layer == 0:
                    matrix = network.weights + 4 * place
                    _product(source, x_stride, matrix, to, height * stride, points, columns, units)
                else:
                    lift(
                        source, x_stride, network.weights + 4 * place, packed16 + 2 * (place - start16), to,
                        height * stride, room.spare, points, columns, units,
                    )  # fmt: skip
            now = ticks()
            q = room.carried + room.of_channels * (table[layer, Z] // 2)
            numbers = network.constants + layer * network.constants_row
            if layer == 0:
                tangent_first(z, stride, h, stride, q, stride, points, units, numbers)
            else:
                tangent_hidden(z, stride, h, stride, q, stride, points, units // parts, numbers)
            spent += ticks() - now
        return spent

    return tangent


def backward_pass(first: ReverseLoops, hidden: ReverseLoops, channels: int, pass_back: Any) -> Any:
    """The fourth pass: gradients of values down to the first layer's outputs, and those of all matrices above it."""
    backward_first, backward_hidden = first.backward, hidden.backward
    height = 1 + channels

    @inline
    def backward(
        network: Network, room: Room, points: int, parts: int, packed16: int, start16: int, grads: int, sums: int
    ) -> int:  # fmt: skip
        table, spent = network.table, 0
        for layer in range(table.shape[0] - 1, 0, -1):
            x, x_stride = room.layers + room.of_all * table[layer, X], table[layer, IN]
            z, stride = room.layers + room.of_all * table[layer, Z], table[layer, OUT]
            place = table[layer, BACKWARD]
            pass_back(
                z, stride, x, x_stride, height, grads + 4 * table[layer, GRAD], room.gradient,
                network.weights + 4 * place, packed16 + 2 * (place - start16), room.spare, points,
                table[layer, GRAD_ROW], table[layer, ROWS],
            )  # fmt: skip
            now = ticks()
            below = layer - 1
            z, stride, units = room.layers + room.of_all * table[below, Z], table[below, OUT], table[below, ROWS]
            q = room.carried + room.of_channels * (table[below, Z] // 2)
            numbers = network.constants + below * network.constants_row
            total = sums + 4 * table[below, BIAS]
            if below == 0:
                backward_first(
                    z, stride, x, x_stride, q, stride, room.gradient, x_stride, points, units, total, numbers
                )
            else:
                backward_hidden(
                    z, stride, x, x_stride, q, stride, room.gradient, x_stride, points, units // parts, total, numbers
                )
            spent += ticks() - now
        return spent

    return backward


@inline
def into_features(
    network: Network, room: Room, entry: int, width: int, axes: int, channels: int, points: int, grads: int,
    pass_on: int,
) -> None:  # fmt: skip
    """Through the first layer: the gradient of its matrix and, with `pass_on`, those of the features in their place."""
    table, height = network.table, 1 + channels
    z, stride, units = room.layers + room.of_all * table[0, Z], table[0, OUT], table[0, ROWS]
    wide, grad, entry_stride = table[0, GRAD_ROW], grads + 4 * table[0, GRAD], (1 + axes) * width
    _weight_gradient(z, height * stride, entry, entry_stride, grad, wide, points, wide, units)
    for channel in range(channels):
        _weight_gradient(
            z + 4 * (1 + channel) * stride, height * stride, room.tangents + 4 * channel * width, channels * width,
            grad, wide, points, wide, units,
        )  # fmt: skip
    if pass_on:
        matrix = network.weights + 4 * table[0, BACKWARD]
        _product(z, height * stride, matrix, entry, entry_stride, points, units, wide)
        _pass_on(entry, width, room.adjoints, room.slopes, points, table[0, COLUMNS], channels, axes)
