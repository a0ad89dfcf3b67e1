"""Programs run by NumPy, for many points at once: what rounded constants change is measured before they are printed."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import special

from inr.exporting._program import Affine, Apply, Array, Counter, Loop, Node, Number, Program, Store, walk

_FUNCTIONS: Mapping[str, Callable] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "min": np.minimum, "max": np.maximum,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
    "both": np.logical_and, "either": np.logical_or, "not": np.logical_not, "and": np.bitwise_and,
    "or": np.bitwise_or, "xor": np.bitwise_xor, "where": np.where, "round": np.rint, "erf": special.erf,
    "sigmoid": special.expit, "softplus": lambda x: np.logaddexp(x, 0), "remainder": np.mod, "neg": np.negative,
    "rsqrt": lambda x: 1 / np.sqrt(x), "int": lambda x: np.trunc(x).astype(np.int64), "float": np.float64,
    **{name: getattr(np, name) for name in (
        "sin", "cos", "tan", "exp", "log", "sqrt", "tanh", "sinh", "cosh", "abs", "floor", "ceil", "sign", "reciprocal",
    )},
}  # fmt: skip


def evaluate(program: Program, coords: np.ndarray) -> np.ndarray:
    """Values of a program, in float64.

    Args:
        program: any.
        coords: float64 (n, D).

    Returns:
        Float64 (n, C).
    """
    points = len(coords)
    memory = {array: np.zeros((array.size, points)) for array in [*program.arrays(), program.outputs]}
    for array in memory:
        if array.data is not None:
            held = array.data.astype(np.int64 if array.kind == "int" else np.float64) * (array.step or 1)
            memory[array] = np.broadcast_to(held[:, None], (array.size, points))
        elif array.kind == "int":
            memory[array] = memory[array].astype(np.int64)
    memory[program.inputs] = coords.T
    for loop in program.loops:
        _run(loop, memory)
    return memory[program.outputs].T


def _run(loop: Loop, memory: dict[Array, np.ndarray]) -> None:
    """All passes of a loop at once, and then of what is done after a sum."""
    _pass(loop.counters, loop.summed, loop.stores, loop.start, memory)
    if loop.after:
        _pass(loop.counters, [], loop.after, None, memory)


def _pass(
    counters: Sequence[Counter],
    summed: Sequence[Counter],
    stores: Sequence[Store],
    start: Node | None,
    memory: dict[Array, np.ndarray],
) -> None:
    """Stores of all passes, along the first axis, and those that are summed up along the second."""
    outer, inner = _passes(counters), _passes(summed)
    at = {number: row[:, None] for (number, _), row in zip(counters, outer, strict=True)}
    at |= {number: row[None] for (number, _), row in zip(summed, inner, strict=True)}
    values = [store.value for store in stores] + ([] if start is None else [start])
    found: dict[Node, np.ndarray] = {}
    points = np.arange(next(iter(memory.values())).shape[1])
    with np.errstate(all="ignore"):
        for node in walk(values):
            if isinstance(node, Number):
                found[node] = np.full((1, 1, 1), {"float": float, "int": int, "bool": bool}[node.kind](node.value))
            elif isinstance(node, Apply):
                function = _FUNCTIONS[node.function]
                found[node] = function(*(found[each] for each in node.arguments))
            else:
                place = np.asarray(_place(node.place, at))[..., None]
                for each, stride in node.added:
                    place = place + found[each] * stride
                found[node] = memory[node.array][place, points]
    for store in stores:
        value = np.broadcast_to(found[store.value], (outer.shape[1], inner.shape[1], len(points))).sum(1)
        if start is not None:
            value = value + found[start][:, 0]
        memory[store.array][np.broadcast_to(_place(store.place, at), (outer.shape[1], 1))[:, 0]] = value


def _place(place: Affine, at: Mapping[int, np.ndarray]) -> np.ndarray:
    total = np.full((1, 1), place.offset)
    for counter, stride in place.terms:
        total = total + at[counter] * stride
    return total


def _passes(counters: Sequence[Counter]) -> np.ndarray:
    """What each of some counters is in every pass of their loops, (counters, passes)."""
    lengths = [length for _, length in counters]
    return np.indices(lengths).reshape(len(lengths), math.prod(lengths))
