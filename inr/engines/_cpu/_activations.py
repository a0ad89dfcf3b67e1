"""An activation's formula as compiled loops: values for rendering, values and slopes for learning.

The code is generated from the one formula the activation has, and its symbolic derivatives, with what they have in
common computed once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from inr.activations import Activation
from inr.activations._derivatives import SYMBOLIC
from inr.engines._cpu import _maths
from inr.engines._cpu._jit import inline_generated
from inr.engines._cpu._vector import POINTERS

_FUNCTIONS = {"sin": _maths.sin, "cos": _maths.cos, "exp": _maths.exp, "relu": _maths.relu, "step": _maths.step}


class Untranslatable(Exception):
    """A formula holds something that there is no fast code for."""


@dataclass(frozen=True)
class Loops:
    """Compiled loops over a tile of `rows` x `columns` numbers a plane.

    A plane's numbers start `plane` columns after those of the one before. All take addresses; `z` holds what the
    affine layer before gave, without its bias.

    Attributes:
        value: (z, z_stride, rows, columns, bias, constants): z becomes the activation's value.
        learn: (z, z_stride, h, h_stride, rows, columns, bias, constants): h becomes the value, and z what `pull` needs.
        pull: (z, z_stride, h, h_stride, g, g_stride, rows, columns, bias_grad, constants): from the gradient g of the
            value, z becomes the gradient of what the affine layer gave; its sum over rows is added to bias_grad.
        source: the code; what it does depends on nothing else besides this package.
    """

    value: Any
    learn: Any
    pull: Any
    source: str


def loops(activation: Activation, planes_in: int) -> Loops:
    """The loops of an activation whose layer gives `planes_in` planes. Raises Untranslatable."""
    planes = [sympy.Symbol(name, real=True) for name in ("a", "b")[:planes_in]]
    named = {name: sympy.Symbol(f"k_{name}", positive=True) for name in activation.constants("hidden")}
    constants = list(named.values())
    values = [sympy.sympify(value) for value in activation.formula(SYMBOLIC, *planes, **named)]
    source = (
        _value_loop(planes, constants, values) + _learn_loop(planes, constants, values)
        + _pull_loop(planes, constants, values)
    )  # fmt: skip
    scope = {**_FUNCTIONS, "at": POINTERS["float32"], "f": np.float32, "one": np.float32(1)}
    built = {name: inline_generated(source, name, scope) for name in ("value", "learn", "pull")}
    return Loops(**built, source=source)


def constant_row(activation: Activation, position: Any) -> list[float]:
    """The constants of a layer, in the order in which the loops read them."""
    return list(activation.constants(position).values())


def _value_loop(planes: Sequence[Any], constants: Sequence[Any], values: Sequence[Any]) -> str:
    body, results = _code(values)
    return _loop(
        "value(z_at, z_stride, rows, columns, bias_at, constants_at)",
        constants,
        {"z": "z_at + 4 * row * z_stride"},
        [*_read_planes(planes), *body, *_store("z", results)],
    )


def _learn_loop(planes: Sequence[Any], constants: Sequence[Any], values: Sequence[Any]) -> str:
    if len(planes) == len(values) == 1:  # the slope is all that the way back needs
        body, results = _code([*values, sympy.diff(values[0], planes[0])])
        kept = [results[1]]
    else:
        body, results = _code(values)
        kept = [plane.name for plane in planes]
    return _loop(
        "learn(z_at, z_stride, h_at, h_stride, rows, columns, bias_at, constants_at)",
        constants,
        {"z": "z_at + 4 * row * z_stride", "h": "h_at + 4 * row * h_stride"},
        [*_read_planes(planes), *body, *_store("h", results[: len(values)]), *_store("z", kept)],
    )


def _pull_loop(planes: Sequence[Any], constants: Sequence[Any], values: Sequence[Any]) -> str:
    gradients = sympy.symbols(["ga", "gb"][: len(values)], real=True)
    reads = [f"{symbol} = g[column{_plane(index)}]" for index, symbol in enumerate(gradients)]
    if len(planes) == len(values) == 1:
        body, results = list[str](), ["ga * z[column]"]
    else:
        outputs = sympy.symbols(["va", "vb"][: len(values)], real=True)
        known = dict(zip(values, outputs, strict=True))
        pulled = [
            sum(
                gradient * sympy.expand_mul(sympy.diff(value, plane), deep=False).subs(known)
                for gradient, value in zip(gradients, values, strict=True)
            )
            for plane in planes
        ]
        reads += [f"{plane} = z[column{_plane(index)}]" for index, plane in enumerate(planes)]
        reads += [f"{symbol} = h[column{_plane(index)}]" for index, symbol in enumerate(outputs)]
        body, results = _code(pulled)
    places = [f"column{_plane(index)}" for index in range(len(planes))]
    # every result is computed before the first is stored
    named = [f"r{index} = {result}" for index, result in enumerate(results)]
    sums = [
        line
        for index, place in enumerate(places)
        for line in (f"z[{place}] = r{index}", f"sums[{place}] = sums[{place}] + r{index}")
    ]
    return _loop(
        "pull(z_at, z_stride, h_at, h_stride, g_at, g_stride, rows, columns, sums_at, constants_at)",
        constants,
        {
            "z": "z_at + 4 * row * z_stride",
            "h": "h_at + 4 * row * h_stride",
            "g": "g_at + 4 * row * g_stride",
        },
        [*reads, *body, *named, *sums],
        shared={"sums": "sums_at"},
    )


def _loop(
    head: str, constants: Sequence[Any], rows: dict[str, str], body: Sequence[str], shared: dict[str, str] | None = None
) -> str:
    """A function of two nested loops with a pointer into each row."""
    lines = [f"def {head}:", "    numbers = at(constants_at)"]
    lines += [f"    {symbol.name} = numbers[{index}]" for index, symbol in enumerate(constants)]
    shared = shared or {"bias": "bias_at"}
    lines += [f"    {name} = at({address})" for name, address in shared.items()]
    lines += ["    for row in range(rows):"]
    lines += [f"        {name} = at({address})" for name, address in rows.items()]
    lines += ["        for column in range(columns):"]
    lines += [f"            {line}" for line in body]
    return "\n".join(lines) + "\n\n"


def _plane(index: int) -> str:
    return " + columns" if index else ""


def _read_planes(planes: Sequence[Any]) -> list[str]:
    """The planes with their bias."""
    places = [f"column{_plane(index)}" for index in range(len(planes))]
    return [f"{plane} = z[{place}] + bias[{place}]" for plane, place in zip(planes, places, strict=True)]


def _store(into: str, results: Sequence[str]) -> list[str]:
    named = [f"{into}{index} = {result}" for index, result in enumerate(results)]
    return named + [f"{into}[column{_plane(index)}] = {into}{index}" for index in range(len(results))]


def _code(expressions: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Assignments of what several expressions share, and an expression of each in code."""
    shared, reduced = sympy.cse(expressions, symbols=sympy.numbered_symbols("t"), optimizations="basic")
    return [f"{symbol} = {_emit(expression)}" for symbol, expression in shared], [_emit(each) for each in reduced]


def _emit(expression: Any) -> str:
    """A sympy expression as numba code on float32."""
    if expression.is_Symbol:
        return expression.name
    if expression.is_Number:
        return f"f({float(expression)!r})"
    if isinstance(expression, sympy.Add | sympy.Mul):
        sign = " + " if isinstance(expression, sympy.Add) else " * "
        return "(" + sign.join(_emit(argument) for argument in expression.args) + ")"
    if isinstance(expression, sympy.Pow):
        return _emit_power(*expression.args)
    if isinstance(expression, sympy.Max) and expression.args[0] == 0:
        return f"relu({_emit(expression.args[1])})"
    if isinstance(expression, sympy.Heaviside):
        return f"step({_emit(expression.args[0])})"
    name = type(expression).__name__
    if name in ("sin", "cos", "exp"):
        return f"{name}({_emit(expression.args[0])})"
    raise Untranslatable(f"no fast code for {name}")


def _emit_power(base: Any, exponent: Any) -> str:
    if not (exponent.is_Integer and 1 <= abs(exponent) <= 8):
        raise Untranslatable(f"no fast code for a power of {exponent}")
    product = "(" + " * ".join([_emit(base)] * abs(int(exponent))) + ")"
    return product if exponent > 0 else f"(one / {product})"
