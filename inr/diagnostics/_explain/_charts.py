"""Plots of an explanation's page, as charts in the page's colours."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Real

from inr.diagnostics._figures import spread
from inr.diagnostics._measures._regions import Crossings
from inr.diagnostics._scale import Scale
from inr.diagnostics._svg import Chart, Curve, Dot, Label, Shape, series_ink

_SIZE = 620, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 132, 16, 42
_MOST_DOTS = 400
_SPACING = 15.0

Numbers = Sequence[float] | Real[np.ndarray, " _"]
Series = Mapping[str, tuple[Numbers, Numbers]]  # name to x and y


def line_chart(
    series: Series, *, x: str, y: str, words: str, log_x: bool = False, log_y: bool = False, dots: Sequence[str] = ()
) -> Chart:
    """Curves by name, each written at its end.

    Args:
        series: x and y of each; points that are not finite, or not positive where an axis is logarithmic, are left out.
        x, y: what the axes mean.
        words: what the chart is.
        log_x, log_y: whether axes are logarithmic.
        dots: of the series, those that are drawn as dots.
    """
    kept = {name: _usable(*points, log_x, log_y) for name, points in series.items()}
    kept = {name: points for name, points in kept.items() if len(points)}
    if not kept:
        return Chart(*_SIZE, [Label((_LEFT, 30), "nothing to show", "faint")], words)
    every = np.concatenate(list(kept.values()))
    width, height = _SIZE
    across = Scale(*_limits(every[:, 0], log_x), _LEFT, width - _RIGHT, log_x)
    up = Scale(*_limits(every[:, 1], log_y), height - _BOTTOM, _TOP, log_y)
    shapes = _frame(across, up, x, y)
    ends = []
    for place, (name, points) in enumerate(kept.items()):
        ink = series_ink(place)
        places = list(zip(across.places(points[:, 0]).tolist(), up.places(points[:, 1]).tolist(), strict=True))
        if name in dots:
            shapes += [Dot(at, 2.2, ink) for at in places[:: max(len(places) // _MOST_DOTS, 1)]]
        else:
            shapes.append(Curve(places, ink, 1.8))
        ends.append((places[-1][1], name, ink))
    ends.sort()
    rows = spread([row for row, _, _ in ends], _SPACING, _TOP + 4.0, height - _BOTTOM + 12.0)
    shapes += [Label((width - _RIGHT + 10, row), name, ink, 12) for row, (_, name, ink) in zip(rows, ends, strict=True)]
    return Chart(width, height, shapes, words)


def region_lines(lines: Mapping[str, Crossings]) -> Chart:
    """Where activation regions end along lines through the domain: a stroke for each."""
    width, row = _SIZE[0], 46
    shapes: list[Shape] = []
    for place, (name, crossings) in enumerate(lines.items()):
        top = 12 + place * row
        shapes.append(Curve([(_LEFT, top + 12), (width - _RIGHT, top + 12)], "frame", 1))
        for share in crossings.places[:: max(len(crossings.places) // 1_200, 1)]:
            at = _LEFT + float(share) * (width - _RIGHT - _LEFT)
            shapes.append(Curve([(at, top), (at, top + 24)], series_ink(0), 0.5))
        shapes.append(Label((_LEFT - 8, top + 12), name, "faint", 12, "end"))
        shapes.append(Label((width - _RIGHT + 10, top + 12), f"{crossings.regions:,} regions", "ink", 12))
    return Chart(width, 20 + max(len(lines), 1) * row, shapes, "activation regions along lines")


def histogram(values: Float[np.ndarray, " n"], *, x: str, words: str) -> Chart:
    """How often numbers between -1 and 1 fall into each of 40 intervals."""
    counts, edges = np.histogram(values[np.isfinite(values)], 40, (-1, 1))
    width, height = _SIZE
    across = Scale(-1, 1, _LEFT, width - _RIGHT)
    up = Scale(0, max(float(counts.max()), 1.0) * 1.05, height - _BOTTOM, _TOP)
    shapes = _frame(across, up, x, "pairs")
    for count, low, high in zip(counts.tolist(), edges[:-1], edges[1:], strict=True):
        left, right, top = across.at(float(low)), across.at(float(high)), up.at(float(count))
        shapes.append(Curve([(left, up.start), (left, top), (right, top), (right, up.start)], series_ink(0), 1.4))
    return Chart(width, height, shapes, words)


def _usable(xs: Numbers, ys: Numbers, log_x: bool, log_y: bool) -> np.ndarray:
    points = np.stack([np.asarray(xs, float), np.asarray(ys, float)], axis=1)
    good = np.isfinite(points).all(1)
    if log_x:
        good &= points[:, 0] > 0
    if log_y:
        good &= points[:, 1] > 0
    return points[good]


def _limits(values: np.ndarray, logarithmic: bool) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if logarithmic:
        low = max(low, high * 1e-9)
        return (low, high) if high > low * 1.01 else (low / 2, low * 2)
    margin = 0.05 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - margin, high + margin


def _frame(across: Scale, up: Scale, x: str, y: str) -> list[Shape]:
    """Rules, numbers and what the axes mean."""
    shapes: list[Shape] = []
    for mark in up.marks():
        row = up.at(mark)
        shapes += [Curve([(across.start, row), (across.stop, row)], "rule", 1)]
        shapes.append(Label((across.start - 8, row), _number(mark, up), "faint", 12, "end"))
    for mark in across.marks():
        column = across.at(mark)
        shapes += [Curve([(column, up.start), (column, up.stop)], "rule", 1)]
        shapes.append(Label((column, up.start + 14), _number(mark, across), "faint", 12, "middle"))
    shapes.append(
        Label((across.stop, up.start + 32), x + (", logarithmic" if across.logarithmic else ""), "faint", 12, "end")
    )
    shapes.append(Label((across.start + 6, up.stop + 6), y, "faint", 12))
    shapes.append(Curve([(across.start, up.stop), (across.start, up.start), (across.stop, up.start)], "frame", 1))
    return shapes


def _number(mark: float, scale: Scale) -> str:
    if scale.logarithmic and (mark < 1e-3 or mark >= 1e6):
        return (
            f"1e{round(math.log10(mark))}" if math.isclose(math.log10(mark), round(math.log10(mark))) else f"{mark:.0e}"
        )
    return f"{mark:,.6g}"
