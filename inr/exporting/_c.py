"""C: one file, of C11 and its mathematics."""

from inr.exporting._code import Language, written
from inr.exporting._numbers import row, short
from inr.exporting._program import Array, Kind, Program

_TYPES = {"float": "real", "int": "int", "bool": "int"}
_CALLS = {
    "max.float": "fmax({0},{1})", "min.float": "fmin({0},{1})", "abs": "fabs({0})", "round": "rint({0})",
    "max.int": "inr_most({0},{1})", "min.int": "inr_least({0},{1})", "where": "({0}?{1}:{2})", "neg": "(-{0})",
    "not": "(!{0})", "int": "(int){0}", "float": "(real){0}", "reciprocal": "(1/{0})", "rsqrt": "(1/sqrt({0}))",
    "sigmoid": "(1/(1+exp(-{0})))", "sign": "inr_sign({0})", "softplus": "inr_softplus({0})",
    "remainder": "inr_remainder({0},{1})", "mul.int": "(int)((unsigned){0}*(unsigned){1})",
}  # fmt: skip
_HELPERS = {
    "inr_most": "static int inr_most(int a, int b) { return a > b ? a : b; }",
    "inr_least": "static int inr_least(int a, int b) { return a < b ? a : b; }",
    "inr_sign": "static real inr_sign(real x) { return (x > 0) - (x < 0); }",
    "inr_softplus": "static real inr_softplus(real x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }",
    "inr_remainder": "static real inr_remainder(real a, real b) { return a - b * floor(a / b); }",
}
_INTEGERS = ((127, "signed char"), (32_767, "short"), (2**31, "int"))


def c(program: Program, name: str, notes: list[str]) -> bytes:
    """A C file with the function `name`(coordinates, values), for `real` = float, or another with -Dreal=double."""
    text = written(program, _LANGUAGE)
    ends = zip(("low", "high"), program.range, strict=True)
    lines = [
        *(f"// {note}" for note in notes),
        "#include <math.h>",
        "#include <tgmath.h>",
        "#ifndef real",
        "#define real float",
        "#endif",
        f"enum {{ {name}_inputs = {program.inputs.size}, {name}_outputs = {program.outputs.size} }};",
        *(f"#define {name}_{end} ({_number(value, 'float')})" for end, value in ends),
        *text.helpers,
        f"void {name}(const real *p, real *v) {{",
        *(f"  {_constant(given, array)}" for given, array in text.constants.items()),
        *(f"  {line}" for line in text.lines),
        "}",
        "",
    ]
    return "\n".join(lines).replace("inr_", f"{name}_").encode()


def _number(value: float, kind: Kind) -> str:
    return f"(real){short(value, single=False)}" if kind == "float" else str(int(value))


def _constant(name: str, array: Array) -> str:
    assert array.data is not None
    held = _TYPES[array.kind]
    if array.step is not None:
        largest = max(abs(int(array.data.min())), abs(int(array.data.max())))
        held = next(kind for most, kind in _INTEGERS if largest <= most)
    return f"static const {held} {name}[{array.size}] = {{{row(array.data)}}};"


def _element(array: Array, name: str, place: str) -> str | None:
    return None if array.step is None else f"((real){short(array.step, single=False)}*{name}[{place}])"


_LANGUAGE = Language(
    calls=_CALLS,
    helpers=_HELPERS,
    number=_number,
    variable=lambda kind, name, value: f"const {_TYPES[kind]} {name}={value};",
    assigned=lambda kind, name, value: f"{_TYPES[kind]} {name}={value};",
    array=lambda kind, name, size: f"{_TYPES[kind]} {name}[{size}];",
    loop=lambda counter, length: f"for(int {counter}=0;{counter}<{length};{counter}++)",
    element=_element,
)
