"""Charts as lists of shapes, which are drawn as pixels, or written as SVG whose colours follow the page."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from PIL import Image, ImageDraw

from inr.diagnostics._layout import PAPER, font

Colour = tuple[int, int, int]
Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]

# names that a page gives colours of its own, and what they are on white paper
INKS: dict[str, Colour] = {
    "ink": (28, 32, 40), "faint": (112, 118, 128), "rule": (226, 229, 234), "frame": (190, 195, 203),
    "s0": (29, 91, 214), "s1": (217, 72, 15), "s2": (35, 134, 54), "s3": (150, 50, 176), "s4": (196, 30, 90),
    "s5": (11, 120, 138), "s6": (158, 116, 0), "s7": (95, 61, 196), "s8": (122, 82, 52), "s9": (84, 92, 102),
    "original": (96, 132, 196), "fit": (222, 106, 32), "error": (178, 40, 66),
}  # fmt: skip
SERIES = 10
_SMOOTH = 3
_CHARACTER = 0.56  # of a letter's height, about, by which SVG text is laid out


@dataclass(frozen=True)
class Curve:
    """Points joined by a line. group: what a page calls it, to be found again."""

    points: Sequence[Point]
    ink: str
    width: float = 1.5
    dashed: bool = False
    group: str = ""


@dataclass(frozen=True)
class Dot:
    """A disc."""

    at: Point
    radius: float
    ink: str
    group: str = ""


@dataclass(frozen=True)
class Words:
    """A text, its middle at the height of `at`."""

    at: Point
    text: str
    ink: str
    size: int = 13
    anchor: Anchor = "start"
    group: str = ""


Shape = Curve | Dot | Words


@dataclass(frozen=True)
class Chart:
    """Shapes on a sheet of so many pixels; `words` says what it is."""

    width: int
    height: int
    shapes: Sequence[Shape]
    words: str = ""

    def image(self) -> Image.Image:
        """The chart as pixels on white paper."""
        big = Image.new("RGB", (self.width * _SMOOTH, self.height * _SMOOTH), PAPER)
        draw = ImageDraw.Draw(big)
        for shape in self.shapes:
            if isinstance(shape, Curve):
                _draw_curve(draw, shape)
            elif isinstance(shape, Dot):
                (x, y), reach = shape.at, shape.radius
                box = (x - reach, y - reach, x + reach, y + reach)
                draw.ellipse([number * _SMOOTH for number in box], INKS[shape.ink])
            else:
                anchor = {"start": "lm", "middle": "mm", "end": "rm"}[shape.anchor]
                at = shape.at[0] * _SMOOTH, shape.at[1] * _SMOOTH
                draw.text(at, shape.text, INKS[shape.ink], font(shape.size * _SMOOTH), anchor=anchor)
        return big.resize((self.width, self.height), Image.Resampling.BOX)

    def svg(self) -> str:
        """The chart as one element, in the colours that the page has for the names of inks."""
        body = "".join(_svg(shape) for shape in self.shapes)
        return (
            f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self.words, quote=True)}">{body}</svg>'
        )


def text_width(text: str, size: int) -> float:
    """Pixels that a text takes, about."""
    return max(font(size).getlength(text), _CHARACTER * 0.9 * size * len(text))


def shortened(text: str, size: int, most: float) -> str:
    """A text that is cut in the middle where it would take more than so many pixels."""
    if text_width(text, size) <= most:
        return text
    for kept in range(len(text) - 1, 1, -1):
        cut = f"{text[: math.ceil(kept * 0.6)].rstrip()}…{text[len(text) - kept // 3 :].lstrip()}"
        if text_width(cut, size) <= most:
            return cut
    return "…"


def _draw_curve(draw: ImageDraw.ImageDraw, curve: Curve) -> None:
    points = [(x * _SMOOTH, y * _SMOOTH) for x, y in curve.points]
    width = max(round(curve.width * _SMOOTH), 1)
    if not curve.dashed:
        draw.line(points, INKS[curve.ink], width, joint="curve")
        return
    for piece in _dashes(points, 7.0 * _SMOOTH, 4.0 * _SMOOTH):
        draw.line(piece, INKS[curve.ink], width)


def _dashes(points: Sequence[Point], on: float, off: float) -> list[list[Point]]:
    """The pieces of a line that a dashed one has."""
    pieces: list[list[Point]] = [[points[0]]] if points else []
    left, drawing = on, True
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        length, done = math.hypot(x1 - x0, y1 - y0), 0.0
        while length - done > left:
            done += left
            at = (x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length)
            if drawing:
                pieces[-1].append(at)
            else:
                pieces.append([at])
            drawing = not drawing
            left = on if drawing else off
        left -= length - done
        if drawing:
            pieces[-1].append((x1, y1))
    return [piece for piece in pieces if len(piece) > 1]


def _svg(shape: Shape) -> str:
    named = f' data-series="{escape(shape.group, quote=True)}"' if shape.group else ""
    if isinstance(shape, Curve):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        dashes = ' stroke-dasharray="7 4"' if shape.dashed else ""
        return f'<polyline class="{shape.ink}"{named} stroke-width="{shape.width:g}"{dashes} points="{points}"/>'
    x, y = shape.at
    if isinstance(shape, Dot):
        return f'<circle class="{shape.ink}"{named} cx="{x:.1f}" cy="{y:.1f}" r="{shape.radius:g}"/>'
    return (
        f'<text class="{shape.ink}"{named} x="{x:.1f}" y="{y + 0.34 * shape.size:.1f}" font-size="{shape.size}" '
        f'text-anchor="{shape.anchor}">{escape(shape.text)}</text>'
    )
