"""GLSL: a function for shaders of WebGL 2 (GLSL ES 3.00) and of desktops (from 3.30 on), or all of Shadertoy's."""

from collections.abc import Sequence

from inr._errors import InrError
from inr.exporting._code import Language, written
from inr.exporting._numbers import row, short
from inr.exporting._polynomials import erf, multiple_below, nearest_multiple, reduced
from inr.exporting._program import Array, Program
from inr.exporting._shading import WIDTH, Placed, check_size, element_of, named, number, placed

OLDEST, NEWEST = 300, 460
MAX_SHADERTOY = 16_384  # constants in a text that has no textures of its own
_CALLS = {
    "max": "max({0},{1})", "min": "min({0},{1})", "sin": "inr_sin({0})", "cos": "inr_cos({0})",
    "tanh": "inr_tanh({0})", "erf": "inr_erf({0})",
    "softplus": "inr_softplus({0})", "round": "roundEven({0})", "where": "({0}?{1}:{2})", "neg": "(-{0})",
    "not": "(!{0})", "int": "int({0})", "float": "float({0})", "reciprocal": "(1./{0})", "rsqrt": "inversesqrt({0})",
    "sigmoid": "(1./(1.+exp(-{0})))", "remainder": "mod({0},{1})",
}  # fmt: skip
_HELPERS = {
    "inr_turn": f"float inr_turn(float x,float k){{{reduced('float ')}}}",
    "inr_sin": f"float inr_sin(float x){{float k={nearest_multiple()};return inr_turn(x,k)*(1.-2.*mod(k,2.));}}",
    "inr_cos": f"float inr_cos(float x){{float k={multiple_below()};return inr_turn(x,k+.5)*(2.*mod(k,2.)-1.);}}",
    "inr_tanh": "float inr_tanh(float x){float e=exp(-2.*abs(x));return sign(x)*(1.-e)/(1.+e);}",
    "inr_erf": f"float inr_erf(float x){{{erf('float ', 'min', 'max')}}}",
    "inr_softplus": "float inr_softplus(float x){return max(x,0.)+log(1.+exp(-abs(x)));}",
    "inr_at": f"float inr_at(int i){{return texelFetch(inr_data,ivec2(i/4%{WIDTH},i/{4 * WIDTH}),0)[i%4];}}",
}


def glsl(program: Program, name: str, notes: Sequence[str], *, shadertoy: bool = False) -> tuple[bytes, bytes]:
    """The text of a function `name` from coordinates to values, and what its texture holds.

    Args:
        program: what is printed.
        name: of the function; all that it needs bears names that begin with it.
        notes: comments for the first lines.
        shadertoy: whether all constants stand in the text.

    Returns:
        The text, and rows of `WIDTH` RGBA texels as little-endian float32: empty where there is no texture.

    Raises:
        InrError: a field that a shader cannot hold.
    """
    apart = placed(program, MAX_SHADERTOY) if shadertoy else placed(program)
    if shadertoy and apart.apart:
        raise InrError(
            f"the field has {program.constants:,} numbers and Shadertoy's form holds {MAX_SHADERTOY:,}, having no "
            "textures of its own: fit a smaller network, or leave out --glsl shadertoy"
        )
    text = written(program, _language(apart))
    check_size(apart, text.memory, "GLSL")
    given, found = (_vector(each.size) for each in (program.inputs, program.outputs))
    body = [
        *(["uniform highp sampler2D inr_data;"] if apart.offsets else []),
        f"const vec2 inr_range=vec2({','.join(map(short, program.range))});",
        *text.helpers,
        *(_constant(each, array) for each, array in text.constants.items() if array not in apart.offsets),
        f"{found} inr_({given} p){{",
        f"{found} v;",
        *text.lines,
        "return v;}",
    ]
    return named(body, name, notes), apart.data(4 * WIDTH)


def _vector(size: int) -> str:
    return "float" if size == 1 else f"vec{size}" if size <= 4 else f"float[{size}]"


def _constant(name: str, array: Array) -> str:
    assert array.data is not None
    kind = "int" if array.step is not None else array.kind
    return f"const {kind} {name}[{array.size}]={kind}[]({row(array.data)});"


def _language(apart: Placed) -> Language:
    def fetched(place: str, offset: int) -> str:
        return f"inr_at({place}+{offset})" if offset else f"inr_at({place})"

    return Language(
        calls=_CALLS,
        helpers=_HELPERS,
        number=number,
        variable=lambda kind, name, value: f"{kind} {name}={value};",
        assigned=lambda kind, name, value: f"{kind} {name}={value};",
        array=lambda kind, name, size: f"{kind} {name}[{size}];",
        loop=lambda counter, length: f"for(int {counter}=0;{counter}<{length};{counter}++)",
        element=element_of(apart, "float", fetched),
        vectors=True,
        prefix="inr_",
    )
