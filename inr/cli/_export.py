"""`inr export`."""

import warnings
from pathlib import Path
from typing import Annotated

import typer

from inr._errors import InrError, InrWarning
from inr.cli._console import remark, size
from inr.cli._progress import waiting
from inr.cli._render import DAMAGED, Force, Quiet, is_set_file, item_of, read_field, tell_damage

EPILOG = """
[bold]Examples[/bold]

  inr export photo.inr --to glsl                    # photo.glsl: a function of a point, for WebGL 2

  inr export photo.inr --to glsl --glsl shadertoy   # to be pasted into Shadertoy

  inr export photo.inr -o photo.c                   # C11 and its mathematics; likewise .js and .wgsl

  inr export photo.inr -o photo.onnx                # for any number of points; by onnxscript

  inr export small.inr --to js --quantised          # coded weights as whole numbers and their steps

  inr export set.inr -o set.safetensors             # a set's tensors, with an axis over the fields; or .parquet

Coordinates are in [-1, 1] along x, y(, z)(, t); values are in the signal's own units.

[bold]Exit status[/bold] 0 fine; 2 bad input; 4 sections or fields that are damaged were left out.
"""


def export(
    file: Annotated[Path, typer.Argument(metavar="F.inr", help="A field, or a set of inr fit DIR -o SET.inr.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The file to write; by default the field's name.", show_default=False),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="onnx, pt2, glsl, wgsl, c or js; by default what -o ends in.", show_default=False),
    ] = None,
    quantised: Annotated[
        bool, typer.Option("--quantised", help="Keep coded weights as whole numbers with their steps.")
    ] = False,
    opset: Annotated[
        int | None, typer.Option(help="Version of ONNX's operators, from 18 on.", show_default=False)
    ] = None,
    glsl: Annotated[
        str | None,
        typer.Option(help="Version of GLSL, as 300 (WebGL 2) or 450, or shadertoy.", show_default=False),
    ] = None,
    item: Annotated[str | None, typer.Option(metavar="NAME", help="One field of a set.", show_default=False)] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write a field as a program of another language, or the weights of a set, for other programs."""
    from inr import compression, container  # noqa: F401  which knows the coding of sections
    from inr.exporting import export as write

    if item is None and is_set_file(file):
        if to is not None or quantised or opset is not None or glsl is not None:
            raise InrError(f"{file} holds a set: name one field with --item, or leave out all but -o for its weights")
        _export_set(file, output, force=force, quiet=quiet)
        return
    if output is None and to is None:
        raise InrError("say what to export to: --to onnx, pt2, glsl, wgsl, c or js")
    if str(output) == "-":
        raise InrError("inr export writes files, and nothing to standard output: give -o a file's name")
    if item is None:
        field, damaged = read_field(file)
        stem = file.stem
    else:
        (field, stem), damaged = item_of(file, item, quiet=quiet), ()
    path = output or file.with_name(f"{stem}.{to}")
    if path.exists() and path.samefile(file):
        raise InrError(f"{path} is the field itself; give another output")
    with waiting(f"writing {path}", quiet=quiet):
        written = write(field, path, to, quantised=quantised, opset=opset, form=glsl, force=force)
    if not quiet:
        for each in written:
            remark(f"wrote {each}: {size(each.stat().st_size)}")
    tell_damage(file, damaged)


def _export_set(file: Path, output: Path | None, *, force: bool, quiet: bool) -> None:
    """Write the weights of a set."""
    from inr.sets import export as write
    from inr.sets import load_set

    if output is None:
        raise InrError(
            f"{file} holds a set: give -o, as in -o {file.stem}.safetensors, or --item for one of its fields"
        )
    fields = load_set(file)
    with waiting(f"writing {output}", quiet=quiet), warnings.catch_warnings(record=True) as damage:
        warnings.simplefilter("always", InrWarning)
        write(fields, output, force=force)
    if not quiet:
        remark(f"wrote {output}: {len(fields):,} fields, {size(output.stat().st_size)}")
    for each in damage:
        remark(f"left out: {each.message}")
    if damage:
        raise typer.Exit(DAMAGED)
