"""What `inr render` does with shapes: a picture from an angle, or a film of a turn."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from inr._errors import InrError
from inr._files import check_writable
from inr.cli._console import remark
from inr.cli._parsing import parse_size
from inr.cli._progress import counting, waiting

if TYPE_CHECKING:
    from inr import Field

Azimuth = Annotated[
    float | None,
    typer.Option(help="Shapes: degrees that the camera stands to the right; 35 if not given.", show_default=False),
]
Elevation = Annotated[
    float | None, typer.Option(help="Shapes: degrees above the horizon; 20 if not given.", show_default=False)
]
Up = Annotated[
    str | None, typer.Option(help="Shapes: the axis that points upwards; y if not given.", show_default=False)
]
Turntable = Annotated[
    Path | None,
    typer.Option(help="Shapes: a film of a whole turn to write, as .mp4, .gif or .webp.", show_default=False),
]
_STILL, _MOVING = (800, 800), (480, 480)  # pixels
_FPS, _SECONDS = 24.0, 3.0  # of a turn


class View(NamedTuple):
    """What is asked for of a shape; None where it is not."""

    azimuth: float | None
    elevation: float | None
    up: str | None
    turntable: Path | None

    def check_kind(self, kind: str) -> None:
        """Refuse what only shapes have."""
        for name, value in self._asdict().items():
            if value is not None:
                raise InrError(f"--{name} is for shapes, and this field is of kind {kind}")

    @property
    def angles(self) -> dict[str, float | str]:
        """Those that were given."""
        return {name: value for name, value in self._asdict().items() if value is not None and name != "turntable"}


def draw_shape(
    field: "Field",
    path: Path | None,
    view: View,
    size: str | None,
    fps: float | None,
    engine: str,
    *,
    force: bool,
    quiet: bool,
) -> None:
    """Draw a shape and write the picture to `path`, or a film of a turn where one is asked for, or both."""
    if view.turntable is not None:
        _write_turntable(field, view.turntable, view, size, fps, engine, force=force, quiet=quiet)
    if path is not None:
        if fps is not None and view.turntable is None:
            raise InrError("--fps is for films; --turntable writes one of a shape")
        _write_picture(field, path, view, size, engine, force=force, quiet=quiet)


def _write_picture(
    field: "Field", path: Path, view: View, size: str | None, engine: str, *, force: bool, quiet: bool
) -> None:
    from inr.shapes import picture
    from inr.signals import Axis, Domain, ValueMap, file_format, write

    width, height = pixels = _pixels(size, _STILL)
    file_format(str(path), "image")
    check_writable(path, force=force)
    with waiting(f"drawing {path}", quiet=quiet):
        drawn = picture(field, pixels, engine=engine, **view.angles)  # type: ignore[arg-type]
    axes = Axis("x", width, "px", 0.0, float(width)), Axis("y", height, "px", 0.0, float(height))
    write(path, drawn, Domain("image", axes, 3, ValueMap((0.0,), (255.0,)), "uint8"), force=force)
    if not quiet:
        remark(f"wrote {path}: {width} x {height}")


def _write_turntable(
    field: "Field",
    path: Path,
    view: View,
    size: str | None,
    fps: float | None,
    engine: str,
    *,
    force: bool,
    quiet: bool,
) -> None:
    from inr.shapes import film_format, turntable, write_film

    pixels = _pixels(size, _MOVING)
    rate = fps or _FPS
    if not 1 <= rate <= 100:
        raise InrError(f"--fps of a turntable is from 1 to 100, not {rate:g}")
    film_format(path)
    check_writable(path, force=force)
    frames = round(rate * _SECONDS)
    with counting(frames, f"drawing {path}", quiet=quiet, unit="frames") as advance:

        def counted():  # type: ignore[no-untyped-def]
            for frame in turntable(field, pixels, frames, engine=engine, **view.angles):  # type: ignore[arg-type]
                advance(1)
                yield frame

        write_film(path, counted(), rate, force=force)
    if not quiet:
        remark(f"wrote {path}: {pixels[0]} x {pixels[1]}, {frames} frames")


def _pixels(size: str | None, usual: tuple[int, int]) -> tuple[int, int]:
    """Width and height; what is left open is as much as the other."""
    given = parse_size(size, ("x", "y"))
    if given is None:
        return usual
    width, height = given
    other = width or height
    assert other is not None
    return width or other, height or other
