"""How good fits were on the way, as a figure: dB against seconds, and against steps."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inr.diagnostics._comparison import Comparison, Run
from inr.diagnostics._figures import (
    FAINT,
    checked_png,
    figure_style,
    label_ends,
    new_figure,
    set_ticks,
    write_figure,
)
from inr.diagnostics._svg import INKS, SERIES, series_ink, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = {"steps": 0, "seconds": 1}  # of a run's curve
AXIS_NAMES = {"seconds": "seconds of fitting", "steps": "steps"}
MOST_LABELS = 14  # names beside the curves
LABELS_WIDTH = 2.5  # inches, beside a plot
_LABEL_PIXELS = 194  # of a name, in letters of 13 pixels; longer ones are cut
_LOGARITHMIC_FROM = 6.0  # the ratio of the longest to the shortest fit from which seconds are told apart as logarithms
_MOST_DECIBELS = 26.0  # below the best that are shown


def sweep_curves(comparison: Comparison, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Draw dB against seconds and against steps, as a PNG.

    Args:
        comparison: the fits, the best first.
        path: the PNG to write.
        force: whether to overwrite an existing file.

    Raises:
        InrError: another suffix than .png, an existing file without `force`, or one that cannot be written.
    """
    path = checked_png(path, "a figure", force=force)
    width, height = 9.0, 8.6
    with figure_style():
        figure = new_figure(width, height)
        figure.text(0.02, 0.975, comparison.name, fontsize=14, va="top")
        note = f"Lines are estimates from the batches; dots are measured, {comparison.about_psnr}".removesuffix(", ")
        figure.text(0.02, 0.937, note, color=FAINT, va="top")
        for bottom, by in ((0.52, "seconds"), (0.06, "steps")):
            axes = figure.add_axes((0.07, bottom, 1 - 0.07 - LABELS_WIDTH / width, 0.37))
            draw_curves(axes, comparison, by)
        write_figure(figure, path, force=force)


def draw_curves(axes: "Axes", comparison: Comparison, by: str) -> None:
    """Draw dB against "seconds" or "steps" into a plot, with names to its right, in the colours of the page."""
    runs = runs_with_curves(comparison)
    if not runs:
        axes.set_axis_off()
        axes.text(0, 1, "no fit got far enough for a curve", color=FAINT, va="top")
        return
    column, limits = COLUMNS[by], curve_limits([run for _, run in runs], by)
    axes.set_xscale("log" if limits.logarithmic else "linear")
    axes.set_xlim(*limits.x)
    axes.set_ylim(*limits.y)
    ends = []
    for place, run in reversed(runs):  # the best on top
        colour, last = INKS[series_ink(place)], float(run.metrics["psnr"])
        style = "--" if place >= SERIES else "-"
        axes.plot(run.curve[:, column], run.curve[:, 2], style, color=colour, linewidth=2.2 if place == 0 else 1.3)
        x = float(run.curve[-1, column])
        if math.isfinite(last):
            axes.plot([x], [last], "o", color=colour, markersize=6 if place == 0 else 4.5, clip_on=False)
        ends.append((shortened(run.title, 13, _LABEL_PIXELS), x, last if math.isfinite(last) else limits.y[0], colour))
    set_ticks(axes, "log" if limits.logarithmic else "linear")
    axes.set_xlabel(AXIS_NAMES[by] + (", logarithmic" if limits.logarithmic else ""), loc="right")
    axes.set_title("PSNR, dB", fontsize=9, color=FAINT)
    label_ends(axes, ends[::-1][:MOST_LABELS])


@dataclass(frozen=True)
class Limits:
    """What axes span: seconds or steps, and dB; whether the horizontal axis is logarithmic."""

    x: tuple[float, float]
    y: tuple[float, float]
    logarithmic: bool


def runs_with_curves(comparison: Comparison) -> list[tuple[int, Run]]:
    """The runs of which there is a curve, with their places from 0."""
    return [(place, run) for place, run in enumerate(comparison.runs) if len(run.curve) > 1]


def curve_limits(runs: Sequence[Run], by: str) -> Limits:
    """Limits within which the curves of all runs can be told apart."""
    column = COLUMNS[by]
    ends = np.array([run.curve[-1, column] for run in runs])
    firsts = np.array([run.curve[0, column] for run in runs])
    logarithmic = by == "seconds" and float(ends.max()) > _LOGARITHMIC_FROM * max(float(ends.min()), 1e-9)
    high = float(ends.max())
    low = max(float(np.median(firsts)), high * 1e-4, 1e-6) if logarithmic else 0.0
    values = np.concatenate([run.curve[:, 2] for run in runs])
    values = np.append(values, [run.metrics["psnr"] for run in runs])
    values = values[np.isfinite(values)]
    top = float(values.max()) if len(values) else 1.0
    settled = [run.curve[len(run.curve) // 3 :, 2] for run in runs]
    bottom = min((float(np.nanmin(part)) for part in settled if np.isfinite(part).any()), default=top - 10)
    bottom = max(min(bottom, top - 3), top - _MOST_DECIBELS)
    margin = 0.04 * (top - bottom)
    return Limits((low, high), (bottom - margin, top + margin), logarithmic)
