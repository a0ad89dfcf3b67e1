"""Setting panels and their captions on one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from PIL import Image, ImageDraw, ImageFont

PAPER = (255, 255, 255)
INK = (34, 34, 34)
FAINT = (120, 120, 120)


@dataclass(frozen=True)
class Panel:
    """A picture with a caption over it.

    Attributes:
        image: the picture.
        caption: what it is.
        note: what to know about it, written fainter beside the caption.
    """

    image: Image.Image
    caption: str
    note: str = ""


def page(title: str, rows: Sequence[Sequence[Panel]]) -> Image.Image:
    """Rows of panels under a title on white paper; rows of equally many panels share their columns."""
    size = text_size(rows)
    margin, gap, line = round(1.6 * size), round(1.2 * size), round(1.5 * size)
    lefts = _lefts(rows, size, gap)
    width = max(*(row_lefts[-1] - gap for row_lefts in lefts), _text_width(title, size)) + 2 * margin
    row_heights = [line + max(panel.image.height for panel in row) for row in rows]
    height = margin + line + sum(row_heights) + gap * len(rows) + margin
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((margin, margin), title, INK, font(size))
    top = margin + line + gap
    for row, row_lefts, row_height in zip(rows, lefts, row_heights, strict=True):
        for panel, left in zip(row, row_lefts, strict=False):
            _place(sheet, draw, panel, (margin + left, top), size)
        top += row_height + gap
    return sheet


def _lefts(rows: Sequence[Sequence[Panel]], size: int, gap: int) -> list[list[int]]:
    """Where each row's panels begin, and where one more would: rows of equally many panels share their columns."""
    widths = {
        count: [max(_width(row[column], size) for row in rows if len(row) == count) for column in range(count)]
        for count in {len(row) for row in rows}
    }
    return [list(accumulate((width + gap for width in widths[len(row)]), initial=0)) for row in rows]


def text_size(rows: Sequence[Sequence[Panel]]) -> int:
    """Letters that stay legible when the page is fitted to a screen."""
    widest = max(sum(panel.image.width for panel in row) for row in rows)
    return min(max(round(widest / 75), 13), 30)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The face that Pillow brings along."""
    return ImageFont.load_default(size=size)


def _place(sheet: Image.Image, draw: ImageDraw.ImageDraw, panel: Panel, corner: tuple[int, int], size: int) -> None:
    left, top = corner
    draw.text((left, top), panel.caption, INK, font(size))
    draw.text((left + _text_width(panel.caption + "  ", size), top), panel.note, FAINT, font(size))
    sheet.paste(panel.image, (left, top + round(1.5 * size)))


def _width(panel: Panel, size: int) -> int:
    return max(panel.image.width, _text_width(f"{panel.caption}  {panel.note}", size))


def _text_width(text: str, size: int) -> int:
    return round(font(size).getlength(text))
