"""Networks with first derivatives by reverse mode as a stage, whose passes stay within a tile.

Of few channels that is cheaper than a plane for every axis: see `ReverseFormula`.
"""

from inr.engines._cpu._bfloat16 import lift_bfloat16, reverse_bfloat16
from inr.engines._cpu._derivative_loops import ReverseLoops
from inr.engines._cpu._network import BIAS, COLUMNS, OUT, Z, widest
from inr.engines._cpu._network import book as _book
from inr.engines._cpu._planes_network import FIRST, OUTPUTS, POINTS, SHIFTS, SLOPES, STRIDE, SUMS
from inr.engines._cpu._reverse_passes import (
    Network,
    Room,
    adjoint_pass,
    backward_pass,
    find_slopes,
    forward_pass,
    into_features,
    lift_float32,
    reverse_float32,
    set_tangents,
    tangent_pass,
)
from inr.jit import F1, F2, I2, Stage, inline, share
from inr.jit.vector import call_stage, ticks

_share = inline(share)


def reverse_room(per_point: int, widest: int, features: int, channels: int, axes: int) -> int:
    """Numbers that a point of a tile takes in all; see `Room` for their order."""
    carried = per_point // 2 + widest + 2 * features + axes
    return (1 + channels) * (per_point + widest) + channels * carried


def reverse_stage(first: ReverseLoops, hidden: ReverseLoops, channels: int, bfloat16: bool) -> Stage:
    """The stage of networks of so many channels: `first` for the first layer's activation, `hidden` for the others.

    With `bfloat16`, products that only gradients come of are of bfloat16 numbers in all layers but the first: those of
    tangents, and of the last way down.
    """
    lift, pass_back = (lift_bfloat16, reverse_bfloat16) if bfloat16 else (lift_float32, reverse_float32)
    forward, adjoint = forward_pass(first, hidden, channels), adjoint_pass(first, hidden, channels)
    tangent = tangent_pass(first, hidden, channels, lift)
    backward = backward_pass(first, hidden, channels, pass_back)

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
        width, columns = features.shape[1], table[0, COLUMNS]
        network = Network(table, packed.ctypes.data, biases.ctypes.data, constants.ctypes.data, 4 * constants.shape[1])
        into = grads.ctypes.data + 4 * worker * grads.shape[1]
        sums = bias_grads.ctypes.data + 4 * worker * bias_grads.shape[1]
        halves = packed16.ctypes.data
        layers = tiles.ctypes.data + 4 * worker * tiles.shape[1]
        of_all, of_channels = 4 * tile * (1 + channels), 4 * tile * channels
        per_point, above = table[last, Z] + table[last, OUT], widest(table)
        carried = layers + of_all * per_point
        gradient = carried + of_channels * (per_point // 2)
        adjoints = gradient + of_channels * above
        tangents = adjoints + of_channels * width
        spare = tangents + of_channels * width
        room = Room(layers, carried, gradient, adjoints, tangents, spare, spare + of_all * above, of_all, of_channels)
        for point in range(start, stop, tile):
            points = min(tile, stop - point)
            entry = features.ctypes.data + 4 * point * (1 + axes) * width
            spent += forward(network, room, entry, (1 + axes) * width, points, parts)
            spent += adjoint(network, room, width, points, parts)
            find_slopes(entry, width, room.adjoints, room.slopes, points, columns, channels, axes)
            records[worker, OUTPUTS], records[worker, STRIDE] = room.layers + of_all * table[last, Z], table[last, OUT]
            records[worker, POINTS], records[worker, FIRST] = points, point
            records[worker, SHIFTS] = network.biases + 4 * table[last, BIAS]
            records[worker, SUMS] = sums + 4 * table[last, BIAS]
            records[worker, SLOPES] = room.slopes
            call_stage(last_step, arguments, records.ctypes.data + 8 * worker * records.shape[1], worker)
            if learning == 0:
                continue
            set_tangents(entry, width, room.tangents, room.slopes, points, columns, channels, axes)
            spent += tangent(network, room, width, points, parts, halves, start16)
            spent += backward(network, room, points, parts, halves, start16, into, sums)
            into_features(network, room, entry, width, axes, channels, points, into, pass_on)
        _book(clocks, worker, begin, spent)

    return Stage(walk, f"{first.source}{hidden.source}{channels} {bfloat16}", "network")
