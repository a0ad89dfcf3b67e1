"""`inr mesh`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inr._files import check_writable
from inr.cli import _pipes
from inr.cli._console import print_json, remark
from inr.cli._progress import waiting
from inr.cli._render import Engine, Force, Format, Quiet, read_field, tell_damage

if TYPE_CHECKING:
    from inr import Field

EPILOG = """
[bold]Examples[/bold]

  inr mesh bunny.inr                              # bunny.ply

  inr mesh bunny.inr -o bunny.glb --resolution 1024

  inr mesh bunny.inr -o bunny.stl --newton        # vertices moved onto the field's own surface

  inr mesh logo.inr -o logo.svg                   # the outline of a silhouette
"""

Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="The file to write, .ply, .obj, .stl or .glb, and .svg of silhouettes. Beside the field, named after it, "
        "if not given; - for standard output.",
        show_default=False,
        callback=_pipes.outgoing,
    ),
]


def mesh(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FIELD.inr", help="A shape that inr fit wrote; - for standard input.", callback=_pipes.incoming
        ),
    ],
    output: Output = None,
    form: Format = None,  # seen by the callback of the output
    resolution: Annotated[
        int | None,
        typer.Option(
            "--resolution",
            "-r",
            help="Cells along each axis of the box, of which the longest side takes 90 %; 256 if not given, and 1024 "
            "of silhouettes.",
            show_default=False,
        ),
    ] = None,
    newton: Annotated[
        bool, typer.Option("--newton", help="Move vertices onto the surface by one of Newton's steps.")
    ] = False,
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Evaluate the field everywhere; slow: it checks what is left out.")
    ] = False,
    engine: Engine = "auto",
    force: Force = False,
    quiet: Quiet = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the mesh is as JSON.")] = False,
) -> None:
    """Turn a shape into a closed mesh of triangles, at any resolution."""
    with waiting(f"reading {file}", quiet=quiet):
        field, damaged = read_field(file)
    plane = field.domain.kind == "shape" and field.domain.in_dim == 2
    path = output or _beside(file, ".svg" if plane else ".ply")
    make = _outline if plane else _mesh
    report = make(
        field, path, resolution, newton=newton, exhaustive=exhaustive, engine=engine, force=force, quiet=quiet
    )
    if as_json:
        print_json({"file": str(path)} | report)
    elif not quiet:
        remark(_words(path, report))
    tell_damage(file, damaged)


def _beside(file: Path, suffix: str) -> Path:
    return Path(file.stem + suffix) if _pipes.is_piped(file) else file.with_suffix(suffix)


def _mesh(
    field: "Field", path: Path, resolution: int | None, *, newton: bool, exhaustive: bool, engine: str, force: bool,
    quiet: bool,
) -> dict[str, Any]:  # fmt: skip
    from inr import shapes
    from inr.geometry import mesh_format, topology, write_mesh

    suffix = mesh_format(path)
    check_writable(path, force=force)
    with waiting("looking for the surface", quiet=quiet):
        found = shapes.mesh(
            field,
            256 if resolution is None else resolution,
            normals=suffix != ".stl",
            newton=newton,
            exhaustive=exhaustive,
            engine=engine,
        )
    with waiting(f"writing {path}", quiet=quiet):
        write_mesh(path, found, force=force)
        kind = topology(found)
    return {"vertices": len(found.vertices), "faces": len(found.faces)} | kind._asdict() | {"volume": found.volume}


def _outline(
    field: "Field", path: Path, resolution: int | None, *, newton: bool, exhaustive: bool, engine: str, force: bool,
    quiet: bool,
) -> dict[str, Any]:  # fmt: skip
    from inr._errors import InrError
    from inr.geometry import enclosed_area
    from inr.shapes import outline, write_outline

    if newton or exhaustive:
        raise InrError("--newton and --exhaustive are for shapes in space; this one is a silhouette")
    check_writable(path, force=force)
    with waiting("looking for the outline", quiet=quiet):
        curves = outline(field, 1024 if resolution is None else resolution, engine=engine)
    write_outline(path, curves, force=force)
    return {"points": sum(map(len, curves)), "curves": len(curves), "area": abs(enclosed_area(curves))}


def _words(path: Path, report: dict[str, Any]) -> str:
    """One line on what was written."""
    if "curves" in report:
        return (
            f"wrote {path}: {_count(report['curves'], 'curve')}, {report['points']:,} points, area {report['area']:.5g}"
        )
    closed = "watertight" if report["watertight"] else "not watertight"
    return (
        f"wrote {path}: {report['vertices']:,} vertices, {report['faces']:,} triangles; {closed}, "
        f"{_count(report['components'], 'component')}, Euler characteristic {report['euler']}, volume "
        f"{report['volume']:.5g}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number:,} {what}s"
