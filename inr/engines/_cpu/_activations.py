"""An activation's formula as compiled loops: values for rendering, values and slopes for learning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inr.activations import Activation
from inr.engines._formulas import FUNCTIONS, Dialect, Formula, formula
from inr.jit import inline_generated
from inr.jit import maths as _maths
from inr.jit.vector import POINTERS

FUNCTIONS_OF_FORMULAS = {name: getattr(_maths, name) for name in FUNCTIONS}
NUMBA = Dialect(number=lambda number: f"f({number!r})", functions={name: name for name in FUNCTIONS_OF_FORMULAS})


@dataclass(frozen=True)
class Loops:
    """Compiled loops over a tile of `rows` x `columns` numbers a plane.

    A plane's numbers start `plane` columns after those of the one before. All take addresses; `z` holds what the
    affine layer before gave, without its bias.

    Attributes:
        value: (z, z_stride, rows, columns, bias, constants): z becomes the activation's value.
        learn: (z, z_stride, h, h_stride, rows, columns, bias, constants): h becomes the value, and z what
            `backward` needs.
        backward: (z, z_stride, h, h_stride, g, g_stride, rows, columns, bias_grad, constants): from the gradient g of
            the value, z becomes the gradient of what the affine layer gave; its sum over rows is added to bias_grad.
        source: the code; what it does depends on nothing else besides this package.
    """

    value: Any
    learn: Any
    backward: Any
    source: str


def loops(activation: Activation, planes_in: int) -> Loops:
    """The loops of an activation whose layer gives `planes_in` planes. Raises Untranslatable."""
    code = formula(activation, planes_in, NUMBA)
    source = _value_loop(code) + _learn_loop(code) + _backward_loop(code)
    scope = {**FUNCTIONS_OF_FORMULAS, "at": POINTERS["float32"], "f": np.float32}
    built = {name: inline_generated(source, name, scope) for name in ("value", "learn", "backward")}
    return Loops(**built, source=source)


def _value_loop(code: Formula) -> str:
    return _loop(
        "value(z_at, z_stride, rows, columns, bias_at, constants_at)",
        code.constants,
        {"z": "z_at + 4 * row * z_stride"},
        [*_biased(code.planes), *code.value.lines, *_store("z", code.value.results)],
    )


def _learn_loop(code: Formula) -> str:
    values = len(code.values)
    return _loop(
        "learn(z_at, z_stride, h_at, h_stride, rows, columns, bias_at, constants_at)",
        code.constants,
        {"z": "z_at + 4 * row * z_stride", "h": "h_at + 4 * row * h_stride"},
        [
            *_biased(code.planes),
            *code.learn.lines,
            *_store("h", code.learn.results[:values]),
            *_store("z", code.learn.results[values:]),
        ],
    )


def _backward_loop(code: Formula) -> str:
    places = [_place(index) for index in range(len(code.planes))]
    # every result is computed before the first is stored
    named = [f"r{index} = {result}" for index, result in enumerate(code.backward.results)]
    sums = [
        line
        for index, place in enumerate(places)
        for line in (f"z[{place}] = r{index}", f"sums[{place}] = sums[{place}] + r{index}")
    ]
    reads = _read("z", code.kept) + _read("g", code.gradients)
    if code.kept == code.planes:
        reads += _read("h", code.values)
    return _loop(
        "backward(z_at, z_stride, h_at, h_stride, g_at, g_stride, rows, columns, sums_at, constants_at)",
        code.constants,
        {
            "z": "z_at + 4 * row * z_stride",
            "h": "h_at + 4 * row * h_stride",
            "g": "g_at + 4 * row * g_stride",
        },
        [*reads, *code.backward.lines, *named, *sums],
        shared={"sums": "sums_at"},
    )


def _loop(
    head: str, constants: Sequence[str], rows: dict[str, str], body: Sequence[str], shared: dict[str, str] | None = None
) -> str:
    """A function of two nested loops with a pointer into each row."""
    lines = [f"def {head}:", "    numbers = at(constants_at)"]
    lines += [f"    {name} = numbers[{index}]" for index, name in enumerate(constants)]
    shared = shared or {"bias": "bias_at"}
    lines += [f"    {name} = at({address})" for name, address in shared.items()]
    lines += ["    for row in range(rows):"]
    lines += [f"        {name} = at({address})" for name, address in rows.items()]
    lines += ["        for column in range(columns):"]
    lines += [f"            {line}" for line in body]
    return "\n".join(lines) + "\n\n"


def _place(plane: int) -> str:
    return "column + columns" if plane else "column"


def _biased(planes: Sequence[str]) -> list[str]:
    """The planes with their bias."""
    return [f"{name} = z[{_place(index)}] + bias[{_place(index)}]" for index, name in enumerate(planes)]


def _read(source: str, names: Sequence[str]) -> list[str]:
    return [f"{name} = {source}[{_place(index)}]" for index, name in enumerate(names)]


def _store(into: str, results: Sequence[str]) -> list[str]:
    named = [f"{into}{index} = {result}" for index, result in enumerate(results)]
    return named + [f"{into}[{_place(index)}] = {into}{index}" for index in range(len(results))]
