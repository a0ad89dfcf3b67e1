"""Fits of one signal side by side on one page: what they come to, where they differ, how they got there."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from inr._errors import InrError
from inr._files import replacing
from inr.diagnostics._chart import INKS, shortened, text_width
from inr.diagnostics._contest import Contender, Contest
from inr.diagnostics._layout import PAPER, font
from inr.diagnostics._looks import SILENCE
from inr.diagnostics._race import race, series_ink
from inr.diagnostics._regions import Region
from inr.diagnostics._tiles import (
    TILE,
    enlarged,
    envelope_chart,
    error_pixels,
    has_spectra,
    region_chart,
    region_pixels,
    scale_marks,
    scale_pixels,
    spectrum_top,
    whole_error,
)

_MOST = 14  # fits on the sheet; the page has all
_MARGIN, _GAP, _CLOSE = 36, 18, 4
_NAMES = 300  # width of the column with names and figures
_OVERVIEW = 620, 430  # the most that the whole signal takes
_CHART = 760  # width of the chart beside it, at least
_BEST = (10, 112, 72)
REGION_INKS = {"A": (0, 163, 122), "B": (214, 51, 132), "C": (232, 137, 12)}


def sweep_sheet(contest: Contest, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Draw fits of one signal side by side, as a PNG.

    Raises:
        InrError: an existing file without `force`, or one that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InrError(f"a sheet is a PNG; call it {path.with_suffix('.png')}")
    rows = _rows(contest)
    sheet = _stacked([_head(contest), _top(contest, max(row.width for row in rows)), *rows])
    with replacing(path, force=force) as temporary:
        sheet.save(temporary, format="PNG")


def figure_words(contender: Contender) -> list[str]:
    """The figures of merit in a few short lines."""
    figures = contender.figures
    quality = [f"PSNR {decibels(figures['psnr'])}"]
    if not math.isnan(figures.get("holdout", math.nan)):
        quality = [f"held out {decibels(figures['holdout'])}", f"learned {decibels(figures['psnr'])}"]
    if not math.isnan(figures.get("ssim", math.nan)):
        quality.append(f"SSIM {figures['ssim']:.4f}")
    if not math.isnan(figures.get("snr", math.nan)):
        quality.append(f"SNR {decibels(figures['snr'])}")
    return ["   ".join(quality), f"{seconds_words(figures['seconds'])}   {figures['parameters']:,.0f} parameters"]


def decibels(number: float) -> str:
    """38.12 dB, or what there is to say instead."""
    return "–" if math.isnan(number) else "exact" if number == math.inf else f"{number:.2f} dB"


def seconds_words(seconds: float) -> str:
    """4.21 s, 3:05 min."""
    if math.isnan(seconds):
        return "– s"
    return f"{seconds:.3g} s" if seconds < 100 else f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def overview(contest: Contest, most: tuple[int, int]) -> Image.Image | None:
    """The whole signal with its regions marked; None where it is a line."""
    if contest.is_line:
        return None
    image = Image.fromarray(np.ascontiguousarray(contest.original.picture))
    scale = min(most[0] / image.width, most[1] / image.height)
    scale = max(int(scale), 1) if scale >= 1 else scale
    size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
    image = image.resize(size, Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX)
    draw = ImageDraw.Draw(image)
    for region in contest.regions if len(contest.regions) > 1 else []:
        _mark(draw, region, contest.indices.shape, image.size)
    return image


def _mark(draw: ImageDraw.ImageDraw, region: Region, shape: tuple[int, ...], size: tuple[int, int]) -> None:
    across, down = size[0] / shape[1], size[1] / shape[0]
    box = [
        region.left * across, region.top * down, (region.left + region.width) * across,
        (region.top + region.height) * down,
    ]  # fmt: skip
    ink = REGION_INKS[region.name]
    draw.rectangle(box, outline=(255, 255, 255), width=4)
    draw.rectangle([box[0] + 1, box[1] + 1, box[2] - 1, box[3] - 1], outline=ink, width=2)
    draw.rectangle([box[0], box[1], box[0] + 18, box[1] + 18], fill=ink)
    draw.text((box[0] + 9, box[1] + 9), region.name, (255, 255, 255), font(13), anchor="mm")


def _head(contest: Contest) -> Image.Image:
    """The name, and what was equal for all."""
    lines = [contest.name, *contest.facts]
    sizes = [30, *[16] * len(contest.facts)]
    width = max(round(text_width(line, size)) for line, size in zip(lines, sizes, strict=True)) + 2
    image, draw = _paper(width, 44 + 24 * len(contest.facts))
    draw.text((0, 0), lines[0], INKS["ink"], font(30))
    for index, line in enumerate(contest.facts):
        draw.text((0, 44 + 24 * index), line, INKS["faint"], font(16))
    return image


def _top(contest: Contest, width: int) -> Image.Image:
    """The whole signal, and how fits got where they are."""
    whole = overview(contest, _OVERVIEW)
    if whole is None:
        return _beside([race(contest, by).image() for by in ("seconds", "steps")], 2 * _GAP)
    room = max(width - whole.width - 2 * _GAP, _CHART)
    return _beside([whole, race(contest, "seconds", (room, _OVERVIEW[1])).image()], 2 * _GAP)


def _rows(contest: Contest) -> list[Image.Image]:
    """One row a fit, under one of the signal itself."""
    shown = contest.shown[:_MOST]
    columns = [_original_tiles(contest)] + [_tiles(contest, one) for one in shown]
    widths = [max(row[column].width for row in columns) for column in range(len(columns[0]))]
    lefts = _lefts(contest, widths)
    names = [_original_name(contest)] + [_name(contest, one) for one in shown]
    rows = [_headings(contest, lefts, widths)]
    rows += [_row(name, tiles, lefts) for name, tiles in zip(names, columns, strict=True)]
    left_out = len(contest.contenders) - len(shown)
    if left_out:
        image, draw = _paper(700, 22)
        draw.text((0, 2), f"and {left_out} more, in index.html and results.csv", INKS["faint"], font(16))
        rows.append(image)
    return rows


def _original_tiles(contest: Contest) -> list[Image.Image]:
    """The regions of the signal, and, where the errors of fits are all of it, the legend of their colours."""
    tiles: list[Image.Image] = []
    for region in contest.regions:
        if contest.is_line:
            tiles.append(region_chart(contest, region).image())
        else:
            tiles += [enlarged(region_pixels(contest, region), _side(contest)), _paper(1, 1)[0]]
    return [*(tiles if contest.shows_whole else tiles[:-1]), _scale(contest)]


def _tiles(contest: Contest, one: Contender) -> list[Image.Image]:
    assert one.look is not None
    tiles: list[Image.Image] = []
    for region in contest.regions:
        if contest.is_line:
            tiles.append(region_chart(contest, region, one).image())
        else:
            error = error_pixels(contest.close(region, one).error, contest.reach)
            tiles += [enlarged(pixels, _side(contest)) for pixels in (region_pixels(contest, region, one), error)]
    if contest.is_line and not one.look.spectrum.size:
        return [*tiles, envelope_chart(contest, one.look).image()]
    return [*tiles, _fitting(whole_error(contest, one.look), 300)] if contest.shows_whole else tiles


def _side(contest: Contest) -> int:
    """Pixels a side of a tile: more where there is one only."""
    return TILE if contest.shows_whole else TILE * 3 // 2


def _fitting(pixels: np.ndarray, width: int) -> Image.Image:
    """Pixels in a rectangle of `width` by a tile's height."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    scale = min(width / image.width, TILE / image.height)
    scale = int(scale) if scale >= 3 else scale
    size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
    return image.resize(size, Image.Resampling.NEAREST if scale >= 3 else Image.Resampling.BICUBIC)


def _headings(contest: Contest, lefts: Sequence[int], widths: Sequence[int]) -> Image.Image:
    """What the columns are."""
    image, draw = _paper(lefts[-1] + widths[-1], 50)

    def write(column: int, text: str, size: int, top: int, indent: int = 0, most: int | None = None) -> None:
        words = shortened(text, size, (most or widths[column]) - indent)
        draw.text((lefts[column] + indent, top), words, INKS["faint"], font(size), anchor="lm")

    several = len(contest.regions) > 1
    for index, region in enumerate(contest.regions):
        column = index if contest.is_line else 2 * index
        if several:
            x = lefts[column]
            draw.rectangle([x, 12, x + 18, 30], fill=REGION_INKS[region.name])
            draw.text((x + 9, 21), region.name, (255, 255, 255), font(13), anchor="mm")
        write(column, "original (blue) and fit (orange)" if contest.is_line else "fit", 14, 21, 25 if several else 0)
        if not contest.is_line:
            write(column + 1, "error", 14, 21)
        write(column, region.why, 12, 40, most=widths[column] if contest.is_line else 2 * widths[column])
    if contest.shows_whole:
        write(len(widths) - 1, "spectrogram of the error" if has_spectra(contest) else "error, all of it", 14, 21)
    return image


def _scale(contest: Contest) -> Image.Image:
    """The legend of the error maps."""
    if contest.is_line and not has_spectra(contest):
        return _paper(1, 1)[0]
    width = 300 if contest.shows_whole else _side(contest)
    image, draw = _paper(width + 30, 96)
    if has_spectra(contest):
        top = spectrum_top(contest)
        marks = [(share, f"{SILENCE + share * (top - SILENCE):.0f} dB") for share in (0.0, 0.5, 1.0)]
        words = "spectrogram of the error, one scale for all"
    else:
        marks, words = scale_marks(contest.reach), "error in % of the range, one scale for all"
    draw.text((0, 8), words, INKS["ink"], font(14), anchor="lm")
    image.paste(Image.fromarray(scale_pixels(width, 20)), (0, 22))
    for share, text in marks:
        x = round(share * (width - 1))
        draw.line((x, 42, x, 47), INKS["faint"])
        anchor = "la" if share == 0 else "ra" if share == 1 and len(text) > 6 else "ma"
        draw.text((x, 50), text, INKS["faint"], font(12), anchor=anchor)
    return image


def _original_name(contest: Contest) -> Image.Image:
    image, draw = _paper(_NAMES, 60)
    draw.text((14, 4), "the signal itself", INKS["ink"], font(19))
    return image


def _name(contest: Contest, one: Contender) -> Image.Image:
    """Place, title and figures of a fit."""
    place = contest.contenders.index(one)
    lines = _wrapped(one.title, 19, _NAMES - 50)
    figures = [*figure_words(one), *([one.note] if one.note else [])]
    image, draw = _paper(_NAMES, TILE)
    draw.rectangle([0, 0, 5, TILE], fill=INKS[series_ink(place)])
    draw.text((15, 2), str(place + 1), INKS["faint"], font(19))
    left, top = 46, 2
    if place == 0 and one.ranked:
        draw.rounded_rectangle([left, 3, left + 46, 23], 6, fill=_BEST)
        draw.text((left + 23, 13), "best", (255, 255, 255), font(14), anchor="mm")
        top = 30
    for index, line in enumerate(lines[:4]):
        draw.text((left, top + 24 * index), line, INKS["ink"], font(19))
    top += 8 + 24 * len(lines[:4])
    for line in figures:
        for piece in _wrapped(line, 14, _NAMES - 50):
            draw.text((left, top), piece, INKS["error" if line == one.note else "faint"], font(14))
            top += 20
    return image


def _wrapped(text: str, size: int, most: int) -> list[str]:
    """A text in lines, broken between words or, in long ones, after commas and colons."""
    lines: list[str] = []
    for word in text.replace(",", ",\0").replace(" ", " \0").split("\0"):
        if lines and text_width((lines[-1] + word).rstrip(), size) <= most:
            lines[-1] += word
        else:
            lines.append(word)
    return [shortened(line.strip(), size, most) for line in lines]


def _row(name: Image.Image, tiles: Sequence[Image.Image], lefts: Sequence[int]) -> Image.Image:
    image, _ = _paper(lefts[-1] + tiles[-1].width, max(name.height, *(tile.height for tile in tiles)))
    image.paste(name, (0, 0))
    for tile, left in zip(tiles, lefts, strict=True):
        image.paste(tile, (left, 0))
    return image


def _lefts(contest: Contest, widths: Sequence[int]) -> list[int]:
    """Where columns begin: a fit and its error are close to each other."""
    lefts, left = [], _NAMES + _GAP
    for index, width in enumerate(widths):
        lefts.append(left)
        pair = not contest.is_line and index % 2 == 0 and index < 2 * len(contest.regions)
        left += width + (_CLOSE if pair else _GAP)
    return lefts


def _beside(images: Sequence[Image.Image], gap: int) -> Image.Image:
    whole, _ = _paper(
        sum(image.width for image in images) + gap * (len(images) - 1), max(image.height for image in images)
    )
    left = 0
    for image in images:
        whole.paste(image, (left, 0))
        left += image.width + gap
    return whole


def _stacked(images: Sequence[Image.Image]) -> Image.Image:
    width = max(image.width for image in images) + 2 * _MARGIN
    whole, _ = _paper(width, sum(image.height + _GAP for image in images) - _GAP + 2 * _MARGIN)
    top = _MARGIN
    for image in images:
        whole.paste(image, (_MARGIN, top))
        top += image.height + _GAP
    return whole


def _paper(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (width, height), PAPER)
    return image, ImageDraw.Draw(image)
