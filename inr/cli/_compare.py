"""`inr compare`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.table import Table

from inr._errors import InrError
from inr._files import check_writable
from inr.cli import _pipes
from inr.cli._compress import (
    Bpp,
    Bytes,
    Codec,
    Engine,
    Json,
    Preset,
    Psnr,
    Quality,
    Seconds,
    Seed,
    Steps,
    tell_cap,
)
from inr.cli._compress_work import MISSED
from inr.cli._console import INTERRUPTED, decibels, out, print_json, remark
from inr.cli._progress import FitBar, waiting
from inr.cli._render import Force, Quiet

if TYPE_CHECKING:
    import numpy as np

    from inr.diagnostics import CodedPicture

EPILOG = """
[bold]Examples[/bold]

  inr compare photo.png --bpp 0.3               # photo.compare.png

  inr compare photo.png --preset fast -o sheet.pdf

  inr compare photo.png --file photo.inr        # of a file that is there already

  inr compare photo.png --codecs avif,jpeg      # beside these alone

[bold]Rules[/bold] Every other codec is run at the highest quality whose file takes no more bytes than ours: AVIF at
speed 4 without subsampled colours, WebP at method 6, JPEG progressive and optimised. Bytes are those of whole files,
PSNR and SSIM those of decoded 8-bit pixels.

[bold]Exit status[/bold]

  0 fine; 2 bad input, or output that cannot be written; 3 a target of ours could not be met, or another codec has no
  file so small; 130 interrupted (the sheet shows the best so far)
"""
_DEFAULT_PEERS = "avif,jpeg2000,webp,jpeg"


class _Ours(NamedTuple):
    """What a picture was compressed to here."""

    name: str
    size: int
    pixels: "np.ndarray"
    note: str
    missed: str | None = None
    ended: str | None = None


def compare(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="- for standard input.", callback=_pipes.incoming)],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="The sheet, a .png or .pdf; PICTURE.compare.png if not given.", show_default=False
        ),
    ] = None,
    codec: Codec = None,
    bpp: Bpp = None,
    size_in_bytes: Bytes = None,
    psnr: Psnr = None,
    quality: Quality = None,
    preset: Preset = None,
    file: Annotated[
        Path | None,
        typer.Option(help="What inr compress made of the picture, instead of compressing it now.", show_default=False),
    ] = None,
    peers: Annotated[str, typer.Option("--codecs", help="What to compare with, with commas between.")] = _DEFAULT_PEERS,
    steps: Steps = None,
    seconds: Seconds = None,
    engine: Engine = "auto",
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Show a picture beside AVIF, JPEG 2000, WebP and JPEG at equal bytes, on one sheet."""
    sheet = output or Path(f"{picture.stem}.compare.png")
    if sheet.suffix.lower() not in (".png", ".pdf"):
        raise InrError(f"a sheet is a PNG or a PDF; call it {sheet.with_suffix('.png')}")
    check_writable(sheet, force=force)
    fitting = {
        "codec": codec, "bpp": bpp, "bytes": size_in_bytes, "psnr": psnr, "quality": quality, "preset": preset,
        "steps": steps,
    }  # fmt: skip
    given = {name: value for name, value in fitting.items() if value is not None}
    if file is not None and (given or seconds is not None):
        first = next(iter(given), "seconds")
        raise InrError(f"--file shows a file as it is; leave out --{first}")
    with waiting(f"reading {picture}", quiet=quiet):
        import inr
        from inr.compression.eight_bits import eight_bit_picture
        from inr.compression.peers import PEERS, find_peer

        chosen = [find_peer(name.strip()) for name in peers.split(",")]
        if peers == _DEFAULT_PEERS:
            chosen = [(name, peer) for name, peer in PEERS.items() if peer.available]
        pixels, changes = eight_bit_picture(inr.open(picture))
    for change in changes if not quiet else []:
        remark(f"{picture}: {change}")
    if file is not None:
        ours = _decoded(file, pixels, quiet=quiet)
    else:
        ours = _compressed(pixels, given | {"engine": engine, "seed": seed}, seconds, quiet=quiet)
    pictures, larger = [_coded(ours, pixels)], []
    for name, peer in chosen:
        with waiting(f"coding as {name}", quiet=quiet):
            found, over = _peer(name, peer, pixels, ours.size)
        pictures.append(found)
        larger += [f"the smallest {name} takes {found.size:,} bytes"] if over else []
    _show(picture, sheet, pixels, pictures, force=force, quiet=quiet, as_json=as_json)
    problems = [f"not at equal bytes: {words}" for words in larger]
    if ours.missed is not None:
        problems.append(f"the target was missed: {ours.missed}")
    for problem in problems:
        remark(problem)
    if ours.ended is not None:
        remark(ours.ended)
        raise typer.Exit(INTERRUPTED)
    if problems:
        raise typer.Exit(MISSED)


def _compressed(pixels: "np.ndarray", options: dict[str, Any], seconds: float | None, *, quiet: bool) -> _Ours:
    """The picture, compressed now, with a bar."""
    import inr
    from inr import container
    from inr.compression import FitSeries, compress_and_measure, decompress
    from inr.fitting import stopping_on_interrupt

    signal = inr.Signal.from_array(pixels, kind="image")
    if "preset" in options and seconds is None and "steps" not in options and not quiet:
        tell_cap(options["preset"], signal)
    begin = time.perf_counter()
    with FitBar(quiet=quiet) as bar:
        fits = FitSeries(seconds=seconds, on_event=bar.show)
        with stopping_on_interrupt(fits):
            made = compress_and_measure(signal, fits=fits, **options)
    note = f"in {time.perf_counter() - begin:,.0f} s"
    with waiting("decoding", quiet=quiet):
        decoded = decompress(made.data)
    name = _name(container.loads(made.data).header)
    return _Ours(name, len(made.data), decoded.reshape(pixels.shape), note, made.missed, made.ended)


def _decoded(file: Path, pixels: "np.ndarray", *, quiet: bool) -> _Ours:
    """The picture in a file, as 8-bit pixels."""
    from inr import container
    from inr.compression import build_any_field, sample
    from inr.compression.eight_bits import eight_bit_picture
    from inr.signals import GridSignal

    with waiting(f"decoding {file}", quiet=quiet):
        contents = container.read(file)
        field = build_any_field(contents, file)
        if field.domain.shape is None:
            raise InrError(f"{file} was fitted to scattered samples, which are no picture")
        found, _ = eight_bit_picture(GridSignal(sample(field), field.domain))
    if found.shape != pixels.shape:
        sizes = (" x ".join(str(each) for each in (*shape[1::-1], *shape[2:])) for shape in (found.shape, pixels.shape))
        raise InrError(f"{file} holds another picture: {' instead of '.join(sizes)}")
    if contents.damaged:
        remark(f"{file} is damaged or cut in {', '.join(contents.damaged)}: compared as it decodes without")
    return _Ours(_name(contents.header), file.stat().st_size, found, "")


def _name(header: Any) -> str:
    """What our file is called on the sheet."""
    codec = header.get("codec")
    return f"inr {codec.partition(':')[0]}" if isinstance(codec, str) else "inr"


def _coded(ours: _Ours, pixels: "np.ndarray") -> "CodedPicture":
    from inr.diagnostics import CodedPicture

    return CodedPicture(ours.name, ours.size, ours.pixels, pixels, ours.note, ours=True)


def _peer(name: str, peer: Any, pixels: "np.ndarray", room: int) -> "tuple[CodedPicture, bool]":
    """Another codec's file of at most so many bytes, and whether there is none so small."""
    from inr.compression.peers import largest_within
    from inr.diagnostics import CodedPicture

    coded, setting = largest_within(peer, pixels, room)
    note = f"quality {setting:g}" if peer.knob == "quality" else f"1 : {setting:.0f}"
    return CodedPicture(name, len(coded.data), coded.pixels, pixels, note), len(coded.data) > room


def _show(
    picture: Path,
    sheet: Path,
    pixels: "np.ndarray",
    pictures: "Sequence[CodedPicture]",
    *,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Draw the sheet, and print what it says."""
    from inr.diagnostics import codec_sheet

    height, width = pixels.shape[:2]
    ours = pictures[0]
    fact = (
        f"{width} x {height} pixels. Ours takes {ours.size:,} bytes, {8 * ours.size / (height * width):.3f} bits a "
        "pixel; of every other codec it is the highest quality whose file takes no more"
    )
    larger = [each.name for each in pictures if each.size > ours.size]
    fact += f", but of {' and '.join(larger)} the smallest file." if larger else "."
    name = "standard input" if _pipes.is_piped(picture) else picture.name
    with waiting(f"drawing {sheet}", quiet=quiet):
        regions = codec_sheet(pictures, sheet, title=name, facts=[fact], force=force)
    rows = [
        {
            "codec": each.name, "bytes": each.size, "bits_per_pixel": 8 * each.size / (height * width),
            "psnr": each.psnr, "ssim": each.ssim, "ms_ssim": each.ms_ssim, "note": each.note,
        }
        for each in pictures
    ]  # fmt: skip
    if as_json:
        crops = [
            {"name": each.name, "left": each.left, "top": each.top, "width": each.width, "height": each.height,
             "why": each.why}
            for each in regions
        ]  # fmt: skip
        print_json({"file": str(sheet), "width": width, "height": height, "codecs": rows, "crops": crops})
    elif not quiet:
        table = Table(box=None, padding=(0, 3, 0, 0), header_style="cyan")
        for column in ("codec", "bytes", "bits a pixel", "PSNR", "SSIM", "MS-SSIM", ""):
            table.add_column(column, justify="left" if column in ("codec", "") else "right", no_wrap=True)
        for row in rows:
            similar = ("–" if row[each] is None else f"{row[each]:.4f}" for each in ("ssim", "ms_ssim"))
            table.add_row(
                row["codec"], f"{row['bytes']:,}", f"{row['bits_per_pixel']:.3f}", decibels(row["psnr"]), *similar,
                row["note"],
            )  # fmt: skip
        out().print(table)
        remark(f"wrote {sheet}")
