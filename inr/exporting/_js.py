"""JavaScript: one module, for browsers and Node.js."""

import base64

import numpy as np

from inr.exporting._code import Language, written
from inr.exporting._numbers import row, short
from inr.exporting._polynomials import erf
from inr.exporting._program import Array, Kind, Program

_MANY = 256  # constants; more are kept as bytes
_CALLS = {
    **{name: f"Math.{name}({{0}})" for name in (
        "sin", "cos", "tan", "exp", "log", "sqrt", "tanh", "sinh", "cosh", "abs", "floor", "ceil", "sign",
    )},
    "max": "Math.max({0},{1})", "min": "Math.min({0},{1})", "round": "even({0})", "where": "({0}?{1}:{2})",
    "neg": "(-{0})", "not": "(!{0})", "int": "Math.trunc({0})", "float": "Number({0})", "reciprocal": "(1/{0})",
    "rsqrt": "(1/Math.sqrt({0}))", "sigmoid": "(1/(1+Math.exp(-{0})))", "softplus": "softplus({0})",
    "remainder": "remainder({0},{1})", "mul.int": "Math.imul({0},{1})", "erf": "erf({0})",
}  # fmt: skip
_HELPERS = {
    "even": "const even = (x) => { const y = Math.round(x); return y - x === 0.5 && y % 2 ? y - 1 : y; };",
    "softplus": "const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));",
    "remainder": "const remainder = (a, b) => a - b * Math.floor(a / b);",
    "erf": "const erf = (x) => { " + erf("const ", "Math.min", "Math.max") + " };",
    "bytes": "const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0)).buffer;",
}
_ARRAYS = {"float": "Float64Array", "int": "Int32Array", "bool": "Uint8Array"}
_KEPT = {"f4": "Float32Array", "f8": "Float64Array", "i1": "Int8Array", "i2": "Int16Array", "i4": "Int32Array"}


def js(program: Program, name: str, notes: list[str]) -> bytes:
    """A module that exports a function `name` of an array of coordinates, which gives an array of values."""
    text = written(program, _LANGUAGE)
    kept = [_constant(given, array) for given, array in text.constants.items()]
    decoding = [_HELPERS["bytes"]] if any("bytes(" in each for each in kept) else []
    lines = [
        *(f"// {note}" for note in notes),
        *decoding,
        *text.helpers,
        *kept,
        f"export function {name}(p) {{",
        f"  const v = new Float64Array({program.outputs.size});",
        *(f"  {line}" for line in text.lines),
        "  return v;",
        "}",
        f"{name}.inputs = {program.inputs.size};",
        f"{name}.outputs = {program.outputs.size};",
        f"{name}.range = [{row(np.array(program.range))}];",
        "",
    ]
    return "\n".join(lines).encode()


def _number(value: float, kind: Kind) -> str:
    return short(value, single=False) if kind == "float" else str(int(value))


def _constant(name: str, array: Array) -> str:
    assert array.data is not None
    kind = next(kind for kind in _KEPT if array.data.dtype == kind) if array.data.dtype != np.int64 else "i4"
    if array.step is None and array.size <= _MANY:
        return f"const {name} = new {_KEPT[kind]}([{row(array.data)}]);"
    encoded = base64.b64encode(array.data.astype(f"<{kind}").tobytes()).decode()
    return f'const {name} = new {_KEPT[kind]}(bytes("{encoded}"));'


def _element(array: Array, name: str, place: str) -> str | None:
    return None if array.step is None else f"({short(array.step, single=False)}*{name}[{place}])"


_LANGUAGE = Language(
    calls=_CALLS,
    helpers=_HELPERS,
    number=_number,
    variable=lambda kind, name, value: f"const {name}={value};",
    assigned=lambda kind, name, value: f"let {name}={value};",
    array=lambda kind, name, size: f"const {name}=new {_ARRAYS[kind]}({size});",
    loop=lambda counter, length: f"for(let {counter}=0;{counter}<{length};{counter}++)",
    element=_element,
)
