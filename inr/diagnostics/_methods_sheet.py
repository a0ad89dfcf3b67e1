"""One picture as several methods reconstructed it, beside what they were given, on one sheet."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from inr._errors import InrError
from inr._files import replacing
from inr.diagnostics._layout import FAINT, PAPER, Panel, font, page, text_size
from inr.diagnostics._pixels import error_picture, fitted, picture
from inr.signals import Domain

_LONGEST_SIDE = 512  # pixels, of a panel of a large picture
UNKNOWN = np.array([150, 175, 225], np.uint8)  # where nothing was given: single pixels are too small for hatching


@dataclass(frozen=True)
class ReconstructedPicture:
    """A picture as a method reconstructed it.

    Attributes:
        name: of the method.
        values: float32 (h, w, c), own units.
        psnr: in dB; NaN where it is not known.
        ssim: likewise.
    """

    name: str
    values: Float[np.ndarray, "h w c"]
    psnr: float = math.nan
    ssim: float = math.nan


def methods_sheet(
    methods: Sequence[ReconstructedPicture],
    path: str | os.PathLike[str],
    *,
    title: str,
    facts: Sequence[str] = (),
    domain: Domain,
    given: Float[np.ndarray, "rows columns c"],
    truth: Float[np.ndarray, "h w c"] | None = None,
    force: bool = False,
) -> None:
    """Draw what was given and what every method made of it, and below the truth and the errors, as a PNG.

    All errors are amplified by one factor.

    Args:
        methods: ours first.
        path: the PNG to write.
        title: over the sheet.
        facts: below it, wrapped to its width.
        domain: of the values: its range goes from black to white.
        given: in own units, NaN where there was nothing; of any size.
        truth: where it is known.
        force: whether to overwrite an existing file.

    Raises:
        InrError: another suffix, an existing file without `force`, or one that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InrError(f"a sheet is a PNG; call it {path.with_suffix('.png')}")
    shape = methods[0].values.shape[:2]
    note = f"{given.shape[1]} x {given.shape[0]}"
    first = [Panel(fitted(_marked(_as_large(given, shape), domain), _LONGEST_SIDE), "given", note)]
    for each in methods:
        first.append(Panel(fitted(picture(each.values, domain), _LONGEST_SIDE), each.name, _figures(each)))
    rows = [first]
    if truth is not None:
        stacked = np.concatenate([each.values for each in methods])
        errors, factor = error_picture(np.concatenate([truth] * len(methods)), stacked, domain)
        second = [Panel(fitted(picture(truth, domain), _LONGEST_SIDE), "truth")]
        for error in np.split(errors, len(methods)):
            second.append(Panel(fitted(error, _LONGEST_SIDE), "error", f"x{factor}"))
        rows.append(second)
    sheet = _footed(page(title, rows), facts, text_size(rows))
    with replacing(path, force=force) as temporary:
        sheet.save(temporary, format="PNG")


def _marked(values: np.ndarray, domain: Domain) -> np.ndarray:
    """A picture with one colour where it is NaN."""
    pixels = picture(np.nan_to_num(values), domain).copy()
    pixels[np.isnan(values).any(-1)] = UNKNOWN
    return pixels


def _footed(sheet: Image.Image, facts: Sequence[str], size: int) -> Image.Image:
    """A sheet with lines below it."""
    letters = font(size)
    margin, line = round(1.6 * size), round(1.5 * size)
    lines: list[str] = []
    for fact in facts:
        lines.append("")
        for word in fact.split():
            longer = f"{lines[-1]} {word}".strip()
            if letters.getlength(longer) > sheet.width - 2 * margin and lines[-1]:
                lines.append(word)
            else:
                lines[-1] = longer
    if not lines:
        return sheet
    footed = Image.new("RGB", (sheet.width, sheet.height + line * (len(lines) + 1)), PAPER)
    footed.paste(sheet, (0, 0))
    draw = ImageDraw.Draw(footed)
    for number, words in enumerate(lines):
        draw.text((margin, sheet.height - margin + line + number * line), words, FAINT, letters)
    return footed


def _as_large(given: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A picture of fewer pixels with each repeated, so that all panels are of one size."""
    down, across = shape[0] // given.shape[0], shape[1] // given.shape[1]
    return np.repeat(np.repeat(given, max(down, 1), 0), max(across, 1), 1)


def _figures(method: ReconstructedPicture) -> str:
    if math.isnan(method.psnr):
        return ""
    decibels = "exact" if math.isinf(method.psnr) else f"{method.psnr:.2f} dB"
    return decibels if math.isnan(method.ssim) else f"{decibels}  {method.ssim:.4f}"
