"""Outlines and films of shapes to files."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from inr._errors import InrError
from inr._files import replacing
from inr.signals import Axis, Domain, ValueMap, write

FILMS = (".mp4", ".gif", ".webp")


def write_outline(
    path: str | os.PathLike[str], curves: Sequence[Float[np.ndarray, "_ 2"]], *, force: bool = False
) -> None:
    """Write closed curves as one path of an SVG, filled by the even-odd rule, in the curves' units.

    Args:
        path: ends in .svg.
        curves: as `outline` gives them.
        force: whether to overwrite an existing file.

    Raises:
        InrError: another suffix, an existing file without `force`, or a failure of the file system.
    """
    if Path(path).suffix.lower() != ".svg":
        raise InrError(f"outlines are written as .svg, not '{Path(path).suffix or path}'")
    everything = np.concatenate(curves)
    low, high = everything.min(0), everything.max(0)
    margin = 0.02 * float((high - low).max())
    box = " ".join(f"{number:.7g}" for number in (*(low - margin), *(high - low + 2 * margin)))
    lines = ["M" + "L".join(f"{x:.7g} {y:.7g}" for x, y in curve.tolist()) + "Z" for curve in curves]
    with replacing(Path(path), force=force) as temporary:
        temporary.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">\n'
            f'<path fill-rule="evenodd" d="{chr(10).join(lines)}"/>\n</svg>\n'
        )


def film_format(path: str | os.PathLike[str]) -> str:
    """The suffix of a file that a film can be written to.

    Raises:
        InrError: there is no such format.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FILMS:
        raise InrError(f"a turntable is written as {', '.join(FILMS)}, not '{suffix or path}'")
    return suffix


def write_film(
    path: str | os.PathLike[str], frames: Iterable[UInt8[np.ndarray, "h w 3"]], fps: float, *, force: bool = False
) -> None:
    """Write pictures as a film that goes round and round, where its format can say so.

    Args:
        path: .mp4, .gif or .webp.
        frames: one after the other.
        fps: frames a second.
        force: whether to overwrite an existing file.

    Raises:
        InrError: another suffix, an existing file without `force`, or a failure of the file system.
        MissingExtra: the library that writes .mp4 is not installed.
    """
    if film_format(path) == ".mp4":
        pixels = np.stack(list(frames))
        sizes = zip("xyt", (pixels.shape[2], pixels.shape[1], len(pixels)), strict=True)
        axes = tuple(Axis(name, size, "s" if name == "t" else "px", 0.0, float(size)) for name, size in sizes)
        write(path, pixels, Domain("video", axes, 3, ValueMap((0.0,), (255.0,)), "uint8", {"fps": fps}), force=force)
        return
    pictures = [Image.fromarray(frame) for frame in frames]
    with replacing(Path(path), force=force) as temporary:
        pictures[0].save(
            temporary, save_all=True, append_images=pictures[1:], duration=round(1000 / fps), loop=0, quality=85
        )
