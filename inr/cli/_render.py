"""`inr render`."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inr._errors import InrError
from inr._files import check_writable
from inr.cli import _pipes
from inr.cli._console import remark, si
from inr.cli._parsing import Box, parse_box, parse_size
from inr.cli._progress import counting, waiting
from inr.cli._render_shape import Azimuth, Elevation, Turntable, Up, View, draw_shape

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from inr import Field
    from inr.container import Contents
    from inr.signals import Domain

EPILOG = """
[bold]Examples[/bold]

  inr render photo.inr                            # photo.render.png

  inr render photo.inr --size 4096x -o big.png    # 4096 wide, in proportion

  inr render photo.inr --box -1:0,-1:0 --scale 8  # the top left quarter

  inr render voice.inr --rate 48000 -o voice.wav

  inr render set.inr --item cat.png -o cat.png    # one field of a set

  inr render photo.inr --size 96x --prefilter     # a thumbnail in one pass, see inr fit --adjust prefilter

  inr render bunny.inr --azimuth 60 --turntable bunny.mp4

  inr render clip.inr --fps 50 -o clip.mp4        # twice the frames of a video with 25 a second

  cat photo.inr | inr render - -o - --format png | display
"""

DAMAGED = 4  # exit status of a file whose enhancement sections are damaged or missing
# The largest size of float32 samples in bytes; writing them takes several times as much for a while.
_MAX_BYTES = 4 << 30

Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="The file to write; its suffix chooses the format. Beside the field, named after it, if not given; - for "
        "standard output.",
        show_default=False,
        callback=_pipes.outgoing,
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", help="What is written to -o -, as in png or wav.", show_default=False, is_eager=True),
]

Size = Annotated[
    str | None,
    typer.Option(
        help="Samples per axis, x first: 640x480, 640x480x100, 48000; one left open, as in 2048x, is in proportion.",
        show_default=False,
    ),
]
Scale = Annotated[
    float | None, typer.Option(help="Samples per axis, as a factor of the signal's own.", show_default=False)
]
Part = Annotated[
    str | None,
    typer.Option(help="What to render, x0:x1,y0:y1,…; every axis spans [-1, 1], y downwards.", show_default=False),
]
Rate = Annotated[
    float | None, typer.Option(help="Samples a second of a sound; nothing is added above its own.", show_default=False)
]
Fps = Annotated[float | None, typer.Option(help="Frames a second of a video.", show_default=False)]
Blur = Annotated[
    str | None,
    typer.Option(
        help="Blur by a Gaussian of this standard deviation, in pixels (units of the axes): 2, or 2,0 for x and y. "
        "Of Fourier features read by mlp; right as far as they are fitted with --adjust prefilter, and exact without "
        "activations.",
        metavar="SIGMA",
        show_default=False,
    ),
]
Prefilter = Annotated[
    bool,
    typer.Option(
        "--prefilter",
        help="Evaluate the field once a sample, filtered by the sample's cell, where it would be averaged over it; of "
        "the same fields.",
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        help="What evaluates the field, as in cpu:threads=2; the fastest that can if not given.", show_default=False
    ),
]
Item = Annotated[
    str | None, typer.Option("--item", help="Which field of a set, by its name.", metavar="NAME", show_default=False)
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless it fails.")]


def render(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FIELD.inr", help="A field that inr fit wrote; - for standard input.", callback=_pipes.incoming
        ),
    ],
    output: Output = None,
    form: Format = None,  # seen by the callback of the output
    item: Item = None,
    size: Size = None,
    scale: Scale = None,
    rate: Rate = None,
    fps: Fps = None,
    box: Part = None,
    blur: Blur = None,
    prefilter: Prefilter = False,
    azimuth: Azimuth = None,
    elevation: Elevation = None,
    up: Up = None,
    turntable: Turntable = None,
    engine: Engine = "auto",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Turn a field back into a picture, sound, video or volume; draw a shape."""
    from inr import compression, container  # noqa: F401  which knows the coding of sections
    from inr.field import MAX_FILE_BYTES

    view = View(azimuth, elevation, up, turntable)
    if item is not None or is_set_file(file):
        field, name = item_of(file, item, quiet=quiet)
        view.check_kind(field.domain.kind)
        to_samples(
            file, output, size, scale, box, engine, name=name, field=field, per_second=(rate, fps),
            filters=(blur, prefilter), force=force, quiet=quiet,
        )  # fmt: skip
        return
    with waiting(f"reading {file}", quiet=quiet):
        contents = container.read(file, max_bytes=MAX_FILE_BYTES)
    kind = contents.header.get("domain", {}).get("kind")
    if kind != "shape":
        view.check_kind(kind)
        to_samples(
            file, output, size, scale, box, engine, name="render", contents=contents, per_second=(rate, fps),
            filters=(blur, prefilter), force=force, quiet=quiet,
        )  # fmt: skip
        return
    for name, value in (
        ("scale", scale), ("rate", rate), ("box", box), ("blur", blur), ("prefilter", prefilter or None),
    ):  # fmt: skip
        if value is not None:
            raise InrError(f"--{name} is for signals on a grid, and this field is a shape; inr render draws it")
    field, damaged = read_field(file, contents)
    path = output or (None if turntable is not None else default_output(file, ".png", "render"))
    draw_shape(field, path, view, size, fps, engine, force=force, quiet=quiet)
    tell_damage(file, damaged)


def to_samples(
    file: Path,
    output: Path | None,
    size: str | None,
    scale: float | None,
    box: str | None,
    engine: str,
    *,
    name: str,
    contents: "Contents | None" = None,
    field: "Field | None" = None,
    per_second: tuple[float | None, float | None] = (None, None),
    filters: tuple[str | None, bool] = (None, False),
    max_bytes: int | None = None,
    reference: Path | None = None,
    force: bool,
    quiet: bool,
) -> None:
    """Read a field, sample it and write the samples; `name` goes before the suffix of a file that was not named.

    `contents` are the file's, or `field` is what is in it, where they were read already.
    """
    from inr.signals import default_suffix

    damaged: tuple[str, ...] = ()
    if field is None:
        with waiting(f"reading {file}", quiet=quiet):
            field, damaged = read_field(file, contents, max_bytes, reference)
    axes = [axis.name for axis in field.domain.axes]
    part = parse_box(box, axes)
    shape = _shape(field, parse_size(size, axes), scale, part, *per_second)
    path = output or default_output(file, default_suffix(field.domain), name)
    _check(field, shape, path, max_bytes or _MAX_BYTES, force=force)
    sampled = _filtered(field, shape, part, *filters, quiet=quiet)
    samples = _sample(sampled, shape, part, path, engine, quiet=quiet)
    with waiting(f"writing {path}", quiet=quiet):
        _write(path, samples, field, shape, part, force=force)
    if not quiet and (out_of_proportion := _out_of_proportion(field, shape, part)):
        remark(out_of_proportion)
    if not quiet:
        tell_written(path, shape, _written(field, shape, path))
    tell_damage(file, damaged)


def is_set_file(file: Path) -> bool:
    """Whether a file is one of a set of fields; only its header is read."""
    from inr.container import Sections
    from inr.sets import is_set

    return is_set(Sections(file).header)


def item_of(file: Path, item: str | None, *, quiet: bool) -> "tuple[Field, str]":
    """One field of a set, and what a file is called by it.

    Raises:
        InrError: the file holds no set, no field of it is named, or it has none of that name.
    """
    from inr.sets import load_set

    if item is None:
        fields = load_set(file)
        raise InrError(
            f"{file} holds a set of {len(fields):,} fields: name one with --item, as --item {fields.names[0]}"
        )
    if not is_set_file(file):
        raise InrError(f"{file} holds one field, and no set: leave out --item")
    with waiting(f"reading {file}", quiet=quiet):
        field = load_set(file)[item]
    return field, re.sub(r"[^\w.-]+", "-", item.rpartition(".")[0] or item)


def tell_written(path: Path, shape: Sequence[int], domain: "Domain") -> None:
    """Say what was written: samples of so many an axis, in array order."""
    from inr.signals import rescaled_range

    remark(f"wrote {path}: {' x '.join(str(n) for n in reversed(shape))}")
    if (ends := rescaled_range(str(path), domain)) is not None:
        remark(f"values from {ends[0]:g} to {ends[1]:g} are 0 to 255 in it; a .tif keeps them as they are")


def tell_damage(file: Path, damaged: Sequence[str]) -> None:
    """Say which enhancement sections could not be read, if any, and exit with the status of that."""
    if damaged:
        sections = "section" if len(damaged) == 1 else "sections"
        remark(f"{file} is damaged or cut in {sections} {', '.join(damaged)}: decoded without")
        raise typer.Exit(DAMAGED)


def read_field(
    file: Path, contents: "Contents | None" = None, max_bytes: int | None = None, reference: Path | None = None
) -> "tuple[Field, tuple[str, ...]]":
    """The field, and which enhancement sections are not in it."""
    from inr import container
    from inr.compression import build_any_field
    from inr.field import MAX_FILE_BYTES

    limit = max_bytes or MAX_FILE_BYTES
    contents = contents or container.read(file, max_bytes=limit)
    return build_any_field(contents, file, max_bytes=limit, reference=reference), contents.damaged


def _sample(
    field: "Field", shape: tuple[int, ...], box: Box | None, path: Path, engine: str, *, quiet: bool
) -> "np.ndarray":
    """Evaluate the field on a grid, with a bar."""
    from inr.engines import executor, plan

    with waiting("compiling", quiet=quiet):
        _, ready = plan(field, None, engine)
        ready.prepare()
    for note in () if quiet else ready.notes:
        remark(note)
    run = executor(field, ready)
    with counting(math.prod(shape), f"rendering {path}", quiet=quiet) as advance:

        def execute(coords: "Tensor") -> "Tensor":
            values = run(coords)
            advance(len(coords))
            return values

        return field.render(shape, box, block=ready.block, execute=execute)


def _filtered(
    field: "Field", shape: tuple[int, ...], box: Box | None, blur: str | None, prefilter: bool, *, quiet: bool
) -> "Field":
    """The field as it is to be sampled."""
    if blur is None and not prefilter:
        return field
    found = field
    if blur is not None:
        found = found.blurred(_widths(blur))
    if prefilter:
        # of the whole extent, at least as fine as what is asked for of a part, so that nothing more is averaged
        shares = [(high - low) / 2 for low, high in box or [(-1.0, 1.0)] * field.domain.in_dim]
        whole = [max(int(n / share + 1e-9), 1) for n, share in zip(shape, reversed(shares), strict=True)]
        found = found.prefiltered(whole)
    linear = field.network.activation.config()["name"] == "linear"
    learned = field.fit.get("adjust", {}).get("name") == "prefilter"
    if not (linear or learned or quiet):
        remark("this field was fitted without --adjust prefilter: what filters make of it is rough")
    return found


def _widths(blur: str) -> float | list[float]:
    """What --blur says."""
    try:
        widths = [float(word) for word in blur.split(",")]
    except ValueError:
        raise InrError(f"--blur is a number, or one for each axis as in 2,0, not {blur!r}") from None
    return widths[0] if len(widths) == 1 else widths


def _shape(
    field: "Field",
    size: Sequence[int | None] | None,
    scale: float | None,
    box: Box | None,
    rate: float | None = None,
    fps: float | None = None,
) -> tuple[int, ...]:
    """Samples per axis in array order: as given, or as dense as the signal, times `scale`."""
    domain = field.domain
    if size is not None and scale is not None:
        raise InrError("--size and --scale contradict each other; give one")
    per_second = _per_second(field, size, scale, rate, fps)
    if domain.kind == "shape":
        raise InrError("a shape has no samples; inr mesh makes triangles of it, and inr render a picture")
    if domain.shape is None:
        if size is None:
            raise InrError("this field was fitted to scattered samples, which have no size of their own; give --size")
        if None in size:
            raise InrError("scattered samples have no proportions of their own; give a size for every axis")
        return tuple(count for count in reversed(size) if count is not None)
    if scale is not None and not 0 < scale < math.inf:
        raise InrError(f"--scale must be a positive number, got {scale:g}")
    own = _own_shape(field, box)
    if size is None:
        counts = [count * (scale or 1) for count in own]
    else:
        given = list(reversed(size))
        # time is no length: a size that leaves it open keeps the frames
        lengths = [place for place in range(len(own)) if not (domain.kind == "video" and place == 0)]
        known = [given[place] / own[place] for place in lengths if given[place] is not None]  # type: ignore[operator]
        factor = math.prod(known) ** (1 / len(known)) if known else 1.0
        counts = [
            float(number) if number is not None else count * (factor if place in lengths else 1.0)
            for place, (number, count) in enumerate(zip(given, own, strict=True))
        ]
    if per_second is not None:
        axis = domain.axes[-1]
        low, high = box[-1] if box is not None else (-1.0, 1.0)
        counts[0] = per_second * (axis.high - axis.low) * (high - low) / 2
    return tuple(max(round(count), 1) for count in counts)


def _own_shape(field: "Field", box: Box | None) -> list[float]:
    """As many samples as the signal itself has in a box, per axis in array order."""
    assert field.domain.shape is not None
    shares = [(high - low) / 2 for low, high in box or [(-1.0, 1.0)] * field.domain.in_dim]
    return [n * share for n, share in zip(field.domain.shape, reversed(shares), strict=True)]


def _per_second(
    field: "Field", size: Sequence[int | None] | None, scale: float | None, rate: float | None, fps: float | None
) -> float | None:
    """What --rate or --fps say of the time axis; None where neither is given."""
    given = [(name, value) for name, value in (("rate", rate), ("fps", fps)) if value is not None]
    for name, value in given:
        kind = "audio" if name == "rate" else "video"
        if field.domain.kind != kind:
            raise InrError(f"--{name} is for {kind}, and this field is of kind {field.domain.kind}")
        if not 0 < value < math.inf:
            raise InrError(f"--{name} must be a positive number, got {value:g}")
        if scale is not None or (size is not None and size[-1] is not None):
            raise InrError(f"--{name} and {'--scale' if scale is not None else '--size'} contradict each other")
    return given[0][1] if given else None


def _out_of_proportion(field: "Field", shape: tuple[int, ...], box: Box | None) -> str | None:
    """One line on a size that stretches a picture; None where it does not by more than a pixel."""
    if field.domain.kind not in ("image", "video") or "pixel_aspect" in field.domain.meta:
        return None  # pixels that are not square may be meant to become so
    height, width = _own_shape(field, box)[-2:]
    wanted = shape[-1] * height / width
    if abs(wanted - shape[-2]) <= max(1.0, 0.01 * wanted):
        return None
    return (
        f"{shape[-1]} x {shape[-2]} is not in the proportions of {round(width)} x {round(height)}: the picture is "
        f"stretched; --size {shape[-1]}x keeps them"
    )


def default_output(file: Path, suffix: str, name: str) -> Path:
    """Beside the field, named after it."""
    own = f"{file.stem}.{name}{suffix}"
    return Path(own) if _pipes.is_piped(file) else file.with_name(own)


def _written(field: "Field", shape: tuple[int, ...], path: Path) -> "Domain":
    """The domain of what is written: of scattered samples a grid, but in an .npz, which holds positions."""
    domain = field.domain
    return domain.gridded(shape) if domain.shape is None and path.suffix.lower() != ".npz" else domain


def _check(field: "Field", shape: tuple[int, ...], path: Path, limit: int, *, force: bool) -> None:
    """Refuse before the work what would fail after it."""
    from inr.signals import file_format

    needed = 4.0 * math.prod(shape) * field.domain.channels
    if needed > limit:
        raise InrError(
            f"{' x '.join(map(str, reversed(shape)))} samples take {si(needed, 'B')} of memory, more than the limit of "
            f"{si(limit, 'B')}; render it in parts with --box"
        )
    file_format(str(path), _written(field, shape, path).kind)
    if not (force and field.domain.kind == "video" and path.is_dir()):  # writing replaces a folder of frames itself
        check_writable(path, force=force)


def _write(
    path: Path, samples: "np.ndarray", field: "Field", shape: tuple[int, ...], box: Box | None, *, force: bool
) -> None:
    import numpy as np
    import torch

    from inr.signals import grid_coords, write

    values = field.domain.values
    samples = np.clip(samples, values.low, values.high, dtype=np.float32)  # what lies beyond is known to be wrong
    domain, coords = _written(field, shape, path).resampled(shape, box), None
    if domain.kind == "scattered":
        coords = domain.positions(grid_coords(shape, torch.arange(math.prod(shape)))).numpy()
        samples = samples.reshape(-1, domain.channels)
    write(path, samples, domain, coords=coords, force=force)
