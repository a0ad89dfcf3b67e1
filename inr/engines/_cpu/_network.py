"""Networks as stages: a tile of points walks through all layers, and back, while it stays in cache.

`_layout` describes the layers. A tile's buffers hold, for every layer but the first, its input, and for every layer
what its matrix gave, which becomes what the way back needs, and then the gradient.
"""

from typing import Any, NamedTuple

import numpy as np

from inr.engines._cpu._activations import Loops
from inr.engines._cpu._bfloat16 import back_bfloat16
from inr.engines._cpu._losses import Loss
from inr.jit import D2, F1, F2, I2, Stage, inline, share
from inr.jit.products import FLOAT32
from inr.jit.vector import POINTERS, ticks

# columns of Layout.table: sizes of a layer's matrix, distances of points in its input and output, places of its
# packed matrices, bias and gradient, distance of rows in that; places of input, output and activation in a tile
COLUMNS, ROWS, IN, OUT, FORWARD, BACKWARD, BIAS, GRAD, GRAD_ROW, X, Z, H = range(12)
# columns of the clocks of a worker
PRODUCTS, ACTIVATIONS = range(2)

_at = POINTERS["float32"]
_zero, _one = np.float32(0), np.float32(1)
_share = inline(share)
_product, _weight_gradient = FLOAT32


class NetworkStages(NamedTuple):
    """What a network is run with; see the functions of these names."""

    forward: Stage
    learn: Stage


def network_stages(first: Loops, hidden: Loops, bfloat16: bool, loss: Loss) -> NetworkStages:
    """The stages of networks with an activation: `first` for the first layer, `hidden` for the others.

    With `bfloat16`, products on the way back are of bfloat16 numbers in all layers but the first.
    """
    key = first.source + hidden.source
    return NetworkStages(
        Stage(_make_forward(first, hidden), key, "evaluation"),
        Stage(
            _make_learn(first, hidden, back_bfloat16 if bfloat16 else back, loss.loop),
            f"{key} {bfloat16}{loss.source}",
            "network",
        ),
    )


@inline
def back(
    z: int, z_stride: int, x: int, x_stride: int, grad: int, gradient: int, backward: int, packed16: int, spare: int,
    points: int, columns: int, rows: int,
) -> None:  # fmt: skip
    """Through a layer: from the gradient z of its outputs to those of its weights and of its input x."""
    _weight_gradient(z, z_stride, x, x_stride, grad, columns, points, columns, rows)
    _product(z, z_stride, backward, gradient, x_stride, points, rows, columns)


@inline
def widest(table: Any) -> int:
    """The longest distance of points in the inputs and outputs of all layers but the first one's input."""
    most = 0
    for layer in range(table.shape[0]):
        most = max(most, table[layer, OUT])
    return most


def _make_forward(first: Loops, hidden: Loops) -> Any:
    """The function of a forward stage."""
    value_first, value_hidden = first.value, hidden.value

    def forward(
        worker: int, workers: int, features: F2, count: int, values: F2, table: I2, constants: F2, packed: F1,
        biases: F1, tiles: F2, tile: int, planes: int,
    ) -> None:  # fmt: skip
        """Values (count, channels) of features (count, …)."""
        start, stop = _share(count, worker, workers, tile)
        layers, channels = table.shape[0], values.shape[1]
        here = tiles.ctypes.data + 4 * worker * tiles.shape[1]
        half = 2 * tiles.shape[1]  # bytes of one of the two buffers that take turns
        weights, offsets = packed.ctypes.data, biases.ctypes.data
        for point in range(start, stop, tile):
            points = min(tile, stop - point)
            x = features.ctypes.data + 4 * point * features.shape[1]
            x_stride = features.shape[1]
            for layer in range(layers):
                z = here + half * (layer & 1)
                z_stride, columns, rows = table[layer, OUT], table[layer, COLUMNS], table[layer, ROWS]
                _product(x, x_stride, weights + 4 * table[layer, FORWARD], z, z_stride, points, columns, rows)
                if layer < layers - 1:
                    bias = offsets + 4 * table[layer, BIAS]
                    numbers = constants.ctypes.data + 4 * layer * constants.shape[1]
                    if layer == 0:
                        value_first(z, z_stride, points, rows, bias, numbers)
                    else:
                        value_hidden(z, z_stride, points, rows // planes, bias, numbers)
                x, x_stride = z, z_stride
            bias_row = _at(offsets + 4 * table[layers - 1, BIAS])
            for row in range(points):
                outputs = _at(x + 4 * row * x_stride)
                for channel in range(channels):
                    values[point + row, channel] = outputs[channel] + bias_row[channel]

    return forward


@inline
def book(clocks: Any, worker: int, begin: int, spent: int) -> None:
    """Book a stage's time: activations apart, the rest as products."""
    clocks[worker, PRODUCTS] += ticks() - begin - spent
    clocks[worker, ACTIVATIONS] += spent


def _make_learn(first: Loops, hidden: Loops, pass_back: Any, to_loss: Any) -> Any:
    """The function of a learning stage."""
    learn_first, learn_hidden, backward_first, backward_hidden = (
        first.learn,
        hidden.learn,
        first.backward,
        hidden.backward,
    )

    def learn(
        worker: int, workers: int, features: F2, count: int, pass_on: int, targets: F2, importance: F2,
        added: F2, loss_numbers: F2, residuals: F2, at: int, scale: float,
        table: I2, constants: F2, packed: F1, packed16: F1, start16: int,
        biases: F1, tiles: F2, tile: int, planes: int, spare: int, grads: F2, bias_grads: F2, losses: D2, clocks: I2,
    ) -> None:  # fmt: skip
        """Residuals of `count` points, and what they add to the loss and to the gradients of the weights.

        With `pass_on` their features are replaced by the loss's gradient in them.
        """
        begin = ticks()
        spent = 0
        start, stop = _share(count, worker, workers, tile)
        last = table.shape[0] - 1
        here = tiles.ctypes.data + 4 * worker * tiles.shape[1]
        gradient = here + 4 * tile * (table[last, Z] + table[last, OUT])  # of the layer above's input
        weights, offsets = packed.ctypes.data, biases.ctypes.data
        into, sums = grads.ctypes.data + 4 * worker * grads.shape[1], bias_grads.ctypes.data
        sums += 4 * worker * bias_grads.shape[1]
        loss = 0.0
        for point in range(start, stop, tile):
            points = min(tile, stop - point)
            entry = features.ctypes.data + 4 * point * features.shape[1]
            for layer in range(last + 1):
                x = entry if layer == 0 else here + 4 * tile * table[layer, X]
                x_stride = features.shape[1] if layer == 0 else table[layer, IN]
                z, z_stride = here + 4 * tile * table[layer, Z], table[layer, OUT]
                columns, rows = table[layer, COLUMNS], table[layer, ROWS]
                _product(x, x_stride, weights + 4 * table[layer, FORWARD], z, z_stride, points, columns, rows)
                if layer < last:
                    now = ticks()
                    bias = offsets + 4 * table[layer, BIAS]
                    numbers = constants.ctypes.data + 4 * layer * constants.shape[1]
                    h = here + 4 * tile * table[layer, H]
                    if layer == 0:
                        learn_first(z, z_stride, h, z_stride, points, rows, bias, numbers)
                    else:
                        learn_hidden(z, z_stride, h, z_stride, points, rows // planes, bias, numbers)
                    spent += ticks() - now
            loss += to_loss(
                here + 4 * tile * table[last, Z], table[last, OUT], points, offsets + 4 * table[last, BIAS],
                sums + 4 * table[last, BIAS], targets, importance, added, loss_numbers, residuals,
                point, at, scale,
            )  # fmt: skip
            for layer in range(last, 0, -1):
                x, x_stride = here + 4 * tile * table[layer, X], table[layer, IN]
                z, z_stride = here + 4 * tile * table[layer, Z], table[layer, OUT]
                backward = table[layer, BACKWARD]
                pass_back(
                    z, z_stride, x, x_stride, into + 4 * table[layer, GRAD], gradient, weights + 4 * backward,
                    packed16.ctypes.data + 2 * (backward - start16), here + 4 * spare,
                    points, table[layer, GRAD_ROW], table[layer, ROWS],
                )  # fmt: skip
                now = ticks()
                below, below_stride = here + 4 * tile * table[layer - 1, Z], table[layer - 1, OUT]
                numbers = constants.ctypes.data + 4 * (layer - 1) * constants.shape[1]
                total, units = sums + 4 * table[layer - 1, BIAS], table[layer - 1, ROWS]
                if layer == 1:
                    backward_first(below, below_stride, x, x_stride, gradient, x_stride, points, units, total, numbers)
                else:
                    backward_hidden(
                        below, below_stride, x, x_stride, gradient, x_stride, points, units // planes, total, numbers
                    )
                spent += ticks() - now
            z, z_stride, rows = here + 4 * tile * table[0, Z], table[0, OUT], table[0, ROWS]
            wide, grad = table[0, GRAD_ROW], into + 4 * table[0, GRAD]
            _weight_gradient(z, z_stride, entry, features.shape[1], grad, wide, points, wide, rows)
            if pass_on:
                backward = weights + 4 * table[0, BACKWARD]
                _product(z, z_stride, backward, entry, features.shape[1], points, rows, wide)
        losses[worker, 0] += loss
        book(clocks, worker, begin, spent)

    return learn
