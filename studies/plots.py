"""Curves of quality over size and over time; what was estimated instead of measured is dashed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from inr.diagnostics._layout import INK, Panel, font, page
from inr.diagnostics._plot import Colour, Plot, Span
from studies.compression.curves import Points

OURS: Sequence[Colour] = ((222, 106, 32), (170, 44, 66), (140, 90, 170), (190, 140, 40))
ANCHORS: Sequence[Colour] = (
    (40, 70, 130),
    (60, 170, 190),
    (58, 140, 84),
    (140, 190, 110),
    (96, 132, 196),
    (20, 20, 20),
)
PUBLISHED: Sequence[Colour] = (
    (150, 150, 150), (190, 160, 120), (215, 190, 70), (150, 120, 90), (200, 140, 170), (150, 120, 190),
    (110, 160, 170), (90, 90, 90),
)  # fmt: skip
__all__ = ["ANCHORS", "OURS", "PUBLISHED", "Image", "Line", "Panel", "draw", "page"]

_DASH = 0.02  # of the plot's width


@dataclass(frozen=True)
class Line:
    """A named curve; `weight` 3 for what a plot is about, 1 for what it is compared with."""

    name: str
    points: Points
    colour: Colour
    weight: float = 1.6
    dashed: bool = False


def draw(lines: Sequence[Line], size: tuple[int, int], x: Span, y: Span, *, x_unit: str, y_unit: str) -> Image.Image:
    """Curves with their dots, and their names beside them."""
    plot = Plot(size, x, y, x_unit=x_unit, y_unit=y_unit)
    for line in lines:
        xs, ys = (np.array(column, dtype=float) for column in zip(*line.points, strict=True))
        for piece in _dashes(xs, ys, x, y) if line.dashed else [(xs, ys)]:
            plot.line(*piece, line.colour, width=line.weight)
        inside = (xs >= x[0]) & (xs <= x[1]) & (ys >= y[0]) & (ys <= y[1])
        if len(xs) < 20:  # scans are dense enough without
            plot.dots(xs[inside], ys[inside], line.colour, radius=1 + line.weight)
    drawn, names = plot.image(), _legend(lines)
    sheet = Image.new("RGB", (drawn.width + names.width, max(drawn.height, names.height)), (255, 255, 255))
    sheet.paste(drawn)
    sheet.paste(names, (drawn.width, 4))
    return sheet


def _dashes(xs: np.ndarray, ys: np.ndarray, x: Span, y: Span) -> list[tuple[np.ndarray, np.ndarray]]:
    """Every second piece of a curve, by its length on paper."""
    lengths = np.hypot(np.diff(xs) / (x[1] - x[0]), np.diff(ys) / (y[1] - y[0]))
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    starts = np.arange(0, along[-1], _DASH)
    pieces = []
    for start in starts:
        steps = np.linspace(start, min(start + 0.6 * _DASH, along[-1]), 4)
        pieces.append((np.interp(steps, along, xs), np.interp(steps, along, ys)))
    return pieces


def _legend(lines: Sequence[Line]) -> Image.Image:
    width = 50 + max(round(font(14).getlength(line.name)) for line in lines)
    image = Image.new("RGB", (width, 24 * len(lines) + 8), (255, 255, 255))
    pen = ImageDraw.Draw(image)
    for index, line in enumerate(lines):
        row = 16 + 24 * index
        pieces = [(8, 14), (18, 24), (28, 32)] if line.dashed else [(8, 32)]
        for left, right in pieces:
            pen.line((left, row, right, row), line.colour, round(1 + line.weight))
        pen.text((40, row), line.name, INK, font(14), anchor="lm")
    return image
