"""Weights laid out for the products, and gradients collected from where these leave them.

Small networks take so few points a step that this is a good part of it: inner loops run along memory, on bare
addresses, so that they become vector instructions.
"""

from typing import Any

from inr.engines._cpu._network import BACKWARD, BIAS, COLUMNS, FORWARD, GRAD, GRAD_ROW, ROWS
from inr.jit import D2, F1, F2, I2, Stage, inline, share
from inr.jit.vector import PANEL, POINTERS

# columns of the table of blocks
SOURCE, TARGET, _LAYER, _ROW, _COLUMN, _HIGH, _WIDE, _SIGN, _FIRST = range(9)

_at = POINTERS["float32"]
_share = inline(share)


def _pack(
    worker: int, workers: int, blocks: I2, table: I2, packed: F1, biases: F1, grads: F2, bias_grads: F2, losses: D2
) -> None:
    """Lay the weights out for the products, both ways, and set the gradients to 0."""
    _clear(grads.ctypes.data + 4 * worker * grads.shape[1], grads.shape[1])
    _clear(bias_grads.ctypes.data + 4 * worker * bias_grads.shape[1], bias_grads.shape[1])
    losses[worker, 0] = 0.0
    for index in range(blocks.shape[0]):
        layer, high, wide = blocks[index, _LAYER], blocks[index, _HIGH], blocks[index, _WIDE]
        first_row, first_column, sign = blocks[index, _ROW], blocks[index, _COLUMN], blocks[index, _SIGN]
        start, stop = _share(high, worker, workers, 1)
        if wide == 0:
            into = biases.ctypes.data + 4 * (table[layer, BIAS] + first_row + start)
            _copy(blocks[index, SOURCE] + 4 * start, into, stop - start, sign)
            continue
        columns, rows = table[layer, COLUMNS], table[layer, ROWS]
        row = start
        while row < stop:  # rows of one panel, column by column
            place = first_row + row
            count = min(PANEL - place % PANEL, stop - row)
            into = (place // PANEL) * PANEL * columns + place % PANEL + first_column * PANEL + table[layer, FORWARD]
            for column in range(wide):
                source = blocks[index, SOURCE] + 4 * (row * wide + column)
                _gather(source, wide, packed.ctypes.data + 4 * (into + column * PANEL), count, sign)
            row += count
        column = 0
        while column < wide:  # columns of one panel, row by row
            across = first_column + column
            count = min(PANEL - across % PANEL, wide - column)
            into = ((across // PANEL) * rows + first_row) * PANEL + across % PANEL + table[layer, BACKWARD]
            for row in range(start, stop):
                source = blocks[index, SOURCE] + 4 * (row * wide + column)
                _copy(source, packed.ctypes.data + 4 * (into + row * PANEL), count, sign)
            column += count


@inline
def _clear(into: int, count: int) -> None:
    numbers = _at(into)
    for index in range(count):
        numbers[index] = 0


@inline
def _copy(source: int, into: int, count: int, sign: int) -> None:
    """Numbers, with their signs as they are or turned."""
    numbers, targets = _at(source), _at(into)
    if sign < 0:
        for index in range(count):
            targets[index] = -numbers[index]
    else:
        for index in range(count):
            targets[index] = numbers[index]


@inline
def _gather(source: int, apart: int, into: int, count: int, sign: int) -> None:
    """As `_copy`, of numbers that lie apart."""
    numbers, targets = _at(source), _at(into)
    if sign < 0:
        for index in range(count):
            targets[index] = -numbers[index * apart]
    else:
        for index in range(count):
            targets[index] = numbers[index * apart]


def _collect(worker: int, workers: int, blocks: I2, table: I2, grads: F2, bias_grads: F2) -> None:
    """The gradients of the parameters: sums over workers, always in the same order."""
    copies, apart, bias_apart = grads.shape[0], 4 * grads.shape[1], 4 * bias_grads.shape[1]
    for index in range(blocks.shape[0]):
        layer, high, wide = blocks[index, _LAYER], blocks[index, _HIGH], blocks[index, _WIDE]
        first_row, first_column = blocks[index, _ROW], blocks[index, _COLUMN]
        sign, adds = blocks[index, _SIGN], blocks[index, _FIRST] == 0
        start, stop = _share(high, worker, workers, 1)
        if wide == 0:
            place = bias_grads.ctypes.data + 4 * (table[layer, BIAS] + first_row + start)
            _sum_up(place, bias_apart, copies, blocks[index, TARGET] + 4 * start, stop - start, sign, adds)
            continue
        for row in range(start, stop):
            place = table[layer, GRAD] + (first_row + row) * table[layer, GRAD_ROW] + first_column
            into = blocks[index, TARGET] + 4 * row * wide
            _sum_up(grads.ctypes.data + 4 * place, apart, copies, into, wide, sign, adds)


@inline
def _sum_up(source: int, apart: int, copies: int, into: int, count: int, sign: int, adds: Any) -> None:
    """The sum of the workers' gradients, signed, to a parameter's own or in its place."""
    targets, first = _at(into), _at(source)
    if copies == 1 and sign > 0:
        if adds:
            for index in range(count):
                targets[index] += first[index]
        else:
            for index in range(count):
                targets[index] = first[index]
        return
    for index in range(count):
        total = first[index]
        for other in range(1, copies):
            total += _at(source + other * apart)[index]
        if sign < 0:
            total = -total
        targets[index] = targets[index] + total if adds else total


PACK, COLLECT = Stage(_pack, phase="packing"), Stage(_collect, phase="packing")
