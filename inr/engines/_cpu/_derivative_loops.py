"""An activation on values and derivatives as compiled loops over a tile, from the code of `_derivative_formulas`.

Rows of a point stand below each other. The loops take vectors as values: a compiler does not vectorise over so many
arrays by itself, since it cannot see that they do not overlap.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inr.activations import Activation
from inr.engines._cpu._planes import Planes
from inr.engines._derivative_formulas import planes_formula, reverse_formula
from inr.engines._formulas import FUNCTIONS, Dialect
from inr.jit import inline_generated, lane_maths
from inr.jit.lanes import load, spread, store
from inr.jit.vector import LANES, POINTERS

_VECTORS = Dialect(number=lambda number: f"spread(f({number!r}))", functions={name: name for name in FUNCTIONS})
_SCOPE = {name: getattr(lane_maths, name) for name in FUNCTIONS} | {
    "at": POINTERS["float32"], "f": np.float32, "load": load, "spread": spread, "store": store,
}  # fmt: skip


@dataclass(frozen=True)
class PlanesLoops:
    """Compiled loops over the rows of a tile's points, `planes` of them a point, of `columns` units.

    All take addresses; strides are distances of rows, in numbers. The parts of complex units are `columns` apart.

    Attributes:
        learn: (z, z_stride, h, h_stride, points, columns, bias, constants): from what the affine layer gave, without
            its bias, h becomes the result, and z what `backward` needs.
        backward: (z, z_stride, h, h_stride, g, g_stride, points, columns, sums, constants): from the gradient g of the
            result, z becomes that of what the affine layer gave; the values' is added to the gradient `sums` of biases.
        source: the code.
    """

    learn: Any
    backward: Any
    source: str


@dataclass(frozen=True)
class ReverseLoops:
    """Compiled loops for first derivatives by reverse mode: z and h have a row of values and one for every channel.

    q has a row for every channel, and g too in `adjoint`. For names see `ReverseFormula`; all take addresses and
    strides of rows.

    Attributes:
        forward: (z, z_stride, h, h_stride, q, q_stride, points, columns, bias, constants): values.
        adjoint: (z, z_stride, h, h_stride, q, q_stride, g, g_stride, points, columns, constants): the channels'
            adjoints g of results become those of what the affine layer gave, in the channels' rows of z.
        tangent: (z, z_stride, h, h_stride, q, q_stride, points, columns, constants): tangents in the channels' rows of
            h, before and after the activation.
        backward: (z, z_stride, h, h_stride, q, q_stride, g, g_stride, points, columns, sums, constants): gradients g of
            the values, a row a point, become those of what the affine layer gave, in the values' rows of z.
        source: the code.
    """

    forward: Any
    adjoint: Any
    tangent: Any
    backward: Any
    source: str


def planes_loops(activation: Activation, parts: int, planes: Planes) -> PlanesLoops:
    """The loops of an activation whose layer gives `parts` real parts, on planes. Raises Untranslatable."""
    code = planes_formula(activation, parts, planes.axes, planes.operators, _VECTORS)
    count = planes.count
    rows = {name: [f"{name}_at + 4 * (row * {count} + {plane}) * {name}_stride" for plane in range(count)]
            for name in "zhg"}  # fmt: skip
    learn_body = [
        *_read("z", code.planes, biased=1), *code.learn.lines,
        *_store("h", _by_plane(code.learn.results, code.gradients)),
        *_store("z", [code.learn.results[sum(map(len, code.gradients)) :]]),
    ]  # fmt: skip
    backward_body = [
        *_read("z", code.kept), *_read("h", code.values), *_read("g", code.gradients), *code.backward.lines,
        *_named("r", code.backward.results), *_store("z", _by_plane(_names("r", code.backward.results), code.planes)),
        *_summed(_names("r", code.backward.results)[:parts]),
    ]  # fmt: skip
    learn = _function("learn", ("z", "h"), "bias_at", code.constants, {name: rows[name] for name in "zh"}, learn_body)
    backward = _function("backward", ("z", "h", "g"), "sums_at", code.constants, rows, backward_body)
    return PlanesLoops(_compiled(learn, "learn"), _compiled(backward, "backward"), learn + backward)


def reverse_loops(activation: Activation, parts: int, channels: int) -> ReverseLoops:
    """The loops of an activation whose layer gives `parts` real parts, for so many channels. Raises Untranslatable."""
    code = reverse_formula(activation, parts, channels, _VECTORS)
    results = len(code.values)
    both = {name: [f"{name}_at + 4 * (row * {1 + channels} + {each}) * {name}_stride" for each in range(1 + channels)]
            for name in "zh"}  # fmt: skip
    every = {name: [f"{name}_at + 4 * (row * {channels} + {each}) * {name}_stride" for each in range(channels)]
             for name in "qg"}  # fmt: skip
    left = [*_read("z", [code.kept]), *_read("h", [code.values])]
    forward = [
        *_read("z", [code.planes], biased=1), *code.forward.lines,
        *_store("h", [code.forward.results[:results]]),
        *_store("z", [code.forward.results[results : results + len(code.kept)]]),
        *_store("q", [code.forward.results[results + len(code.kept) :]]),
    ]  # fmt: skip
    adjoint = [
        *left, *_read("q", [code.spare]), *_read("g", code.adjoints), *code.adjoint.lines,
        *_store("z", [[], *_split(code.adjoint.results[: channels * parts], channels)]),
        *_store("q", _split(code.adjoint.results[channels * parts :], channels)),
    ]  # fmt: skip
    tangent = [
        *left, *_read("q", code.carried), *_read("h", [[], *code.tangents]), *code.tangent.lines,
        *_named("r", code.tangent.results),
        *_store("h", [[], *_split(_names("r", code.tangent.results)[: channels * results], channels)]),
        *_store("q", [_names("r", code.tangent.results)[channels * results :]]),
    ]  # fmt: skip
    backward = [
        *left, *_read("q", [code.added]), *_read("g", [code.gradients]), *code.backward.lines,
        *_named("r", code.backward.results), *_store("z", [_names("r", code.backward.results)]),
        *_summed(_names("r", code.backward.results)),
    ]  # fmt: skip
    constants = code.constants
    sources = {
        "forward": _function("forward", ("z", "h", "q"), "bias_at", constants, {**both, "q": every["q"]}, forward),
        "adjoint": _function("adjoint", ("z", "h", "q", "g"), "", constants, both | every, adjoint),
        "tangent": _function("tangent", ("z", "h", "q"), "", constants, {**both, "q": every["q"]}, tangent),
        "backward": _function(
            "backward", ("z", "h", "q", "g"), "sums_at", constants,
            {**both, "q": every["q"], "g": ["g_at + 4 * row * g_stride"]}, backward,
        ),
    }  # fmt: skip
    built = {name: _compiled(source, name) for name, source in sources.items()}
    return ReverseLoops(**built, source="".join(sources.values()))


def _compiled(source: str, name: str) -> Any:
    return inline_generated(source, name, _SCOPE)


def _function(
    name: str, arrays: Sequence[str], shared: str, constants: Sequence[str], rows: Mapping[str, Sequence[str]],
    body: Sequence[str],
) -> str:  # fmt: skip
    """A function of two nested loops, over points and over vectors of units, with an address for every row."""
    parameters = [word for array in arrays for word in (f"{array}_at", f"{array}_stride")]
    parameters += ["points", "columns", *([shared] if shared else []), "constants_at"]
    text = "\n".join(body)
    lines = [f"def {name}({', '.join(parameters)}):", "    numbers = at(constants_at)", "    wide = 4 * columns"]
    lines += [f"    {constant} = spread(numbers[{index}])" for index, constant in enumerate(constants)]
    lines += ["    for row in range(points):"]
    for array in arrays:
        for index, address in enumerate(rows[array]):
            if f"{array}_row{index} " in text:
                lines.append(f"        {array}_row{index} = {address}")
    lines += [f"        for place in range(0, wide, {4 * LANES}):"]
    lines += [f"            {line}" for line in body]
    return "\n".join(lines) + "\n\n"


def _address(array: str, plane: int, part: int) -> str:
    return f"{array}_row{plane} + place" + (" + wide" if part else "")


def _read(array: str, names: Sequence[Sequence[str]], biased: int = 0) -> list[str]:
    """Vectors of a row's parts, for the rows that have names; the first rows with their bias."""
    lines = []
    for plane, parts in enumerate(names):
        for part, name in enumerate(parts):
            bias = f" + load(bias_at + place{' + wide' if part else ''})" if plane < biased else ""
            lines.append(f"{name} = load({_address(array, plane, part)}){bias}")
    return lines


def _store(array: str, results: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"store({result}, {_address(array, plane, part)})"
        for plane, parts in enumerate(results)
        for part, result in enumerate(parts)
    ]


def _summed(results: Sequence[str]) -> Iterator[str]:
    """Add the gradients of values to those of biases."""
    for part, result in enumerate(results):
        place = f"sums_at + place{' + wide' if part else ''}"
        yield f"store(load({place}) + {result}, {place})"


def _named(name: str, results: Sequence[str]) -> list[str]:
    """Results as variables: every one is computed before the first is stored."""
    return [f"{name}{index} = {result}" for index, result in enumerate(results)]


def _names(name: str, results: Sequence[str]) -> list[str]:
    return [f"{name}{index}" for index in range(len(results))]


def _by_plane(results: Sequence[str], like: Sequence[Sequence[Any]]) -> list[Sequence[str]]:
    """The first of a list of results, by planes with as many parts as those of another list."""
    found, first = [], 0
    for parts in like:
        found.append(results[first : first + len(parts)])
        first += len(parts)
    return found


def _split(results: Sequence[str], count: int) -> list[Sequence[str]]:
    """Equal parts."""
    size = len(results) // count
    return [results[index * size : (index + 1) * size] for index in range(count)]
