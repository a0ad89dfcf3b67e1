"""Constants as whole numbers and a step: what was coded so, or what is shorter so and near enough."""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from inr.exporting._evaluate import evaluate
from inr.exporting._numbers import row
from inr.exporting._program import Affine, Apply, Array, Loop, Node, Nodes, Number, Program, Store, walk

NEAR = 2e-6  # of the range of values: how far a program may be from its field by rounded constants
_PROBE, _COARSEST, _FINEST = 2**-16, 2**-6, 2**-24  # of the largest in an array: its first step, and what bounds others
_SHARES = [2 ** (-quarter / 4) for quarter in range(-8, 24)]  # of the change that is allowed, the most first
_POINTS = 256


def shortened(program: Program, span: float) -> Program:
    """The same with constants of as few digits as keep its values, at some points, within `NEAR` of the range.

    What rounding an array changes in the values grows with its step. Digits are fewest, for one change by all arrays
    together, where every number has an equal part in its square.

    Args:
        program: any.
        span: the range of values.
    """
    coords = np.random.default_rng(0).uniform(-1, 1, (_POINTS, program.inputs.size))
    wanted = evaluate(program, coords)
    numbers = [each for each in program.arrays() if _is_real(each) and each.step is None and _largest(each)]
    slopes = {}
    for array in numbers:
        step = _PROBE * _largest(array)
        change = evaluate(_replaced(program, {array: _multiples(array, step)}), coords) - wanted
        slopes[array] = np.sqrt(np.square(change).mean()) / step
    total = max(sum(array.size for array in numbers), 1)

    def wholes(share: float) -> dict[Array, Array]:
        change = share * NEAR * span / np.sqrt(total)  # of the values, by each number
        steps = {array: change * np.sqrt(array.size) / max(slopes[array], 1e-300) for array in numbers}
        return {array: _multiples(array, step) for array, step in steps.items()}

    def is_near(share: float) -> bool:
        return bool(np.abs(evaluate(_replaced(program, wholes(share)), coords) - wanted).max() <= NEAR * span)

    found = bisect.bisect_left(_SHARES, True, key=is_near)
    chosen = wholes(_SHARES[found]) if found < len(_SHARES) else {}
    shorter = {array: whole for array, whole in chosen.items() if _letters(whole) < _letters(array)}
    return _in_a_row(_replaced(program, shorter))


def _is_real(array: Array) -> bool:
    """Whether it holds constants that stand for real numbers."""
    return array.data is not None and array.kind == "float"


def _largest(array: Array) -> float:
    assert array.data is not None
    return float(np.abs(array.data).max())


def _letters(array: Array) -> int:
    assert array.data is not None
    return len(row(array.data))


def _multiples(array: Array, wanted: float) -> Array:
    """An array as whole multiples of about a step; as it is where this step is too fine for numbers of 32 bits."""
    assert array.data is not None
    if wanted < _FINEST * _largest(array):
        return array
    step = float(f"{min(wanted, _COARSEST * _largest(array)):.1e}")
    return replace(array, data=np.rint(array.data.astype(np.float64) / step).astype(np.int32), step=step)


def _in_a_row(program: Program) -> Program:
    """The same with all whole numbers in one array, which is declared once; steps stand where they are read."""
    wholes = [array for array in program.arrays() if array.data is not None and array.step is not None]
    if len(wholes) < 2:
        return program
    starts = dict(zip(wholes, np.cumsum([0, *(array.size for array in wholes)]).tolist(), strict=False))
    data = np.concatenate([array.data for array in wholes if array.data is not None])
    joined = Array(len(data), "float", data, 1.0)
    return _replaced(program, dict.fromkeys(wholes, joined), starts)


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

    return _replaced(program, {array: multiples(array) for array in program.arrays()})


def _replaced(
    program: Program, changed: Mapping[Array, Array], starts: Mapping[Array, int] = MappingProxyType({})
) -> Program:
    """The same program with other arrays.

    Args:
        program: any.
        changed: what stands in the place of some arrays.
        starts: where in those the numbers of some begin, which are multiplied with their steps where they are read.
    """
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
                place = node.place + Affine(starts.get(node.array, 0))
                made[node] = nodes.read(changed.get(node.array, node.array), place, added)
                if node.array in starts and node.array.step is not None:
                    step = nodes.number(node.array.step, "float")
                    made[node] = nodes.apply("mul", [step, made[node]], "float")
        return made[value]

    def moved(stores: Sequence[Store]) -> list[Store]:
        return [Store(each.array, each.place, renewed(each.value)) for each in stores]

    loops = [
        Loop(
            loop.counters,
            moved(loop.stores),
            loop.summed,
            None if loop.start is None else renewed(loop.start),
            moved(loop.after),
        )
        for loop in program.loops
    ]
    return replace(program, loops=loops)
