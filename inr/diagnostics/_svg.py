"""Charts as lists of shapes, written as SVG whose colours follow the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from inr.diagnostics._layout import font

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]

# Names that a page gives colours of its own, and what they are on white paper.
INKS = {
    "ink": "#1c2028", "faint": "#707680", "rule": "#e2e5ea", "frame": "#bec3cb",
    "s0": "#1d5bd6", "s1": "#d9480f", "s2": "#238636", "s3": "#9632b0", "s4": "#c41e5a",
    "s5": "#0b788a", "s6": "#9e7400", "s7": "#5f3dc4", "s8": "#7a5234", "s9": "#545c66",
    "original": "#6084c4", "fit": "#de6a20", "error": "#b22842",
}  # fmt: skip
SERIES = 10  # colours of curves, s0 to s9
_CHARACTER_WIDTH = 0.504  # at least, of a letter's height: pages have other faces than the one that is measured here


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
class Label:
    """A text, its middle at the height of `at`."""

    at: Point
    text: str
    ink: str
    size: int = 13
    anchor: Anchor = "start"
    group: str = ""


Shape = Curve | Dot | Label


@dataclass(frozen=True)
class Chart:
    """Shapes on a sheet of so many pixels; `words` says what it is."""

    width: int
    height: int
    shapes: Sequence[Shape]
    words: str = ""

    def svg(self) -> str:
        """The chart as one element, in the colours that the page has for the names of inks."""
        body = "".join(_svg(shape) for shape in self.shapes)
        return (
            f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self.words, quote=True)}">{body}</svg>'
        )


def series_ink(index: int) -> str:
    """The name of the colour of the run in a place, from 0; after ten they come again, dashed."""
    return f"s{index % SERIES}"


def text_width(text: str, size: int) -> float:
    """Pixels that a text takes, about."""
    return max(font(size).getlength(text), _CHARACTER_WIDTH * size * len(text))


def shortened(text: str, size: int, most: float) -> str:
    """A text that is cut in the middle where it would take more than so many pixels."""
    if text_width(text, size) <= most:
        return text
    for kept in range(len(text) - 1, 1, -1):
        cut = f"{text[: math.ceil(kept * 0.6)].rstrip()}…{text[len(text) - kept // 3 :].lstrip()}"
        if text_width(cut, size) <= most:
            return cut
    return "…"


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
