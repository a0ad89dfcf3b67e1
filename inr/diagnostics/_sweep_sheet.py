"""Fits of one signal side by side on one sheet: what they come to, where they differ, how they got there."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inr.diagnostics._comparison import Comparison, Run
from inr.diagnostics._figures import FAINT, checked_png, figure_style, write_figure
from inr.diagnostics._page_charts import value_limits
from inr.diagnostics._paper import DPI, Paper
from inr.diagnostics._plot import heat
from inr.diagnostics._regions import Region
from inr.diagnostics._svg import INKS, series_ink
from inr.diagnostics._sweep_curves import LABELS_WIDTH, draw_curves
from inr.diagnostics._thumbnail import Thumbnail, samples_along
from inr.diagnostics._tiles import error_pixels, has_spectra, region_pixels, spectrum_marks, whole_error
from inr.diagnostics._wording import metric_lines, percent, scale_marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_ROWS = 14  # fits on the sheet; the page has all
# lengths below are pixels
_MARGIN, _GAP, _PAIR_GAP = 36, 18, 4
_TILE = 192  # a side of an enlarged region
_NAMES_WIDTH = 290
_LINE_WIDTH = 316  # of a region of a line
_WHOLE_WIDTH = 300  # of the map of all of a fit's error
_HEADINGS_HEIGHT = 50
_OVERVIEW = 620, 400  # the most that the whole signal takes
_CURVES_WIDTH = 820  # with the names beside them, at least
_CHARACTER_WIDTH = 0.62  # of a letter's height, about
_BEST = "#0a7048"


def sweep_sheet(comparison: Comparison, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Draw fits of one signal side by side, as a PNG: a row a fit, with its regions and their errors.

    Args:
        comparison: the fits, the best first; 14 of them are shown.
        path: the PNG to write.
        force: whether to overwrite an existing file.

    Raises:
        InrError: another suffix than .png, an existing file without `force`, or one that cannot be written.
    """
    path = checked_png(path, "a sheet", force=force)
    with figure_style():
        write_figure(_drawn(comparison), path, force=force)


def _drawn(comparison: Comparison) -> "Figure":
    columns = _columns(comparison)
    shown = comparison.shown[:_MOST_ROWS]
    side = _side(comparison)
    head = 46 + 24 * len(comparison.facts)
    top = 2 * _MARGIN + head
    rows_top = top + _OVERVIEW[1] + 2 * _GAP + _HEADINGS_HEIGHT
    left_out = len(comparison.runs) - len(shown)
    curves_width = 2 * _CURVES_WIDTH if comparison.is_line else _OVERVIEW[0] + 2 * _GAP + _CURVES_WIDTH
    words = max((_text_width(fact, 16) for fact in comparison.facts), default=0)
    inner = max(columns[-1].left + columns[-1].width, curves_width, _text_width(comparison.name, 28), words)
    width = inner + 2 * _MARGIN
    height = rows_top + (len(shown) + 1) * (side + _GAP) + (40 if left_out else 0) + _MARGIN
    paper = Paper(width, height)
    paper.text(_MARGIN, _MARGIN, comparison.name, 28)
    for index, fact in enumerate(comparison.facts):
        paper.text(_MARGIN, _MARGIN + 46 + 24 * index, fact, 16, FAINT)
    _draw_top(paper, comparison, top, inner)
    _draw_headings(paper, comparison, columns, rows_top - _HEADINGS_HEIGHT)
    paper.text(_MARGIN + 14, rows_top, "the signal itself", 18)
    _draw_tiles(paper, comparison, columns, rows_top, None)
    for row, run in enumerate(shown, start=1):
        line = rows_top + row * (side + _GAP)
        _draw_name(paper, comparison, run, line, side)
        _draw_tiles(paper, comparison, columns, line, run)
    if left_out:
        paper.text(_MARGIN, height - _MARGIN - 20, f"and {left_out} more, in index.html and results.csv", 16, FAINT)
    return paper.figure


@dataclass(frozen=True)
class _Column:
    """What stands below each other: a region, its error, or, without a region, all of the error."""

    left: int
    width: int
    region: Region | None = None
    error: bool = False


def _columns(comparison: Comparison) -> list[_Column]:
    columns, left = [], _NAMES_WIDTH + _GAP
    for region in comparison.regions:
        if comparison.is_line:
            columns.append(_Column(left, _LINE_WIDTH, region))
        else:
            width = _fitted((region.height, region.width), (_side(comparison), _side(comparison)))[0]
            columns.append(_Column(left, width, region))
            left += width + _PAIR_GAP
            columns.append(_Column(left, width, region, error=True))
        left += columns[-1].width + _GAP
    if comparison.shows_whole or not columns:
        columns.append(_Column(left, _LINE_WIDTH if comparison.is_line else _WHOLE_WIDTH))
    return columns


def _side(comparison: Comparison) -> int:
    """Pixels a side of a tile: more where there is one only."""
    return _TILE if comparison.shows_whole else _TILE * 3 // 2


def _fitted(shape: Sequence[int], most: tuple[int, int], *, squares: int = 1) -> tuple[int, int]:
    """Width and height for pixels of a shape (h, w, …) within a rectangle.

    Pixels are enlarged to whole squares, where these have sides of `squares` or more.
    """
    scale = min(most[0] / shape[1], most[1] / shape[0])
    scale = int(scale) if scale >= squares else scale
    return max(round(shape[1] * scale), 1), max(round(shape[0] * scale), 1)


def _draw_top(paper: Paper, comparison: Comparison, top: int, width: int) -> None:
    """The whole signal, and how fits got where they are."""
    names = round(LABELS_WIDTH * DPI)
    if comparison.is_line:
        for index, by in enumerate(("seconds", "steps")):
            left = _MARGIN + 44 + index * (width // 2)
            draw_curves(paper.plot(left, top + 24, width // 2 - names - 60, _OVERVIEW[1] - 74), comparison, by)
        return
    picture = comparison.original.picture
    size = _fitted(picture.shape, _OVERVIEW)
    paper.picture(_MARGIN, top, picture, size)
    shape = comparison.indices.shape if comparison.signal.domain.shape is not None else picture.shape
    for region in comparison.regions if len(comparison.regions) > 1 else []:
        across, down = size[0] / shape[1], size[1] / shape[0]
        box = _MARGIN + region.left * across, top + region.top * down, region.width * across, region.height * down
        paper.frame(*box, region.name)
    left = _MARGIN + size[0] + 2 * _GAP + 44
    draw_curves(paper.plot(left, top + 24, _MARGIN + width - names - left, _OVERVIEW[1] - 74), comparison, "seconds")


def _draw_headings(paper: Paper, comparison: Comparison, columns: Sequence[_Column], top: int) -> None:
    """What the columns are."""
    several = len(comparison.regions) > 1
    for column in columns:
        left, indent = _MARGIN + column.left, 0
        if column.region is not None and not column.error:
            if several:
                paper.tag(left, top, column.region.name)
                indent = 25
            paper.text(left, top + 25, column.region.why, 13, FAINT)
        if column.region is None:
            words = "spectrogram of the error" if has_spectra(comparison) else "error, all of it"
        elif comparison.is_line:
            words = "original (blue) and fit (orange)"
        else:
            words = "error" if column.error else "fit"
        paper.text(left + indent, top + 9, words, 15, FAINT, va="center_baseline")


def _draw_tiles(paper: Paper, comparison: Comparison, columns: Sequence[_Column], top: int, run: Run | None) -> None:
    """The row of a fit, or of the signal itself, with the scale of the errors in the last column."""
    for column in columns:
        left, region = _MARGIN + column.left, column.region
        if region is not None and comparison.is_line:
            _draw_line(paper.plot(left, top, column.width, _TILE), comparison, region, run)
        elif region is not None and not column.error:
            pixels = region_pixels(comparison, region, run)
            paper.picture(left, top, pixels, _fitted(pixels.shape, (_side(comparison), _side(comparison))))
        elif region is not None and run is not None:
            pixels = error_pixels(comparison.crop(region, run).error, comparison.error_scale)
            paper.picture(left, top, pixels, _fitted(pixels.shape, (_side(comparison), _side(comparison))))
        elif region is None and run is not None and run.thumbnail is not None:
            _draw_whole(paper, comparison, run.thumbnail, left, top)
    if run is None:
        _draw_scale(paper, comparison, _MARGIN + columns[-1].left, top)


def _draw_whole(paper: Paper, comparison: Comparison, thumbnail: Thumbnail, left: int, top: int) -> None:
    """All of a fit's error."""
    if not comparison.is_line or thumbnail.spectrum.size:
        pixels = whole_error(comparison, thumbnail)
        paper.picture(left, top, pixels, _fitted(pixels.shape, (_WHOLE_WIDTH, _TILE), squares=3))
        return
    axes = paper.plot(left, top + 16, _LINE_WIDTH, _TILE - 40)
    axes.set_axis_off()
    axes.set_ylim(0, comparison.error_scale)
    axes.plot(thumbnail.error, color=INKS["error"], linewidth=1.2)
    axes.axhline(0, color=INKS["rule"], linewidth=1)
    paper.text(left, top, f"error, up to {percent(comparison.error_scale)}", 11, FAINT)


def _draw_line(axes: "Axes", comparison: Comparison, region: Region, run: Run | None) -> None:
    """A stretch of a signal, with that of a fit over it and the error below."""
    axes.set_axis_off()
    places = samples_along(comparison.signal)[1][region.part[1]]
    original = comparison.crop(region)
    low, high = value_limits(comparison, original)
    scale = (high - low) / comparison.error_scale / 4  # the error's band is half as high as that of the values
    middle = low - 0.4 * (high - low)
    axes.set_xlim(float(places[0]), float(np.nextafter(places[-1], np.inf)))
    axes.set_ylim(middle - 0.25 * (high - low), high)
    axes.axhline(low, color=INKS["rule"], linewidth=1)
    axes.plot(places, original.values[:, 0], color=INKS["original"], linewidth=2.4)
    if run is not None:
        crop = comparison.crop(region, run)
        axes.plot(places, np.clip(np.nan_to_num(crop.values[:, 0]), low, high), color=INKS["fit"], linewidth=1.2)
        error = np.clip(np.nan_to_num(crop.error), -comparison.error_scale, comparison.error_scale)
        axes.plot(places, middle + scale * error, color=INKS["error"], linewidth=1)
        across = axes.get_yaxis_transform()  # a share of the plot; up are its values
        words = f"error, ±{percent(comparison.error_scale)}"
        axes.text(1, low - 0.03 * (high - low), words, fontsize=7, color=FAINT, ha="right", va="top", transform=across)


def _draw_scale(paper: Paper, comparison: Comparison, left: int, top: int) -> None:
    """The legend of the error maps."""
    if comparison.is_line and not has_spectra(comparison):
        return
    width = _WHOLE_WIDTH if comparison.shows_whole else _side(comparison)
    spectra = has_spectra(comparison)
    marks = spectrum_marks(comparison) if spectra else scale_marks(comparison.error_scale)
    words = "power of the error" if spectra else "error in % of the range"
    paper.text(left, top, f"{words}, one scale for all", 14)
    paper.picture(left, top + 24, heat(np.linspace(0, 1, 256))[None], (width, 18))
    for index, (share, text) in enumerate(marks):
        ends = {0: "left", len(marks) - 1: "right"}
        paper.text(left + share * width, top + 47, text, 12, FAINT, ha=ends.get(index, "center"))


def _draw_name(paper: Paper, comparison: Comparison, run: Run, top: int, height: int) -> None:
    """Place, title and metrics of a fit."""
    place = comparison.runs.index(run)
    paper.box(_MARGIN, top, 6, height, color=INKS[series_ink(place)], linewidth=0)
    paper.text(_MARGIN + 16, top, str(place + 1), 18, FAINT)
    left, row = _MARGIN + 48, top
    if place == 0 and run.ranked:
        paper.text(left + 4, row, "best", 14, "white", bbox={"boxstyle": "round,pad=0.25", "color": _BEST})
        row += 30
    for line in _wrapped(run.title, 18)[:4]:
        paper.text(left, row, line, 18)
        row += 24
    row += 6
    for line in [*metric_lines(run), run.note]:
        whole = _wrapped(line, 14)
        for piece in whole if len(whole) < 2 else [piece for part in line.split("   ") for piece in _wrapped(part, 14)]:
            paper.text(left, row, piece, 14, INKS["error"] if line == run.note else FAINT)
            row += 20


def _wrapped(text: str, size: int) -> list[str]:
    """A text in lines that fit beside the tiles, broken between words or, in long ones, after commas and colons."""
    most = int((_NAMES_WIDTH - 50) / (_CHARACTER_WIDTH * 0.85 * size))
    lines: list[str] = []
    for word in text.replace(",", ",\0").replace(" ", " \0").split("\0"):
        if lines and len((lines[-1] + word).rstrip()) <= most:
            lines[-1] += word
        else:
            lines.append(word)
    return [line.strip() if len(line.strip()) <= most else f"{line.strip()[: most - 1]}…" for line in lines if line]


def _text_width(text: str, size: int) -> int:
    """Pixels that a text takes, about, and rather fewer."""
    return round(_CHARACTER_WIDTH * size * len(text)) + 1
