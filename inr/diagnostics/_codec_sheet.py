"""One picture as several codecs give it back, side by side on one sheet."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from inr._errors import InrError
from inr._files import check_writable
from inr.diagnostics._figures import FAINT, INK, figure_style, write_figure
from inr.diagnostics._paper import Paper
from inr.diagnostics._regions import Region, picture_regions
from inr.signals import ms_ssim, psnr, ssim

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARGIN, _GAP = 36, 12
_SIDES = 48, 72, 96, 144  # pixels of an enlarged region, which whole squares enlarge to the side of a tile
_TILE = 288
_BLOCK, _FEWEST_BLOCKS = 16, 8  # pixels a side, whose errors are taken together, and how many there are at least
_FAR, _FEWEST = 6.0, 3  # dB below the best from which on a codec has no say in what is enlarged, unless few are left
_TITLE, _NAMES, _WORDS, _SMALL = 28, 20, 17, 14  # heights of letters
_LOWEST_ROW, _HIGHEST_ROW = 42, 68  # of the table
_AXIS_HEIGHT = 56  # of the axis below the table
_OVERVIEW = 760, 520  # the most that the original takes, width and height
_OVERVIEW_GAP = 56
_NONE = "–"  # in the place of a number that there is not
_OURS, _PEERS, _GRID = "#d9480f", "#3b4656", "#e2e5ea"
_BEHIND_OURS = "#fdf0e9"
# the table: where its columns end, from its left edge; the plot takes what remains
_COLUMNS = {"bytes": 250, "PSNR": 350, "SSIM": 440, "MS-SSIM": 545}
_PLOT_LEFT = 590
_NARROWEST_PLOT = 300


@dataclass(frozen=True)
class CodedPicture:
    """A picture as a codec gives it back.

    Attributes:
        name: of the codec.
        size: of the file, in bytes.
        pixels: what it decodes to, (h, w) or (h, w, 3) uint8.
        original: what was coded, of the same shape.
        note: how it was coded, as in "quality 31".
        ours: whether it is the one that the others are compared with.
    """

    name: str
    size: int
    pixels: UInt8[np.ndarray, "h w *c"]
    original: UInt8[np.ndarray, "h w *c"]
    note: str = ""
    ours: bool = False

    @cached_property
    def psnr(self) -> float:
        """In dB, of the 8-bit pixels."""
        return psnr(self.original, self.pixels, 255)

    @cached_property
    def ssim(self) -> float | None:
        """Of the pixels; None of pictures below 11 pixels a side."""
        return ssim(self.original, self.pixels, 255)

    @cached_property
    def ms_ssim(self) -> float | None:
        """Of the pixels; None of pictures up to 160 pixels a side."""
        return ms_ssim(self.original, self.pixels, 255)

    def errors(self) -> Float[np.ndarray, "rows columns"]:
        """Root mean square of the errors in squares of 16 pixels a side, smaller ones in small pictures."""
        squares = np.square(self.pixels.astype(np.float32) - self.original)
        squares = squares if squares.ndim == 2 else squares.mean(axis=2)
        height, width = squares.shape
        side = max(min(_BLOCK, min(height, width) // _FEWEST_BLOCKS), 1)
        rows, columns = np.arange(0, height, side), np.arange(0, width, side)
        sums = np.add.reduceat(np.add.reduceat(squares, rows, axis=0), columns, axis=1)
        counts = np.outer(np.diff(np.append(rows, height)), np.diff(np.append(columns, width)))
        return np.sqrt(sums / counts)


def codec_sheet(
    pictures: Sequence[CodedPicture],
    path: str | os.PathLike[str],
    *,
    title: str,
    facts: Sequence[str] = (),
    force: bool = False,
) -> list[Region]:
    """Draw one picture as several codecs give it back: figures, the whole, and what differs most, enlarged.

    Up to three squares are enlarged. Two are where codecs differ most: in the mean over pairs of codecs of how much
    their root mean square errors differ, in blocks of 16 pixels a side. The third is where the best three do. Those
    that are more than 6 dB worse than the best have no say, unless fewer than three are left.

    Args:
        pictures: of one original, in the order in which they are shown.
        path: the PNG or PDF to write.
        title: over the sheet, the picture's name say.
        facts: lines below the title.
        force: whether to overwrite an existing file.

    Returns:
        The squares, named as on the sheet.

    Raises:
        InrError: nothing to draw, another suffix, an existing file without `force`, or one that cannot be written.
    """
    if not pictures:
        raise InrError("there is nothing to draw: give coded pictures")
    path = Path(path)
    if path.suffix.lower() not in (".png", ".pdf"):
        raise InrError(f"a sheet is a PNG or a PDF; call it {path.with_suffix('.png')}")
    check_writable(path, force=force)
    original = pictures[0].original
    errors = [each.errors() for each in _comparable(pictures)]
    found = picture_regions(errors, original.shape[:2], sides=_SIDES, what="codecs")
    with figure_style():
        sheet = _Sheet(pictures, found, title, facts, vector=path.suffix.lower() == ".pdf")
        write_figure(sheet.drawn().figure, path, force=force)
    return found


def _comparable(pictures: Sequence[CodedPicture]) -> list[CodedPicture]:
    """Those among which regions are to tell, the best first."""
    best = sorted(pictures, key=lambda picture: -picture.psnr)
    near = [each for each in best if each.psnr >= best[0].psnr - _FAR]
    return near if len(near) >= _FEWEST else best[:_FEWEST]


class _Sheet:
    """Where everything stands, and drawing it."""

    def __init__(
        self,
        pictures: Sequence[CodedPicture],
        regions: Sequence[Region],
        title: str,
        facts: Sequence[str],
        *,
        vector: bool,
    ) -> None:
        self._pictures, self._regions, self._title, self._facts = pictures, regions, title, facts
        self._original = pictures[0].original
        self._scale = max(round(_TILE / max(regions[0].height, regions[0].width)), 1)
        self._tile = max(regions[0].width * self._scale, 180), regions[0].height * self._scale
        self._whole = _fitted(self._original.shape, (self._tile[0], self._tile[0]))
        self._overview = _fitted(self._original.shape, _OVERVIEW)
        self._shows_whole = len(regions) > 1
        columns = (len(pictures) + 1) * (self._tile[0] + _GAP) - _GAP
        table = _PLOT_LEFT + _NARROWEST_PLOT
        self._inner = max(columns, table + (self._overview[0] + _OVERVIEW_GAP if self._shows_whole else 0))
        self._head = _MARGIN + 44 + 26 * len(facts) + 18
        beside = self._overview[1] if self._shows_whole else 0
        self._row = min(max((beside - _AXIS_HEIGHT) // (len(pictures) + 1), _LOWEST_ROW), _HIGHEST_ROW)
        table_height = self._row * (len(pictures) + 1) + _AXIS_HEIGHT
        self._top = self._head + max(beside, table_height) + 3 * _GAP
        rows = (self._whole[1] + _GAP if self._shows_whole else 0) + len(regions) * (self._tile[1] + 34)
        height = self._top + 52 + rows + 40 + _MARGIN
        self._paper = Paper(self._inner + 2 * _MARGIN, height, vector=vector)

    def drawn(self) -> Paper:
        """The sheet."""
        paper = self._paper
        paper.text(_MARGIN, _MARGIN - 6, self._title, _TITLE, weight="medium")
        for index, fact in enumerate(self._facts):
            paper.text(_MARGIN, _MARGIN + 42 + 26 * index, fact, _WORDS, FAINT)
        left = _MARGIN
        if self._shows_whole:
            self._draw_overview(left, self._head)
            left += self._overview[0] + _OVERVIEW_GAP
        self._draw_table(left, self._head)
        self._draw_columns()
        return paper

    def _draw_overview(self, left: int, top: int) -> None:
        """The original with the places of the regions."""
        self._paper.picture(left, top, _shown(self._original, self._overview), self._overview)
        across, down = (size / side for size, side in zip(self._overview, self._original.shape[1::-1], strict=True))
        for each in self._regions:
            box = left + each.left * across, top + each.top * down, each.width * across, each.height * down
            self._paper.frame(*box, each.name)

    def _draw_table(self, left: int, top: int) -> None:
        """Bytes and qualities, in numbers and, of PSNR, as places along an axis."""
        paper, right = self._paper, _MARGIN + self._inner
        middle = top + self._row / 2
        for name, end in _COLUMNS.items():
            unit = ", dB" if name == "PSNR" else ""
            paper.text(left + end, middle, name + unit, _SMALL, FAINT, ha="right", va="center_baseline")
        best = {
            name: max((each for each in column if each is not None), default=None) for name, column in self._values()
        }
        for index, picture in enumerate(self._pictures, start=1):
            row = top + index * self._row
            if picture.ours:
                paper.box(left - 12, row, right - left + 12, self._row, color=_BEHIND_OURS, linewidth=0, zorder=0)
            colour = _OURS if picture.ours else INK
            weight = "bold" if picture.ours else "normal"
            middle = row + self._row / 2
            paper.text(left, middle, picture.name, _NAMES, colour, va="center_baseline", weight=weight)
            cells = {
                "bytes": (f"{picture.size:,}", False),
                "PSNR": (_number(picture.psnr, ".2f"), picture.psnr == best["psnr"]),
                "SSIM": (_number(picture.ssim, ".4f"), picture.ssim == best["ssim"]),
                "MS-SSIM": (_number(picture.ms_ssim, ".4f"), picture.ms_ssim == best["ms_ssim"]),
            }
            for name, (words, leads) in cells.items():
                weight = "bold" if leads and words != _NONE and len(self._pictures) > 1 else "normal"
                end = left + _COLUMNS[name]
                paper.text(end, middle, words, _WORDS, ha="right", va="center_baseline", weight=weight)
        for index in range(1, len(self._pictures) + 2):
            paper.box(left - 12, top + index * self._row, right - left + 12, 0, edgecolor=_GRID, linewidth=0.8)
        self._draw_dots(left + _PLOT_LEFT, top + self._row, right - left - _PLOT_LEFT - 90)

    def _values(self) -> list[tuple[str, list[float | None]]]:
        return [(name, [getattr(each, name) for each in self._pictures]) for name in ("psnr", "ssim", "ms_ssim")]

    def _draw_dots(self, left: int, top: int, width: int) -> None:
        """PSNR along an axis, a row a codec, with how far it is from ours."""
        from matplotlib.ticker import MaxNLocator

        count = len(self._pictures)
        axes: Axes = self._paper.plot(left, top, width, count * self._row)
        axes.patch.set_alpha(0)
        levels = [picture.psnr for picture in self._pictures if math.isfinite(picture.psnr)] or [0.0]
        margin = max(0.12 * (max(levels) - min(levels)), 0.25)
        axes.set_xlim(min(levels) - margin, max(levels) + margin)
        axes.set_ylim(count - 0.5, -0.5)
        axes.set_yticks([])
        axes.grid(visible=False, axis="y")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.tick_params(axis="x", length=0, labelsize=_SMALL * 0.62)
        axes.set_xlabel("PSNR of the 8-bit pixels, dB", fontsize=_SMALL * 0.62)
        ours = next((picture.psnr for picture in self._pictures if picture.ours), None)
        if ours is not None and math.isfinite(ours):
            axes.axvline(ours, color=_OURS, linewidth=1, alpha=0.5)
        for place, picture in enumerate(self._pictures):
            if not math.isfinite(picture.psnr):
                continue
            colour = _OURS if picture.ours else _PEERS
            if ours is not None and math.isfinite(ours) and not picture.ours:
                axes.plot([picture.psnr, ours], [place, place], color=_PEERS, linewidth=2, alpha=0.35)
                middle = top + (place + 0.5) * self._row
                words = f"{picture.psnr - ours:+.2f} dB".replace("-", "−")
                self._paper.text(left + width + 86, middle, words, _SMALL, FAINT, ha="right", va="center_baseline")
            axes.plot([picture.psnr], [place], "o", color=colour, markersize=8, clip_on=False)

    def _draw_columns(self) -> None:
        """The original and the coded pictures in columns: the whole, then the regions, enlarged."""
        paper, top = self._paper, self._top
        pictures = [self._original, *(picture.pixels for picture in self._pictures)]
        for column, pixels in enumerate(pictures):
            left = _MARGIN + column * (self._tile[0] + _GAP)
            coded = None if column == 0 else self._pictures[column - 1]
            ours = coded is not None and coded.ours
            name = "original" if coded is None else coded.name
            paper.text(left, top, name, _NAMES, _OURS if ours else INK, weight="bold" if ours else "medium")
            note = f"{pixels.shape[1]} x {pixels.shape[0]} pixels" if coded is None else _figures(coded)
            paper.text(left, top + 26, note, _SMALL, FAINT)
            row = top + 52
            if self._shows_whole:
                paper.picture(left, row, _shown(pixels, self._whole), self._whole)
                row += self._whole[1] + _GAP
            for region in self._regions:
                part = _rgb(pixels[region.part])
                size = region.width * self._scale, region.height * self._scale
                paper.picture(left, row, part, size)
                if coded is None and self._shows_whole:
                    paper.tag(left, row, region.name)
                words = region.why if coded is None else _decibels(coded, region)
                paper.text(left, row + size[1] + 5, words, _SMALL, FAINT)
                row += self._tile[1] + 34
        paper.text(_MARGIN, row + 8, self._legend(), _SMALL, FAINT)

    def _legend(self) -> str:
        """What was enlarged, and how often."""
        if not self._shows_whole:
            return f"Each pixel is shown {self._scale} x {self._scale}; dB below a tile are its own."
        side = self._regions[0].width
        return (
            f"Tiles are {side} x {side} pixels, each shown {self._scale} x {self._scale}; dB below a tile are its own. "
            "They lie where the codecs' errors differ most: root mean square of blocks of pixels, mean over pairs of "
            f"codecs, of those within {_FAR:g} dB of the best."
        )


def _figures(picture: CodedPicture) -> str:
    """The line below a codec's name."""
    return "   ".join(filter(None, [f"{_number(picture.psnr, '.2f')} dB", picture.note]))


def _decibels(picture: CodedPicture, region: Region) -> str:
    """dB of a region alone."""
    return f"{_number(psnr(picture.original[region.part], picture.pixels[region.part], 255), '.2f')} dB"


def _number(value: float | None, form: str) -> str:
    if value is None:
        return _NONE
    return "exact" if math.isinf(value) else format(value, form)


def _rgb(pixels: UInt8[np.ndarray, "h w *c"]) -> UInt8[np.ndarray, "h w 3"]:
    return np.ascontiguousarray(
        np.broadcast_to(pixels if pixels.ndim == 3 else pixels[..., None], (*pixels.shape[:2], 3))
    )


def _fitted(shape: Sequence[int], most: tuple[int, int]) -> tuple[int, int]:
    """Width and height for pixels of a shape (h, w, …) in a rectangle: enlarged to whole squares, or made smaller."""
    scale = min(most[0] / shape[1], most[1] / shape[0])
    scale = int(scale) if scale >= 1 else scale
    return max(round(shape[1] * scale), 1), max(round(shape[0] * scale), 1)


def _shown(pixels: UInt8[np.ndarray, "h w *c"], size: tuple[int, int]) -> UInt8[np.ndarray, "rows columns 3"]:
    """A whole picture at the size that it is shown in, where that is smaller."""
    colours = _rgb(pixels)
    if size[0] >= colours.shape[1]:
        return colours
    return np.asarray(Image.fromarray(colours).resize(size, Image.Resampling.LANCZOS))
