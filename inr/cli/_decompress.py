"""`inr decompress`."""

from pathlib import Path
from typing import Annotated

import typer

from inr.cli import _pipes
from inr.cli._parsing import parse_bytes
from inr.cli._render import Engine, Force, Format, Output, Part, Quiet, Scale, Size, to_samples

EPILOG = """
[bold]Examples[/bold]

  inr decompress photo.inr                             # photo.decoded.png

  inr decompress photo.inr --size 2048x1365 -o big.png

  inr decompress photo.inr --box -1:0,-1:0             # the top left quarter

  head -c 2000 photo.inr > part.inr; inr decompress part.inr

[bold]Exit status[/bold] 4: enhancement sections are damaged or missing; the rest was decoded.
"""


def decompress(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.inr",
            help="What inr compress wrote, or the beginning of it; - for standard input.",
            callback=_pipes.incoming,
        ),
    ],
    output: Output = None,
    form: Format = None,  # seen by the callback of the output
    size: Size = None,
    scale: Scale = None,
    box: Part = None,
    engine: Engine = "auto",
    initial: Annotated[
        Path | None, typer.Option(help="What the file was compressed with as --initial.", show_default=False)
    ] = None,
    max_memory: Annotated[
        str, typer.Option(help="The largest number of bytes that weights, and samples, may take: 500MB, 4GiB.")
    ] = "1GiB",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Turn a compressed file back into a picture, sound, video or volume."""
    to_samples(
        file,
        output,
        size,
        scale,
        box,
        engine,
        name="decoded",
        max_bytes=parse_bytes(max_memory),
        reference=initial,
        force=force,
        quiet=quiet,
    )
