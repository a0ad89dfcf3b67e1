"""`inr decompress`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inr._errors import InrError
from inr._files import check_writable
from inr.cli import _pipes
from inr.cli._coded import decompress_by_base
from inr.cli._parsing import parse_bytes
from inr.cli._progress import waiting
from inr.cli._render import (
    Engine,
    Force,
    Format,
    Output,
    Part,
    Quiet,
    Scale,
    Size,
    default_output,
    tell_damage,
    tell_written,
    to_samples,
)

if TYPE_CHECKING:
    from inr.container import Contents

EPILOG = """
[bold]Examples[/bold]

  inr decompress photo.inr                             # photo.decoded.png

  inr decompress photo.inr --size 2048x1365 -o big.png

  inr decompress photo.inr --box -1:0,-1:0             # the top left quarter

  inr decompress photo.inr --prefix 0.3                # of the first 30 % of the file

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
    prefix: Annotated[
        float | None,
        typer.Option(help="Decode the first part of the file alone: 0.3 of its bytes, say.", show_default=False),
    ] = None,
    engine: Engine = "auto",
    initial: Annotated[
        Path | None, typer.Option(help="What the file was compressed with as --initial.", show_default=False)
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(help="What the file was compressed with as --base, if not beside it.", show_default=False),
    ] = None,
    max_memory: Annotated[
        str, typer.Option(help="The largest number of bytes that weights, and samples, may take: 500MB, 4GiB.")
    ] = "1GiB",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Turn a compressed file back into a picture, sound, video or volume."""
    max_bytes = parse_bytes(max_memory)
    with waiting(f"reading {file}", quiet=quiet):
        contents = _read(file, prefix, max_bytes)
    from inr.priors import is_coded

    if is_coded(contents.header):
        decompress_by_base(contents, file, output, base, max_bytes, force=force, quiet=quiet)
        return
    from inr.compression.latent_files import is_latent

    if is_latent(contents.header) and size is None and scale is None and box is None:
        _write_samples(contents, file, output, max_bytes, force=force, quiet=quiet)
        return
    to_samples(
        file,
        output,
        size,
        scale,
        box,
        engine,
        name="decoded",
        contents=contents,
        max_bytes=max_bytes,
        reference=initial or base,
        force=force,
        quiet=quiet,
    )


def _read(file: Path, prefix: float | None, max_bytes: int) -> "Contents":
    """What is in a file, or in its beginning."""
    from inr import container

    if prefix is None:
        return container.read(file, max_bytes=max_bytes)
    if not 0 < prefix <= 1:
        raise InrError(f"--prefix is a share of the file's bytes, above 0 and up to 1, not {prefix:g}")
    try:
        return container.read(file, max_bytes=max_bytes, share=prefix)
    except InrError as error:
        whole = container.read(file, max_bytes=max_bytes)  # what is wrong with all of it needs no word of a beginning
        size = file.stat().st_size
        least = math.ceil(1000 * whole.base_size / size) / 1000
        raise InrError(
            f"the first {100 * prefix:.3g} % of {file} do not decode: the shortest beginning that does is "
            f"--prefix {least:g}, {whole.base_size} of {size} bytes"
        ) from error


def _write_samples(
    contents: "Contents", file: Path, output: Path | None, max_bytes: int, *, force: bool, quiet: bool
) -> None:
    """Write the samples of a file of codec latent on their own grid, which takes no torch."""
    from inr.compression.latent_files import marked, samples_of
    from inr.signals import default_suffix, file_format, write

    with waiting(f"decoding {file}", quiet=quiet):
        samples, domain = samples_of(contents, max_bytes=max_bytes)
    path = output or default_output(file, default_suffix(domain), "decoded")
    file_format(str(path), domain.kind)
    check_writable(path, force=force)
    with waiting(f"writing {path}", quiet=quiet):
        write(path, marked(samples, domain), domain, force=force)
    if not quiet:
        tell_written(path, samples.shape[:-1], domain)
    tell_damage(file, contents.damaged)
