"""Regions of fits with one axis, as charts on a page."""

import numpy as np
from jaxtyping import Float

from inr.diagnostics._comparison import Comparison, Crop, Run
from inr.diagnostics._regions import Region
from inr.diagnostics._svg import Chart, Curve, Label, Shape
from inr.diagnostics._thumbnail import Thumbnail, samples_along
from inr.diagnostics._wording import percent

_SIZE = 316, 192
_MARGIN = 10
_CURVES_END, _ERROR_BEGINS = 112, 134  # pixels from the top


def region_chart(comparison: Comparison, region: Region, run: Run | None = None) -> Chart:
    """A stretch of a signal, with that of a fit over it and the error below, on the scale that all have in common."""
    width, height = _SIZE
    places = samples_along(comparison.signal)[1][region.part[1]]
    original = comparison.crop(region)
    across = _spread(places, float(places[0]), float(places[-1]), _MARGIN, width - _MARGIN)
    low, high = value_limits(comparison, original)
    rule = _ERROR_BEGINS - 3.0
    shapes: list[Shape] = [Curve([(_MARGIN, rule), (width - _MARGIN, rule)], "rule", 1)]
    shapes.append(_curve(across, original.values[:, 0], low, high, _CURVES_END, 8, "original", 3.0))
    if run is not None:
        fit, scale = comparison.crop(region, run), comparison.error_scale
        shapes.append(_curve(across, fit.values[:, 0], low, high, _CURVES_END, 8, "fit", 1.4))
        shapes.append(_curve(across, fit.error, -scale, scale, height - 6, _ERROR_BEGINS, "error", 1.2))
        at = width - _MARGIN, _ERROR_BEGINS - 11.0
        shapes.append(Label(at, f"error, ±{percent(scale)}", "faint", 9, "end"))
    return Chart(width, height, shapes, f"region {region.name}")


def envelope_chart(comparison: Comparison, thumbnail: Thumbnail) -> Chart:
    """The size of a fit's error along all of the axis."""
    width, height = _SIZE
    across = np.linspace(_MARGIN, width - _MARGIN, len(thumbnail.error))
    shapes: list[Shape] = [Curve([(_MARGIN, height - 24.0), (width - _MARGIN, height - 24.0)], "rule", 1)]
    shapes.append(_curve(across, thumbnail.error, 0, comparison.error_scale, height - 24, 20, "error", 1.2))
    shapes.append(Label((_MARGIN, 10), f"error, up to {percent(comparison.error_scale)}", "faint", 9))
    return Chart(width, height, shapes, "error along the axis")


def value_limits(comparison: Comparison, original: Crop) -> tuple[float, float]:
    """The values that a chart of a region spans: those of the signal there, with a margin."""
    low, high = float(original.values[:, 0].min()), float(original.values[:, 0].max())
    margin = max(0.15 * (high - low), 0.02 * comparison.signal.domain.values.data_range)
    return low - margin, high + margin


def _curve(
    across: Float[np.ndarray, " n"],
    values: Float[np.ndarray, " n"],
    low: float,
    high: float,
    bottom: float,
    top: float,
    ink: str,
    width: float,
) -> Curve:
    up = _spread(values, low, high, bottom, top)
    return Curve([(float(x), float(y)) for x, y in zip(across, up, strict=True)], ink, width)


def _spread(
    numbers: Float[np.ndarray, " n"], low: float, high: float, start: float, stop: float
) -> Float[np.ndarray, " n"]:
    share = (np.nan_to_num(np.asarray(numbers, np.float64)) - low) / max(high - low, 1e-12)
    return start + np.clip(share, 0, 1) * (stop - start)
