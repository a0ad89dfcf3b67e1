"""`inr compress` and `inr recompress`."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inr._errors import InrError
from inr._files import check_writable, replacing
from inr.cli import _pipes
from inr.cli._console import decibels, out, pairs, print_json, remark, size, tell_folder
from inr.cli._fit_options import Nodata, ValueRange
from inr.cli._parsing import parse_range
from inr.cli._progress import FitBar, waiting
from inr.cli._render import Force, Quiet

if TYPE_CHECKING:
    from inr.compression import Compressed

EPILOG = """
[bold]Examples[/bold]

  inr compress photo.png                       # photo.inr, 0.3 bits a pixel

  inr compress photo.png --bytes 20000 -o small.inr

  inr compress photo.png --psnr 30             # searches the size: several fits

  inr compress map.npy --codec mlp:sphere=true --bytes 300

  inr compress frame2.png --initial frame1.inr # what differs from a similar picture

  inr decompress photo.inr                     # photo.decoded.png

[bold]Exit status[/bold] 3: the target could not be met; the file is the nearest to it.
"""
RECOMPRESS_EPILOG = """
[bold]Examples[/bold]

  inr recompress photo.inr -o small.inr --bytes 40000

  inr recompress photo.inr -o small.inr --psnr 38 --signal photo.png

[bold]Exit status[/bold] 3: the target could not be met; the file is the nearest to it.
"""
MISSED = 3  # exit status of a file that misses its target

_TARGET = "Target (one of them)"


def _target(words: str, *names: str) -> Any:
    return typer.Option(*names, help=words, rich_help_panel=_TARGET, show_default=False)


Bpp = Annotated[float | None, _target("Bits per sample (pixel), all of the file counted; 0.3 if nothing is given.")]
Bytes = Annotated[int | None, _target("The largest number of bytes of the file.", "--bytes")]
Psnr = Annotated[float | None, _target("dB of the decoded samples; the smallest file that reaches it is searched.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="The file to write; - for standard output.",
        show_default=False,
        callback=_pipes.outgoing,
    ),
]
Steps = Annotated[
    int | None, typer.Option(help="Steps of a fit; as many as suit the signal if not given.", show_default=False)
]
Engine = Annotated[
    str,
    typer.Option(help="What runs the fits, as in cpu:threads=2; the fastest if not given.", show_default=False),
]
Seed = Annotated[int, typer.Option(help="Decides initial weights and batches; 0 if not given.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Initial = Annotated[
    Path | None,
    typer.Option(
        help="A file of a similar signal, whose weights to begin from; decompressing takes it, too.", show_default=False
    ),
]


def compress(
    signal: Annotated[
        Path,
        typer.Argument(
            metavar="SIGNAL", help="Picture, sound, video or volume; - for standard input.", callback=_pipes.incoming
        ),
    ],
    output: Output = None,
    codec: Annotated[
        str,
        typer.Option(help="As in mlp:sphere=true; mlp if not given. inr parts codec lists them.", show_default=False),
    ] = "mlp",
    bpp: Bpp = None,
    size_in_bytes: Bytes = None,
    psnr: Psnr = None,
    steps: Steps = None,
    engine: Engine = "auto",
    seed: Seed = 0,
    initial: Initial = None,
    value_range: ValueRange = None,
    nodata: Nodata = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fit a signal with few bytes and save it as an .inr file."""
    path = output or Path(f"{signal.stem}.inr")
    _check(path, signal, force=force)
    with waiting(f"reading {signal}", quiet=quiet):
        import inr
        from inr.compression import compress_and_measure

        source = inr.open(signal, value_range=parse_range(value_range), nodata=nodata)
    tell_folder(signal, source, quiet=quiet)

    def run(on_event: Callable[[Any], None]) -> "Compressed":
        return compress_and_measure(
            source, codec=codec, bpp=bpp, bytes=size_in_bytes, psnr=psnr, steps=steps, engine=engine, seed=seed,
            reference=initial, on_event=on_event,
        )  # fmt: skip

    _write(run, path, source.size, force=force, quiet=quiet, as_json=as_json)


def recompress(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FIELD.inr", help="A field that inr fit wrote; - for standard input.", callback=_pipes.incoming
        ),
    ],
    output: Output = None,
    signal: Annotated[
        Path | None,
        typer.Option(help="What it was fitted to; what it renders itself if not given.", show_default=False),
    ] = None,
    bpp: Bpp = None,
    size_in_bytes: Bytes = None,
    psnr: Psnr = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Steps with quantised weights; 0 only rounds; as suits the field if not given.",
            show_default=False,
        ),
    ] = None,
    engine: Engine = "auto",
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Quantise and entropy-code the weights of a field that is fitted already."""
    path = output or file.with_name(f"{file.stem}.small.inr")
    _check(path, file, force=force)
    with waiting(f"reading {file}", quiet=quiet):
        import inr
        from inr.compression import recompress as run_recompress

        field = inr.load(file)
        source = None if signal is None else inr.open(signal)
    if field.domain.shape is None:
        raise InrError(f"{file} was fitted to scattered samples; codecs compress fields on grids")

    def run(on_event: Callable[[Any], None]) -> "Compressed":
        return run_recompress(
            field, signal=source, bpp=bpp, bytes=size_in_bytes, psnr=psnr, steps=steps, engine=engine, seed=seed,
            on_event=on_event,
        )  # fmt: skip

    _write(run, path, math.prod(field.domain.shape), force=force, quiet=quiet, as_json=as_json)


def _check(path: Path, source: Path, *, force: bool) -> None:
    """Refuse before the fits what could not be written after them."""
    if path.exists() and source.exists() and path.samefile(source):
        raise InrError(f"{path} is the input itself; give another output")
    check_writable(path, force=force)


def _write(
    run: Callable[[Callable[[Any], None]], "Compressed"],
    path: Path,
    samples: int,
    *,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run the codec with a bar, write what it made, say what it came to."""
    begin = time.perf_counter()
    with FitBar(quiet=quiet) as bar:
        made = run(bar.show)
    seconds = time.perf_counter() - begin
    with replacing(path, force=force) as temporary:
        temporary.write_bytes(made.data)
    result = {
        "file": str(path),
        "bytes": len(made.data),
        "bits_per_sample": 8 * len(made.data) / samples,
        "psnr": made.psnr,
        "seconds": seconds,
        "missed": made.missed,
    }
    if as_json:
        print_json(result)
    elif not quiet:
        rows = {
            "file": str(path),
            "size": f"{size(len(made.data))}, {result['bits_per_sample']:.3g} bits a sample",
            "PSNR": f"{decibels(made.psnr)}, decoded",
            "encoding": f"{seconds:.1f} s",
        }
        out().print(pairs(rows))
    if made.missed is not None:
        remark(f"the target was missed: {made.missed}; {path} is the nearest to it")
        raise typer.Exit(MISSED)
