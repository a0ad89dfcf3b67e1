"""Networks on planes of values and derivatives as a stage: `_network`, with several rows a point.

What comes after the last layer is a stage of its own, see `_last_steps`, so that all terms share a network's code.
"""

from inr.engines._cpu._bfloat16 import back_bfloat16
from inr.engines._cpu._derivative_loops import PlanesLoops
from inr.engines._cpu._network import (
    BACKWARD,
    BIAS,
    COLUMNS,
    FORWARD,
    GRAD,
    GRAD_ROW,
    IN,
    OUT,
    ROWS,
    H,
    X,
    Z,
    back,
    widest,
)
from inr.engines._cpu._network import book as _book
from inr.jit import F1, F2, I2, Stage, inline, share
from inr.jit.products import FLOAT32
from inr.jit.vector import call_stage, ticks

_share = inline(share)
_product, _weight_gradient = FLOAT32

# columns of the record that a last step is called with: address of the outputs and their distance, how many points, the
# number of the first one, addresses of the last bias, of its gradient, and of the slopes of the reverse pass
OUTPUTS, STRIDE, POINTS, FIRST, SHIFTS, SUMS, SLOPES = range(7)


def planes_stage(first: PlanesLoops, hidden: PlanesLoops, planes: int, bfloat16: bool) -> Stage:
    """The stage of networks on so many planes: `first` for the first layer's activation, `hidden` for the others.

    With `bfloat16`, products on the way back are of bfloat16 numbers in all layers but the first.
    """
    pass_back = back_bfloat16 if bfloat16 else back
    learn_first, learn_hidden = first.learn, hidden.learn
    backward_first, backward_hidden = first.backward, hidden.backward

    def walk(
        worker: int, workers: int, features: F2, count: int, pass_on: int, learning: int, last_step: int,
        arguments: int, records: I2, table: I2, constants: F2, packed: F1, biases: F1, tiles: F2, tile: int,
        parts: int, packed16: F1, start16: int, grads: F2, bias_grads: F2, clocks: I2,
    ) -> None:  # fmt: skip
        """What `count` points add to the gradients of the weights, after the last step has seen their outputs.

        With `pass_on` their features are replaced by the loss's gradient in them; without `learning` the last step is
        the end.
        """
        begin = ticks()
        spent = 0
        start, stop = _share(count, worker, workers, tile)
        last = table.shape[0] - 1
        here = tiles.ctypes.data + 4 * worker * tiles.shape[1]
        unit = 4 * tile * planes  # bytes of a column of all rows
        gradient = here + unit * (table[last, Z] + table[last, OUT])
        weights, offsets = packed.ctypes.data, biases.ctypes.data
        into, sums = grads.ctypes.data + 4 * worker * grads.shape[1], bias_grads.ctypes.data
        sums += 4 * worker * bias_grads.shape[1]
        width = features.shape[1]
        spare = gradient + unit * widest(table)
        for point in range(start, stop, tile):
            points = min(tile, stop - point)
            rows = points * planes
            entry = features.ctypes.data + 4 * point * planes * width
            for layer in range(last + 1):
                x = entry if layer == 0 else here + unit * table[layer, X]
                x_stride = width if layer == 0 else table[layer, IN]
                z, z_stride = here + unit * table[layer, Z], table[layer, OUT]
                columns, units = table[layer, COLUMNS], table[layer, ROWS]
                _product(x, x_stride, weights + 4 * table[layer, FORWARD], z, z_stride, rows, columns, units)
                if layer < last:
                    now = ticks()
                    bias = offsets + 4 * table[layer, BIAS]
                    numbers = constants.ctypes.data + 4 * layer * constants.shape[1]
                    h = here + unit * table[layer, H]
                    if layer == 0:
                        learn_first(z, z_stride, h, z_stride, points, units, bias, numbers)
                    else:
                        learn_hidden(z, z_stride, h, z_stride, points, units // parts, bias, numbers)
                    spent += ticks() - now
            records[worker, OUTPUTS], records[worker, STRIDE] = here + unit * table[last, Z], table[last, OUT]
            records[worker, POINTS], records[worker, FIRST] = points, point
            records[worker, SHIFTS] = offsets + 4 * table[last, BIAS]
            records[worker, SUMS] = sums + 4 * table[last, BIAS]
            call_stage(last_step, arguments, records.ctypes.data + 8 * worker * records.shape[1], worker)
            if learning == 0:
                continue
            for layer in range(last, 0, -1):
                x, x_stride = here + unit * table[layer, X], table[layer, IN]
                z, z_stride = here + unit * table[layer, Z], table[layer, OUT]
                wide, units = table[layer, GRAD_ROW], table[layer, ROWS]
                backward = table[layer, BACKWARD]
                pass_back(
                    z, z_stride, x, x_stride, into + 4 * table[layer, GRAD], gradient, weights + 4 * backward,
                    packed16.ctypes.data + 2 * (backward - start16), spare, rows, wide, units,
                )  # fmt: skip
                now = ticks()
                below, stride = here + unit * table[layer - 1, Z], table[layer - 1, OUT]
                numbers = constants.ctypes.data + 4 * (layer - 1) * constants.shape[1]
                total, units = sums + 4 * table[layer - 1, BIAS], table[layer - 1, ROWS]
                if layer == 1:
                    backward_first(below, stride, x, x_stride, gradient, x_stride, points, units, total, numbers)
                else:
                    backward_hidden(
                        below, stride, x, x_stride, gradient, x_stride, points, units // parts, total, numbers
                    )
                spent += ticks() - now
            z, z_stride, units = here + unit * table[0, Z], table[0, OUT], table[0, ROWS]
            wide = table[0, GRAD_ROW]
            _weight_gradient(z, z_stride, entry, width, into + 4 * table[0, GRAD], wide, rows, wide, units)
            if pass_on:
                _product(z, z_stride, weights + 4 * table[0, BACKWARD], entry, width, rows, units, wide)
        _book(clocks, worker, begin, spent)

    return Stage(walk, f"{first.source}{hidden.source}{planes} {bfloat16}", "network")
