"""A field written for other programs."""

import contextlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

from inr._errors import InrError
from inr._files import check_writable, replacing
from inr._specs import format_spec
from inr._version import __version__
from inr.compression.bitstream.step_sizes import step_of
from inr.exporting._c import c
from inr.exporting._exchange import check_opset, onnx, pt2
from inr.exporting._follow import trace
from inr.exporting._glsl import NEWEST, OLDEST, glsl
from inr.exporting._js import js
from inr.exporting._program import Program
from inr.exporting._rounded import coded, shortened
from inr.exporting._shadertoy import shadertoy
from inr.exporting._shading import MAX_INLINE
from inr.exporting._wgsl import wgsl
from inr.field import Field

Target = Literal["onnx", "pt2", "glsl", "wgsl", "c", "js"]
Form = int | Literal["shadertoy"]
_SUFFIXES: Mapping[str, Target] = {
    ".onnx": "onnx", ".pt2": "pt2", ".glsl": "glsl", ".frag": "glsl", ".wgsl": "wgsl", ".c": "c", ".h": "c",
    ".js": "js", ".mjs": "js",
}  # fmt: skip
_STEPS = [step_of(index) for index in range(32, -129, -1)]  # of coded weights, the widest first


def target_of(path: Path) -> Target:
    """The target that a file's name says.

    Raises:
        InrError: it says none.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise InrError(f"{path} says no target: name it .onnx, .pt2, .glsl, .wgsl, .c or .js, or give --to")
    return _SUFFIXES[path.suffix.lower()]


def export(
    field: Field,
    path: str | os.PathLike[str],
    to: Target | str | None = None,
    *,
    quantised: bool = False,
    opset: int | None = None,
    form: Form | str | None = None,
    force: bool = False,
) -> list[Path]:
    """Write a field as a program that needs neither inr nor PyTorch, from coordinates to values.

    Coordinates are those of fields, x, y(, z)(, t) in [-1, 1]; values are in the signal's own units. Text holds a
    function `field` of one point, whatever the file is called by; ONNX and pt2 take any number of points.

    Args:
        field: any, on the processor.
        path: where to. What does not fit into the text of a shader lies beside it, in a file of the same name and
            ".data": a texture of 2,048 RGBA texels a row for GLSL, a storage buffer for WGSL, in little-endian float32.
        to: onnx, pt2, glsl, wgsl, c or js; None: what the file's name says.
        quantised: keep coded weights as whole numbers with their steps (text only).
        opset: version of ONNX's operators, None for torch's choice.
        form: of GLSL, the version of the language, 300 (WebGL 2) by default, or "shadertoy".
        force: overwrite files that are there.

    Returns:
        The files that were written.

    Raises:
        InrError: a target, version or form that is not known, options or a file name of another target, a field that
            the target cannot express or a shader cannot hold, or a file that exists.
        MissingExtra: libraries for ONNX are not installed.

    >>> field = inr.Field.build(inr.open("photo.png").domain, network="mlp:depth=2,width=16")
    >>> [path.name for path in inr.export(field, "photo.glsl")]
    ['photo.glsl']
    """
    path = Path(path)
    found = to or target_of(path)
    _check(found, quantised, opset, form)
    named = _SUFFIXES.get(path.suffix.lower(), found)
    if named != found:
        raise InrError(f"{path} is named as {named}, and is to be {found}: give it another name, or leave out --to")
    shadow = path.with_name(f"{path.name}.data")
    check_writable(path, force=force)
    if found in ("onnx", "pt2"):
        if found == "onnx":
            check_opset(opset)
        with replacing(path, force=force) as temporary:
            onnx(field, temporary, opset) if found == "onnx" else pt2(field, temporary)
        return [path]
    text, data = printed(field, found, quantised=quantised, form=form)
    with contextlib.ExitStack() as stack:
        for name, content in ((path, text), (shadow, data)):
            if content:
                stack.enter_context(replacing(name, force=force)).write_bytes(content)
    return [path, shadow] if data else [path]


def _check(to: str, quantised: bool, opset: int | None, form: Form | str | None) -> None:
    """Refuse what no target takes."""
    if to not in get_args(Target):
        raise InrError(f"unknown target '{to}': take {', '.join(get_args(Target))}")
    if opset is not None and to != "onnx":
        raise InrError(f"--opset is ONNX's, and {to} has none: leave it out, or take --to onnx")
    if quantised and to in ("onnx", "pt2"):
        raise InrError(f"--quantised keeps whole numbers in text, and {to} holds floats: take --to c, js, glsl or wgsl")
    if form is None:
        return
    if to != "glsl":
        raise InrError(f"--glsl is for --to glsl, not {to}: leave it out")
    if form == "shadertoy":
        return
    version = re.fullmatch(r"(\d{3})(?: ?(?:es|core))?", str(form))
    if version is None or int(version[1]) > NEWEST:
        raise InrError(f"unknown form of GLSL '{form}': take a version such as 300, 330 or 450, or shadertoy")
    if int(version[1]) < OLDEST:
        raise InrError(f"GLSL {form} is too old: it lacks constant arrays; take 300 (WebGL 2) or newer")


def printed(field: Field, to: str, *, quantised: bool = False, form: Form | str | None = None) -> tuple[bytes, bytes]:
    """The text of a field in a language, and what lies beside it.

    Args:
        field: any, on the processor.
        to: glsl, wgsl, c or js.
        quantised, form: as of `export`.

    Returns:
        The text, and little-endian float32 of its texture or storage buffer: none where everything is in the text.

    Raises:
        InrError: a field that the language cannot express, or that a shader cannot hold.

    >>> field = inr.Field.build(inr.open("photo.png").domain, network="mlp:depth=1,width=8")
    >>> b"vec3 field(vec2 p)" in inr.exporting.printed(field, "glsl")[0]
    True
    """
    program = trace(field)
    if quantised:
        program = _coded(program)
    notes = _notes(field)
    if to in ("c", "js"):
        return {"c": c, "js": js}[to](program, "field", notes), b""
    if program.constants <= MAX_INLINE:
        program = shortened(coded(program, _STEPS), field.domain.values.data_range)
    if form == "shadertoy":
        return shadertoy(program, field.domain, notes), b""
    shader: Callable = {"glsl": glsl, "wgsl": wgsl}[to]
    return shader(program, "field", notes)


def _coded(program: Program) -> Program:
    found = coded(program, _STEPS)
    if not any(array.step is not None for array in found.arrays()):
        raise InrError(
            "the field's weights are not coded, so there are no whole numbers to keep: inr compress codes them"
        )
    return found


def _notes(field: Field) -> list[str]:
    """What the text is, for who reads it."""
    axes = ", ".join(axis.name for axis in field.domain.axes)
    parts = ", ".join(f"{kind} {format_spec(config)}" for kind, config in field.config().items())
    article = "An" if field.domain.kind[0] in "aeiou" else "A"
    return [
        f"{article} {field.domain.kind}, of inr {__version__}: {parts}",
        f"field({axes}), each in [-1, 1], gives {field.domain.channels} values; their range is field_range.",
    ]
