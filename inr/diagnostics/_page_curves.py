"""How good fits were on the way, on a page: dB against seconds, and against steps."""

import math
from collections.abc import Sequence

import numpy as np

from inr.diagnostics._comparison import Comparison, Run
from inr.diagnostics._figures import spread
from inr.diagnostics._scale import Scale
from inr.diagnostics._svg import SERIES, Chart, Curve, Dot, Label, Shape, series_ink, shortened
from inr.diagnostics._sweep_curves import AXIS_NAMES, COLUMNS, MOST_LABELS, Limits, curve_limits, runs_with_curves

_SIZE = 860, 430
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 232, 14, 44  # margins of the frame
_LABEL_SPACING = 18  # pixels


def curve_chart(comparison: Comparison, by: str) -> Chart:
    """dB against "seconds" or "steps"."""
    runs = runs_with_curves(comparison)
    if not runs:
        return Chart(*_SIZE, [Label((_LEFT, 30), "no fit got far enough for a curve", "faint")], "no curves")
    across, up = _scales(curve_limits([run for _, run in runs], by))
    shapes = _frame(across, up, by)
    ends = []
    for place, run in reversed(runs):  # the best on top
        points = _points(run, COLUMNS[by], across, up)
        ink, width = series_ink(place), 2.4 if place == 0 else 1.5
        shapes.append(Curve(points, ink, width, place >= SERIES, str(place)))
        if math.isfinite(run.metrics["psnr"]):
            end = run.curve[-1, COLUMNS[by]]
            at = across.at(float(end)), up.at(run.metrics["psnr"])
            shapes.append(Dot(at, 4.0 if place == 0 else 3.0, ink, str(place)))
            points = [*points, at]
        ends.append((place, run, points[-1]))
    return Chart(*_SIZE, [*shapes, *_labels(ends)], f"PSNR in dB against {by} of {len(runs)} fits")


def _scales(limits: Limits) -> tuple[Scale, Scale]:
    width, height = _SIZE
    return (
        Scale(*limits.x, _LEFT, width - _RIGHT, limits.logarithmic),
        Scale(*limits.y, height - _BOTTOM, _TOP),
    )


def _frame(across: Scale, up: Scale, by: str) -> list[Shape]:
    """Rules, numbers and units."""
    shapes: list[Shape] = []
    left, right, bottom, top = across.start, across.stop, up.start, up.stop
    for mark in up.marks():
        y = up.at(mark)
        shapes += [Curve([(left, y), (right, y)], "rule", 1), Label((left - 8, y), f"{mark:g}", "faint", 12, "end")]
    for mark in across.marks():
        x = across.at(mark)
        shapes += [Curve([(x, top), (x, bottom)], "rule", 1)]
        shapes.append(Label((x, bottom + 14), f"{mark:,.6g}", "faint", 12, "middle"))
    name = AXIS_NAMES[by] + (", logarithmic" if across.logarithmic else "")
    shapes.append(Label((right, bottom + 33), name, "faint", 12, "end"))
    shapes.append(Label((left + 6, top + 8), "dB", "faint", 12))
    shapes.append(Curve([(left, top), (left, bottom), (right, bottom)], "frame", 1))
    return shapes


def _points(run: Run, column: int, across: Scale, up: Scale) -> list[tuple[float, float]]:
    """A curve within the frame."""
    begun = np.maximum(run.curve[:, column] >= across.low, np.arange(len(run.curve)) == len(run.curve) - 1)
    rows = run.curve[np.isfinite(run.curve[:, 2]) & begun]
    xs, ys = across.places(rows[:, column]), up.places(rows[:, 2])
    inside = rows[:, 2] >= up.low
    if inside.any():  # what comes from below enters at the frame
        first = int(np.argmax(inside))
        xs, ys = xs[max(first - 1, 0) :], np.minimum(ys[max(first - 1, 0) :], up.start)
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)] or [(across.start, up.start)]


def _labels(ends: Sequence[tuple[int, Run, tuple[float, float]]]) -> list[Shape]:
    """Names to the right of the frame, in the order of the ends, with lines to them."""
    ends = sorted(sorted(ends, key=lambda end: end[0])[:MOST_LABELS], key=lambda end: (end[2][1], end[0]))
    width, height = _SIZE
    rows = spread([y for _, _, (_, y) in ends], _LABEL_SPACING, _TOP + 6.0, float(height - 8))
    shapes: list[Shape] = []
    left = width - _RIGHT + 30
    for (place, run, (x, y)), row in zip(ends, rows, strict=True):
        ink = series_ink(place)
        shapes.append(Curve([(x, y), (width - _RIGHT + 8, y), (left - 6, row)], ink, 0.6, True, str(place)))
        shapes.append(Label((left, row), shortened(run.title, 13, _RIGHT - 38), ink, 13, "start", str(place)))
    return shapes
