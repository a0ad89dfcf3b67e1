"""The contact sheet of a set: some of its fields as small pictures, the worst and the best among them."""

import io
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int
from PIL import Image, ImageDraw, ImageFont

from inr._errors import DamagedFile, InrError
from inr._files import check_writable, replacing
from inr._specs import format_spec
from inr.diagnostics import field_png
from inr.field import Field
from inr.sets._fields import Fields

_MOST = 100  # fields on a sheet
_TILE, _GAP, _CAPTION, _MARGIN, _HEAD = 96, 10, 15, 20, 56  # pixels
_PAPER, _INK, _FAINT, _NOTHING = "#ffffff", "#1d1d1f", "#6e6e73", "#d2d2d7"
_WORST, _BEST = "#c8102e", "#0a7048"
_GROUND, _LINE, _MOST_POINTS = "#f2f2f5", "#0a58a8", 1 << 14  # of curves
_LONGEST = 15  # letters of a name below a tile


def contact_sheet(fields: Fields, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Draw up to 100 fields of a set as a PNG, in their order, with the PSNR of each.

    The worst and the best one are among them, and framed; the others are evenly spaced over the set.

    Args:
        fields: of any kind.
        path: the PNG to write.
        force: overwrite a file that is there.

    Raises:
        InrError: another suffix than .png, an existing file without `force`, or one that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InrError(f"a contact sheet is a PNG; call it {path.with_suffix('.png')}")
    check_writable(path, force=force)
    sheet = _drawn(fields)
    with replacing(path, force=force) as temporary:
        sheet.save(temporary, format="PNG")


def chosen_for_sheet(psnr: np.ndarray) -> Int[np.ndarray, " n"]:
    """The places of the fields on a sheet, ascending: the worst, the best and others evenly spaced.

    Args:
        psnr: of all fields, float64 (fields,).
    """
    count = len(psnr)
    if count <= _MOST:
        return np.arange(count)
    ends = np.unique(_worst_and_best(psnr))
    rest = np.setdiff1d(np.arange(count), ends)
    spaced = rest[np.linspace(0, len(rest) - 1, _MOST - len(ends)).round().astype(np.int64)]
    return np.sort(np.concatenate([spaced, ends]))


def _worst_and_best(psnr: np.ndarray) -> tuple[int, int]:
    """Places of the least and the largest PSNR; NaN is worse than all numbers."""
    levels = np.where(np.isnan(psnr), -math.inf, psnr)
    return int(np.argmin(levels)), int(np.argmax(levels))


def _drawn(fields: Fields) -> Image.Image:
    places = chosen_for_sheet(fields.psnr)
    columns = min(10, max(math.ceil(math.sqrt(len(places))), 4))
    rows = -(-len(places) // columns)
    step = _TILE + _GAP
    title = [(words, colour, ImageFont.load_default(letters)) for words, colour, letters in _title(fields)]
    width = max(columns * step - _GAP, *(math.ceil(font.getlength(words)) for words, _, font in title))
    sheet = Image.new("RGB", (2 * _MARGIN + width, 2 * _MARGIN + _HEAD + rows * (step + 2 * _CAPTION)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for line, (words, colour, font) in enumerate(title):
        draw.text((_MARGIN, _MARGIN + 22 * line), words, colour, font)
    worst, best = _worst_and_best(fields.psnr)
    framed = {worst: ("worst", _WORST), best: ("best", _BEST)} if worst != best else {}
    for number, (place, tile) in enumerate(zip(places, _tiles(fields, places), strict=True)):
        left = _MARGIN + number % columns * step
        top = _MARGIN + _HEAD + number // columns * (step + 2 * _CAPTION)
        if tile is None:
            draw.rectangle((left, top, left + _TILE - 1, top + _TILE - 1), _NOTHING)
        else:
            sheet.paste(tile, (left + (_TILE - tile.width) // 2, top + (_TILE - tile.height) // 2))
        word, colour = framed.get(int(place), ("", _INK))
        if word:
            draw.rectangle((left - 4, top - 4, left + _TILE + 3, top + _TILE + 3), outline=colour, width=3)
        level = "damaged" if tile is None else _decibels(float(fields.psnr[place]))
        font = ImageFont.load_default(12)
        draw.text((left, top + _TILE + 4), f"{word} {level}".strip(), colour, font)
        draw.text((left, top + _TILE + 4 + _CAPTION), _short(fields.names[place]), _FAINT, font)
    return sheet


def _tiles(fields: Fields, places: np.ndarray) -> Iterator[Image.Image | None]:
    """A small picture of each field; None for those in damaged blocks, and those that no picture shows."""
    for place in places:
        try:
            field = fields[int(place)]
        except DamagedFile:
            yield None
            continue
        if field.domain.in_dim == 1:
            yield _curve(field)
            continue
        data = field_png(field)
        if data is None:
            yield None
            continue
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        scale = _TILE / max(picture.size)
        size = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
        yield picture.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST)


def _curve(field: Field) -> Image.Image:
    """The first channel over the only axis."""
    count = min(field.domain.axes[0].size or _MOST_POINTS, _MOST_POINTS)
    heights = np.clip(field.domain.values.normalise(field.render((count,)))[:, 0], -1, 1)
    across = np.linspace(0, _TILE - 1, count)
    tile = Image.new("RGB", (_TILE, _TILE), _GROUND)
    points = np.stack([across, (1 - np.nan_to_num(heights)) / 2 * (_TILE - 1)], axis=1)
    ImageDraw.Draw(tile).line([(float(x), float(y)) for x, y in points], _LINE)
    return tile


def _title(fields: Fields) -> list[tuple[str, str, int]]:
    parts = "  ".join(format_spec(config) for config in fields.config.values())
    levels = fields.psnr[np.isfinite(fields.psnr)]
    spread = ""
    if len(levels):
        low, middle, high = np.quantile(levels, (0, 0.5, 1))
        spread = f"; PSNR {low:.2f} to {high:.2f} dB, {middle:.2f} dB in the middle"
    return [(f"{len(fields):,} fields{spread}", _INK, 16), (parts, _FAINT, 12)]


def _decibels(level: float) -> str:
    return "exact" if level == math.inf else "no numbers" if math.isnan(level) else f"{level:.1f} dB"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
