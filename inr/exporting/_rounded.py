"""Constants as whole numbers and a step: what was coded so, or what is shorter so and near enough."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from inr.exporting._evaluate import evaluate
from inr.exporting._program import Apply, Array, Loop, Node, Nodes, Number, Program, Store, walk

NEAR = 2e-6  # of the range of values: how far a program may be from its field by rounded constants
_BITS = range(12, 25)
_FEWEST = 8  # numbers for which a step is worth its letters
_POINTS = 256


def shortened(program: Program, span: float) -> Program:
    """The same with constants of as few digits as keep its values, at some points, within `NEAR` of the range.

    Args:
        program: any.
        span: the range of values.
    """
    coords = np.random.default_rng(0).uniform(-1, 1, (_POINTS, program.inputs.size))
    wanted = evaluate(program, coords)
    for bits in _BITS:
        rounded = _replaced(program, partial(_decimal, bits=bits))
        if np.abs(evaluate(rounded, coords) - wanted).max() <= NEAR * span:
            return rounded
    return program


def _decimal(array: Array, bits: int) -> Array:
    """An array as whole numbers of so many bits, times a step of two digits."""
    data = array.data
    if data is None or data.dtype.kind != "f" or array.size < _FEWEST or not np.abs(data).max():
        return array
    step = float(f"{np.abs(data).max() / 2**bits:.1e}")
    return replace(array, data=np.rint(data.astype(np.float64) / step).astype(np.int32), step=step)


def coded(program: Program, steps: Sequence[float]) -> Program:
    """The same with weights that are whole multiples of a step as these whole numbers.

    Args:
        program: any.
        steps: that weights were coded with.
    """

    def multiples(array: Array) -> Array:
        data = array.data
        if data is None or data.dtype.kind != "f" or array.size < 2:
            return array
        for step in steps:
            whole = np.rint(data.astype(np.float64) / step)
            most = np.abs(whole).max()
            if most < 2**15 and (np.float32(whole * step) == data).all():
                return replace(array, data=whole.astype(np.int8 if most < 128 else np.int16), step=step)
        return array

    return _replaced(program, multiples)


def _replaced(program: Program, change: Callable[[Array], Array]) -> Program:
    """The same program with other arrays."""
    changed = {array: change(array) for array in program.arrays()}
    nodes, made = Nodes(), dict[Node, Node]()

    def renewed(value: Node) -> Node:
        for node in walk([value]):
            if node in made:
                continue
            if isinstance(node, Number):
                made[node] = nodes.number(node.value, node.kind)
            elif isinstance(node, Apply):
                made[node] = nodes.apply(node.function, [made[each] for each in node.arguments], node.kind)
            else:
                added = tuple((made[each], stride) for each, stride in node.added)
                made[node] = nodes.read(changed.get(node.array, node.array), node.place, added)
        return made[value]

    loops = [
        Loop(
            loop.counters,
            [Store(changed.get(each.array, each.array), each.place, renewed(each.value)) for each in loop.stores],
            loop.summed,
            None if loop.start is None else renewed(loop.start),
            [Store(changed.get(each.array, each.array), each.place, renewed(each.value)) for each in loop.after],
        )
        for loop in program.loops
    ]
    return replace(program, loops=loops)
