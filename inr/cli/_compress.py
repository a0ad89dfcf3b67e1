"""`inr compress` and `inr recompress`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inr._errors import InrError
from inr._option_values import parse_range
from inr.cli import _pipes
from inr.cli._coded import compress_by_base, refuse_given
from inr.cli._compress_each import compress_each
from inr.cli._compress_work import Work
from inr.cli._console import clock, remark, tell_folder
from inr.cli._fit_options import Nodata, Server, Token, ValueRange
from inr.cli._progress import waiting
from inr.cli._render import Force, Quiet

if TYPE_CHECKING:
    from inr.compression import Compressed, FitSeries
    from inr.signals import Signal

EPILOG = """
[bold]Examples[/bold]

  inr compress photo.png                       # photo.inr, 0.3 bits a pixel, in four minutes for 768 x 512

  inr compress photo.png --preset fast         # in one minute; --preset best takes fifteen

  inr compress photo.png --bytes 20000 -o small.inr

  inr compress photo.png --quality 60          # bytes as the picture needs them; --psnr 36 finds them, too

  inr compress heights.tif --max-error 0.5     # no sample is off by more, in its own units

  inr compress photo.png --seconds 20          # at most so long

  inr compress photo.png --resume              # go on after Ctrl-C, which keeps the best file so far

  inr compress map.npy --codec mlp:sphere=true --bytes 300

  inr compress photo.png --server http://127.0.0.1:8765    # by inr serve

  inr compress frame2.png --codec mlp --initial frame1.inr # what differs from a similar picture

  inr compress maps.npz --base maps-base.inr   # many similar signals, from what inr learn learned

  inr compress faces/ --base faces.inr -o small --psnr 35    # a field each, of what differs from the base's

  inr decompress photo.inr                     # photo.decoded.png

  inr compare photo.png --file photo.inr       # beside AVIF, JPEG 2000, WebP and JPEG at equal bytes

[bold]Exit status[/bold]

  0 fine; 2 bad input, or output that cannot be written; 3 the target could not be met; the file is the nearest to it

  130 interrupted (the best file so far is saved)
"""
RECOMPRESS_EPILOG = """
[bold]Examples[/bold]

  inr recompress photo.inr -o small.inr --bytes 40000

  inr recompress photo.inr -o small.inr --psnr 38 --signal photo.png

  inr recompress photo.inr -o small.inr --resume   # go on after Ctrl-C

[bold]Exit status[/bold]

  0 fine; 2 bad input, or output that cannot be written; 3 the target could not be met; the file is the nearest to it

  130 interrupted (the best file so far is saved)
"""
_TARGET = "Target (one of them)"
# Pictures that may have several frames.
_ANIMATED = (".gif", ".webp", ".png", ".apng", ".avif")


def _target(words: str, *names: str) -> Any:
    return typer.Option(*names, help=words, rich_help_panel=_TARGET, show_default=False)


Bpp = Annotated[float | None, _target("Bits per sample (pixel), all of the file counted; 0.3 if nothing is given.")]
Bytes = Annotated[int | None, _target("The largest number of bytes of the file.", "--bytes")]
Psnr = Annotated[float | None, _target("dB of the decoded samples; the smallest file that reaches it is searched.")]
Quality = Annotated[
    float | None,
    _target("From 0 to 100: how much errors count beside bytes, the same for every picture. Codec latent."),
]
Codec = Annotated[
    str | None,
    typer.Option(
        help="As in mlp:sphere=true; what suits the signal if not given, latent for pictures. inr parts codec lists "
        "them.",
        show_default=False,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        help="fast, default or best: 60, 240 or 900 seconds of fitting for 768 x 512 on two cores, in proportion to "
        "the pixels up to 8 times as long; default if not given. Codec latent.",
        show_default=False,
    ),
]
MaxError = Annotated[
    float | None,
    _target("The largest error of a decoded sample, in its own units; the smallest file within it is searched."),
]
Seconds = Annotated[
    float | None,
    typer.Option(help="Fit for so many seconds at most, all fits together.", show_default=False),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with interrupted work, exactly.", show_default=False)]
CheckpointEvery = Annotated[
    float,
    typer.Option(help="Seconds between writes of OUTPUT.checkpoint; 60 if not given.", show_default=False),
]
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

Base = Annotated[
    Path | None,
    typer.Option(
        help="What inr learn learned; the signal, all of a folder or an .npz file are told from it.",
        show_default=False,
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
    codec: Codec = None,
    bpp: Bpp = None,
    size_in_bytes: Bytes = None,
    psnr: Psnr = None,
    quality: Quality = None,
    max_error: MaxError = None,
    lossless: Annotated[
        bool, typer.Option("--lossless", help="Refused, with what to use instead.", rich_help_panel=_TARGET)
    ] = False,
    preset: Preset = None,
    steps: Steps = None,
    engine: Engine = "auto",
    seed: Seed = 0,
    initial: Initial = None,
    base: Base = None,
    value_range: ValueRange = None,
    nodata: Nodata = None,
    seconds: Seconds = None,
    resume: Resume = False,
    checkpoint_every: CheckpointEvery = 60.0,
    server: Server = None,
    token: Token = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fit a signal with few bytes and save it as an .inr file."""
    arguments = dict(locals())
    refuse_lossless(lossless)
    path = output or Path(f"{signal.stem}.inr")
    learned = None
    if base is not None:
        refuse_given(
            {"initial": initial, "server": server, "quality": quality, "preset": preset},
            "a base brings its own codec, on this machine",
        )
        from inr.priors import load_base, tells_coefficients

        learned = load_base(base)
        if tells_coefficients(learned):
            others = {
                "codec": codec, "max_error": max_error, "steps": steps, "seconds": seconds, "resume": resume,
                "value_range": value_range, "nodata": nodata,
            }  # fmt: skip
            compress_by_base(
                signal, learned, path, others, psnr=psnr, most=size_in_bytes, bpp=bpp, inputs=(signal, base),
                force=force, quiet=quiet, as_json=as_json,
            )  # fmt: skip
            return

    def run(source: "Signal", fits: "FitSeries") -> "Compressed":
        from inr.compression import compress_and_measure

        return compress_and_measure(
            source, codec=codec, bpp=bpp, bytes=size_in_bytes, psnr=psnr, quality=quality, max_error=max_error,
            preset=preset, steps=steps, engine=engine, seed=seed, reference=learned or initial, fits=fits,
        )  # fmt: skip

    if learned is not None and (signal.is_dir() or signal.suffix.lower() == ".npz"):
        refuse_given({"seconds": seconds, "value_range": value_range, "nodata": nodata}, "of many signals")
        folder = output or Path(f"{signal.stem}-compressed")
        compress_each(signal, learned, folder, run, resume=resume, force=force, quiet=quiet, as_json=as_json)
        return
    work = Work(path, seconds, checkpoint_every, resume=resume, force=force, quiet=quiet, as_json=as_json)
    work.check(signal, base, initial)
    reading: dict[str, Any] = {"value_range": parse_range(value_range), "nodata": nodata}
    if server is not None:
        work.order(arguments, reading)
        return
    with waiting(f"reading {signal}", quiet=quiet):
        import inr

        source = inr.open(signal, **reading)
    tell_folder(signal, source, quiet=quiet)
    # what only pictures can be asked for
    if (codec or "").partition(":")[0] == "latent" or quality is not None or preset is not None:
        source = _one_picture(signal, source, quiet=quiet)

    if preset is not None and steps is None and seconds is None and not quiet:
        tell_cap(preset, source)
    asked = any(target is not None for target in (bpp, size_in_bytes, psnr, quality, max_error))
    work.write(partial(run, source), source.domain, asked=asked)


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
    max_error: MaxError = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Steps with quantised weights; 0 only rounds; as suits the field if not given.",
            show_default=False,
        ),
    ] = None,
    engine: Engine = "auto",
    seed: Seed = 0,
    seconds: Seconds = None,
    resume: Resume = False,
    checkpoint_every: CheckpointEvery = 60.0,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Quantise and entropy-code the weights of a field that is fitted already."""
    path = output or file.with_name(f"{file.stem}.small.inr")
    work = Work(path, seconds, checkpoint_every, resume=resume, force=force, quiet=quiet, as_json=as_json)
    work.check(file)
    with waiting(f"reading {file}", quiet=quiet):
        import inr
        from inr.compression import recompress as run_recompress

        field = inr.load(file)
        source = None if signal is None else inr.open(signal)
    if field.domain.shape is None:
        what = "a shape" if field.domain.kind == "shape" else "fitted to scattered samples"
        raise InrError(f"{file} is {what}; codecs compress fields on grids")

    def run(fits: "FitSeries") -> "Compressed":
        return run_recompress(
            field, signal=source, bpp=bpp, bytes=size_in_bytes, psnr=psnr, max_error=max_error, steps=steps,
            engine=engine, seed=seed, fits=fits,
        )  # fmt: skip

    compared = str(signal) if signal else "the field itself, as it renders; --signal compares with the source"
    work.write(run, field.domain, {"compared with": compared})


def refuse_lossless(wanted: bool) -> None:
    """Raise InrError where files without any loss are asked for."""
    if wanted:
        raise InrError(
            "no codec here is lossless: a network that is fitted to a picture leaves errors, and storing these takes "
            "more bytes than PNG or lossless WebP, which are the formats to take; inr fit keeps the samples of tiny "
            "signals as they are, and --max-error bounds the loss"
        )


def _one_picture(path: Path, source: "Signal", *, quiet: bool) -> "Signal":
    """The first frame of an animated picture, which is said; other signals as they are."""
    from inr.signals import from_array

    if source.domain.kind != "video" or path.suffix.lower() not in _ANIMATED:
        return source
    if not quiet:
        frames = len(source.array)
        remark(f"{path}: it is animated: frame 1 of {frames} is taken; --codec mlp takes all")
    return from_array(source.array[0], kind="image", sampling=source.domain.sampling)


def tell_cap(preset: str, source: "Signal") -> None:
    """Say that a preset takes no longer for a picture that is larger still."""
    from inr.compression import preset_seconds

    seconds, capped = preset_seconds(preset, source)
    if capped:
        remark(
            f"--preset {preset} takes {clock(seconds)} at most, which for so large a picture is less per pixel than "
            "usual; --seconds gives more"
        )
