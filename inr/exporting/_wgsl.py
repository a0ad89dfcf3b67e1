"""WGSL: a function for shaders of WebGPU."""

from collections.abc import Sequence

from inr.exporting._code import Language, written
from inr.exporting._numbers import row, short
from inr.exporting._polynomials import erf, multiple_below, nearest_multiple, reduced
from inr.exporting._program import Array, Program
from inr.exporting._shading import Placed, check_size, element_of, named, number, placed

_TYPES = {"float": "f32", "int": "i32", "bool": "bool"}
_CALLS = {
    "max": "max({0},{1})", "min": "min({0},{1})", "sin": "inr_sin({0})", "cos": "inr_cos({0})",
    "tanh": "inr_tanh({0})", "erf": "inr_erf({0})",
    "softplus": "inr_softplus({0})", "where": "select({2},{1},{0})", "neg": "(-{0})", "not": "(!{0})",
    "int": "i32({0})", "float": "f32({0})", "reciprocal": "(1./{0})", "rsqrt": "inverseSqrt({0})",
    "sigmoid": "(1./(1.+exp(-{0})))", "remainder": "inr_remainder({0},{1})",
}  # fmt: skip
_HELPERS = {
    "inr_turn": f"fn inr_turn(x:f32,k:f32)->f32{{{reduced('let ')}}}",
    "inr_sin": f"fn inr_sin(x:f32)->f32{{let k={nearest_multiple()};return inr_turn(x,k)*(1.-2.*(k-2.*floor(k*.5)));}}",
    "inr_cos": f"fn inr_cos(x:f32)->f32{{let k={multiple_below()};"
    "return inr_turn(x,k+.5)*(2.*(k-2.*floor(k*.5))-1.);}",
    "inr_tanh": "fn inr_tanh(x:f32)->f32{let e=exp(-2.*abs(x));return sign(x)*(1.-e)/(1.+e);}",
    "inr_erf": f"fn inr_erf(x:f32)->f32{{{erf('let ', 'min', 'max')}}}",
    "inr_softplus": "fn inr_softplus(x:f32)->f32{return max(x,0.)+log(1.+exp(-abs(x)));}",
    "inr_remainder": "fn inr_remainder(a:f32,b:f32)->f32{return a-b*floor(a/b);}",
}


def wgsl(program: Program, name: str, notes: Sequence[str]) -> tuple[bytes, bytes]:
    """The text of a function `name` from coordinates to values, and what its storage buffer holds.

    Args:
        program: what is printed.
        name: of the function; all that it needs bears names that begin with it.
        notes: comments for the first lines.

    Returns:
        The text, and little-endian float32 for the buffer of group 0, binding 0: empty where there is none.

    Raises:
        InrError: a field that a shader cannot hold.
    """
    apart = placed(program)
    text = written(program, _language(apart))
    check_size(apart, text.memory, "WGSL")
    given, found = (_vector(each.size) for each in (program.inputs, program.outputs))
    body = [
        *(["@group(0) @binding(0) var<storage,read> inr_data:array<f32>;"] if apart.offsets else []),
        f"const inr_range=vec2f({','.join(map(short, program.range))});",
        *text.helpers,
        *(_constant(each, array) for each, array in text.constants.items() if array not in apart.offsets),
        f"fn inr_(p:{given})->{found}{{",
        f"var v:{found};",
        *text.lines,
        "return v;}",
    ]
    return named(body, name, notes), apart.data(4)


def _vector(size: int) -> str:
    return "f32" if size == 1 else f"vec{size}f" if size <= 4 else f"array<f32,{size}>"


def _constant(name: str, array: Array) -> str:
    assert array.data is not None
    kind = "i32" if array.step is not None else _TYPES[array.kind]
    return f"const {name}=array<{kind},{array.size}>({row(array.data)});"


def _language(apart: Placed) -> Language:
    return Language(
        calls=_CALLS,
        helpers=_HELPERS,
        number=number,
        variable=lambda kind, name, value: f"let {name}={value};",
        assigned=lambda kind, name, value: f"var {name}={value};",
        array=lambda kind, name, size: f"var {name}:array<{_TYPES[kind]},{size}>;",
        loop=lambda counter, length: f"for(var {counter}=0;{counter}<{length};{counter}++)",
        element=element_of(apart, "f32", lambda place, offset: f"inr_data[{place}+{offset}]"),
        vectors=True,
        prefix="inr_",
        braces=True,
    )
