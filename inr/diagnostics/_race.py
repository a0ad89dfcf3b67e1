"""How fits got where they are: dB against seconds, and against steps."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inr._files import replacing
from inr.diagnostics._chart import SERIES, Chart, Curve, Dot, Shape, Words, shortened
from inr.diagnostics._contest import Contender, Contest
from inr.diagnostics._layout import Panel, page
from inr.diagnostics._plot import ticks

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 232, 14, 44
_LABELS = 14  # most that stand beside their curves
_SPACE = 18  # between two of them
_LOGARITHMIC = 6.0  # ends further apart than this factor are told apart on a logarithmic axis only
_DEPTH = 26.0  # dB below the best that are shown


def sweep_curves(contest: Contest, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Draw dB against seconds and against steps, as a PNG.

    Raises:
        InrError: an existing file without `force`, or one that cannot be written.
    """
    note = f"estimates from the batches; dots are measured, {contest.about_psnr}".removesuffix(", ")
    rows = [
        [Panel(race(contest, "seconds").image(), "quality against time", note)],
        [Panel(race(contest, "steps").image(), "quality against steps", note)],
    ]
    with replacing(Path(path), force=force) as temporary:
        page(contest.name, rows).save(temporary, format="PNG")


def series_ink(index: int) -> str:
    """The colour of the contender in a place, from 0; after ten they come again, dashed."""
    return f"s{index % SERIES}"


@dataclass(frozen=True)
class _Scale:
    """Numbers along an axis of the chart."""

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool = False

    def at(self, number: float) -> float:
        """Where a number lies."""
        return float(self.places(np.array([number]))[0])

    def places(self, numbers: np.ndarray) -> np.ndarray:
        """Where numbers lie."""
        turn = np.log10 if self.logarithmic else np.asarray
        low, high = float(turn(self.low)), float(turn(self.high))
        share = (turn(np.maximum(numbers, self.low if self.logarithmic else -math.inf)) - low) / (high - low)
        return self.start + np.clip(share, 0, 1.02) * (self.stop - self.start)

    def marks(self) -> list[float]:
        """Round numbers to be written along it."""
        if not self.logarithmic:
            return ticks((self.low, self.high), 7)
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        factors = (1, 2, 5) if math.log10(self.high / self.low) < 3 else (1,)
        candidates = [factor * 10.0**power for power in powers for factor in factors]
        return [mark for mark in candidates if self.low * 0.999 <= mark <= self.high * 1.001]


def race(contest: Contest, by: str, size: tuple[int, int] = (860, 430)) -> Chart:
    """dB against "seconds" or "steps"."""
    column = {"steps": 0, "seconds": 1}[by]
    runners = [(place, one) for place, one in enumerate(contest.contenders) if len(one.curve) > 1]
    if not runners:
        return Chart(*size, [Words((_LEFT, 30), "no fit got far enough for a curve", "faint")], "no curves")
    across, up = _scales([one for _, one in runners], column, size)
    shapes = _frame(across, up, by)
    ends = []
    for place, one in reversed(runners):  # the best on top
        points = _points(one, column, across, up)
        ink, width = series_ink(place), 2.4 if place == 0 else 1.5
        shapes.append(Curve(points, ink, width, place >= SERIES, str(place)))
        if math.isfinite(one.figures["psnr"]):
            end = one.curve[-1, column]
            at = across.at(float(end)), up.at(one.figures["psnr"])
            shapes.append(Dot(at, 4.0 if place == 0 else 3.0, ink, str(place)))
            points = [*points, at]
        ends.append((place, one, points[-1]))
    return Chart(*size, [*shapes, *_labels(ends, size)], f"PSNR in dB against {by} of {len(runners)} fits")


def _scales(runners: Sequence[Contender], column: int, size: tuple[int, int]) -> tuple[_Scale, _Scale]:
    ends = np.array([one.curve[-1, column] for one in runners])
    firsts = np.array([one.curve[0, column] for one in runners])
    apart = column == 1 and float(ends.max()) > _LOGARITHMIC * max(float(ends.min()), 1e-9)
    high = float(ends.max())
    low = max(float(np.median(firsts)), high * 1e-4, 1e-6) if apart else 0.0
    values = np.concatenate([one.curve[:, 2] for one in runners])
    values = np.append(values, [one.figures["psnr"] for one in runners])
    values = values[np.isfinite(values)]
    top = float(values.max()) if len(values) else 1.0
    early = [one.curve[len(one.curve) // 3 :, 2] for one in runners]
    bottom = min((float(np.nanmin(part)) for part in early if np.isfinite(part).any()), default=top - 10)
    bottom = max(min(bottom, top - 3), top - _DEPTH)
    width, height = size
    margin = 0.04 * (top - bottom)
    return (
        _Scale(low, high, _LEFT, width - _RIGHT, apart),
        _Scale(bottom - margin, top + margin, height - _BOTTOM, _TOP),
    )


def _frame(across: _Scale, up: _Scale, by: str) -> list[Shape]:
    """Rules, numbers and units."""
    shapes: list[Shape] = []
    left, right, bottom, top = across.start, across.stop, up.start, up.stop
    for mark in up.marks():
        y = up.at(mark)
        shapes += [Curve([(left, y), (right, y)], "rule", 1), Words((left - 8, y), f"{mark:g}", "faint", 12, "end")]
    for mark in across.marks():
        x = across.at(mark)
        shapes += [Curve([(x, top), (x, bottom)], "rule", 1)]
        shapes.append(Words((x, bottom + 14), f"{mark:,.6g}", "faint", 12, "middle"))
    unit = {"seconds": "seconds of fitting", "steps": "steps"}[by]
    shapes.append(
        Words((right, bottom + 33), unit + (", logarithmic" if across.logarithmic else ""), "faint", 12, "end")
    )
    shapes.append(Words((left + 6, top + 8), "dB", "faint", 12))
    shapes.append(Curve([(left, top), (left, bottom), (right, bottom)], "frame", 1))
    return shapes


def _points(one: Contender, column: int, across: _Scale, up: _Scale) -> list[tuple[float, float]]:
    """A curve within the frame."""
    begun = np.maximum(one.curve[:, column] >= across.low, np.arange(len(one.curve)) == len(one.curve) - 1)
    rows = one.curve[np.isfinite(one.curve[:, 2]) & begun]
    xs, ys = across.places(rows[:, column]), up.places(rows[:, 2])
    inside = rows[:, 2] >= up.low
    if inside.any():  # what comes from below enters at the frame
        first = int(np.argmax(inside))
        xs, ys = xs[max(first - 1, 0) :], np.minimum(ys[max(first - 1, 0) :], up.start)
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)] or [(across.start, up.start)]


def _labels(ends: Sequence[tuple[int, Contender, tuple[float, float]]], size: tuple[int, int]) -> list[Shape]:
    """Names to the right of the frame, in the order of the ends, with lines to them."""
    ends = sorted(sorted(ends, key=lambda end: end[0])[:_LABELS], key=lambda end: (end[2][1], end[0]))
    width, height = size
    rows: list[float] = []
    for _, _, (_, y) in ends:
        rows.append(max(y, rows[-1] + _SPACE if rows else _TOP + 6.0))
    lowest = float(height - 8)
    for index in range(len(rows) - 1, -1, -1):  # those pushed out at the bottom push the others up
        rows[index] = min(rows[index], lowest)
        lowest = rows[index] - _SPACE
    shapes: list[Shape] = []
    left = width - _RIGHT + 30
    for (place, one, (x, y)), row in zip(ends, rows, strict=True):
        ink = series_ink(place)
        shapes.append(Curve([(x, y), (width - _RIGHT + 8, y), (left - 6, row)], ink, 0.6, True, str(place)))
        shapes.append(Words((left, row), shortened(one.title, 13, _RIGHT - 38), ink, 13, "start", str(place)))
    return shapes
