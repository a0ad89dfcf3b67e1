"""Plots with a frame, ticks and units: curves, bands, dots and pictures, drawn with Pillow."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Real, UInt8
from PIL import Image, ImageDraw

from inr.diagnostics._layout import FAINT, PAPER, font

Colour = tuple[int, int, int]
Span = tuple[float, float]
Pixels = Any  # an array or a single number, as the coordinates that were given

ORIGINAL: Colour = (96, 132, 196)
FIT: Colour = (222, 106, 32)
ERROR: Colour = (170, 44, 66)
_GRID: Colour = (228, 228, 228)
_TEXT_SIZE = 14  # pixels
_LABELS_WIDTH = 46  # pixels on the left, at least, so that plots under each other line up
_OVERSAMPLING = 3  # everything is drawn so many times as large, then averaged down


class Plot:
    """Axes with a frame; what is drawn later lies on top, and what is beyond the spans is cut off at the frame.

    Args:
        size: width and height in pixels, without the labels.
        x: the first and last number from left to right.
        y: the smallest and largest number from bottom to top.
        x_unit: written behind the last number below.
        y_unit: written behind the last number on the left.
        paper: the colour of the background.
    """

    def __init__(
        self, size: tuple[int, int], x: Span, y: Span, *, x_unit: str = "", y_unit: str = "", paper: Colour = PAPER
    ) -> None:
        self._size = size
        self._x, self._y = _widened(x), _widened(y)
        self._units = (x_unit, y_unit)
        self._canvas = Image.new("RGB", (size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING), paper)
        draw = ImageDraw.Draw(self._canvas)
        self._ticks = ticks(self._x, max(size[0] // 110, 5)), ticks(self._y, max(size[1] // 40, 5))
        for tick in self._ticks[0]:
            column = float(self._column(tick))
            draw.line((column, 0, column, self._canvas.height), _GRID, _OVERSAMPLING)
        for tick in self._ticks[1]:
            row = float(self._row(tick))
            draw.line((0, row, self._canvas.width, row), _GRID, _OVERSAMPLING)

    def line(
        self, xs: Real[np.ndarray, " n"], ys: Real[np.ndarray, " n"], colour: Colour, *, width: float = 1.6
    ) -> None:
        """A curve through points (n,), with gaps where a y is NaN."""
        draw = ImageDraw.Draw(self._canvas)
        for run in _runs(ys):
            points = np.stack([self._column(xs[run]), self._row(ys[run])], axis=1).ravel().tolist()
            draw.line(points, colour, round(width * _OVERSAMPLING), joint="curve")

    def band(
        self,
        xs: Real[np.ndarray, " n"],
        low: Real[np.ndarray, " n"],
        high: Real[np.ndarray, " n"],
        colour: Colour,
        *,
        opacity: float = 1.0,
    ) -> None:
        """The area between two curves (n,), at least a pixel thick, with gaps where they are NaN."""
        mask = Image.new("L", self._canvas.size, 0)
        draw = ImageDraw.Draw(mask)
        for run in _runs(low):
            columns, tops, bottoms = (
                self._column(xs[run]),
                self._row(high[run]) - _OVERSAMPLING / 2,
                self._row(low[run]) + _OVERSAMPLING / 2,
            )
            outline = [*zip(columns, tops, strict=True), *zip(columns[::-1], bottoms[::-1], strict=True)]
            if len(outline) > 2:
                draw.polygon([(float(x), float(y)) for x, y in outline], round(255 * opacity))
        self._canvas.paste(colour, mask=mask)

    def dots(
        self,
        xs: Real[np.ndarray, " n"],
        ys: Real[np.ndarray, " n"],
        colours: UInt8[np.ndarray, "n 3"] | Colour,
        *,
        radius: float,
    ) -> None:
        """Discs at points (n,), in one colour or uint8 (n, 3), of a radius in pixels."""
        draw, reach = ImageDraw.Draw(self._canvas), radius * _OVERSAMPLING
        fills = np.broadcast_to(np.asarray(colours, dtype=np.uint8), (len(xs), 3)).tolist()
        for column, row, fill in zip(self._column(xs).tolist(), self._row(ys).tolist(), fills, strict=True):
            draw.ellipse((column - reach, row - reach, column + reach, row + reach), tuple(fill))

    def picture(self, pixels: UInt8[np.ndarray, "h w 3"]) -> None:
        """RGB pixels (h, w, 3) over the whole area, the first row on top."""
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        self._canvas.paste(picture.resize(self._canvas.size, Image.Resampling.BICUBIC))

    def image(self) -> Image.Image:
        """The plot with its frame and labels."""
        width, height = self._size
        labels = [_labels(marks, unit) for marks, unit in zip(self._ticks, self._units, strict=True)]
        left = 10 + max(_LABELS_WIDTH, *(round(font(_TEXT_SIZE).getlength(text)) for text in labels[1]))
        image = Image.new("RGB", (left + width + 1, height + 12 + round(1.6 * _TEXT_SIZE)), PAPER)
        image.paste(self._canvas.resize(self._size, Image.Resampling.BOX), (left, 4))
        draw = ImageDraw.Draw(image)
        draw.rectangle((left - 1, 3, left + width, height + 4), outline=FAINT)
        for text, tick in zip(labels[1], self._ticks[1], strict=True):
            row = 4 + float(self._row(tick)) / _OVERSAMPLING
            draw.text((left - 7, min(max(row, _TEXT_SIZE / 2), height)), text, FAINT, font(_TEXT_SIZE), anchor="rm")
        for text, tick in zip(labels[0], self._ticks[0], strict=True):
            half = font(_TEXT_SIZE).getlength(text) / 2
            column = left + float(self._column(tick)) / _OVERSAMPLING
            draw.text((min(column, image.width - half), height + 10), text, FAINT, font(_TEXT_SIZE), anchor="ma")
        return image

    def _column(self, x: np.ndarray | float) -> Pixels:
        return _placed(x, self._x, self._canvas.width)

    def _row(self, y: np.ndarray | float) -> Pixels:
        return self._canvas.height - _placed(y, self._y, self._canvas.height)


def ticks(span: Span, most: int) -> list[float]:
    """Round numbers within a span: at most about `most` of them, steps of 1, 2 or 5 times a power of ten."""
    low, high = sorted(span)
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def heat(shares: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape 3"]:
    """Numbers from 0 to 1 as colours from black through purple and orange to pale yellow: uint8 (…, 3)."""
    stops = np.linspace(0, 1, len(_HEAT))
    channels = [np.interp(shares, stops, column) for column in np.array(_HEAT, dtype=float).T]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


_HEAT: Sequence[Colour] = (
    (6, 5, 20), (48, 18, 84), (106, 28, 112), (168, 46, 104), (224, 76, 82), (250, 136, 72), (254, 196, 116),
    (252, 246, 200),
)  # fmt: skip


def _placed(values: np.ndarray | float, span: Span, pixels: int) -> Pixels:
    share = (np.asarray(values, dtype=np.float64) - span[0]) / (span[1] - span[0])
    return np.clip(share, -0.5, 1.5) * pixels  # Pillow takes no coordinates far outside


def _widened(span: Span) -> Span:
    low, high = span
    return span if high != low else (low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2)


def _labels(marks: Sequence[float], unit: str) -> list[str]:
    """Numbers, the last with the unit."""
    return [f"{mark:.6g}" for mark in marks[:-1]] + [f"{mark:.6g} {unit}".rstrip() for mark in marks[-1:]]


def _runs(values: Real[np.ndarray, " n"]) -> list[slice]:
    """The stretches of numbers between those that are NaN."""
    there = np.concatenate([[False], ~np.isnan(values), [False]])
    starts, ends = np.flatnonzero(np.diff(there.astype(np.int8))).reshape(-1, 2).T
    return [slice(start, end) for start, end in zip(starts, ends, strict=True)]
