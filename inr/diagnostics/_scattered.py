"""Comparison sheets of scattered samples."""

import numpy as np
from jaxtyping import Float, Int

from inr.diagnostics._layout import Panel
from inr.diagnostics._plot import ERROR, FIT, ORIGINAL, Plot, Span, heat
from inr.diagnostics._sampling import estimate, reference
from inr.field import Execute, Field
from inr.signals import Signal

_SAMPLES_DRAWN = 20_000  # at most: more would hide each other
_WIDTH, _HEIGHT, _SIDE = 1200, 320, 420  # pixels
_MAP_PAPER = (190, 190, 190)  # behind coloured dots: both the darkest and the lightest stand out


def scatter_rows(field: Field, signal: Signal, execute: Execute | None = None) -> list[list[Panel]]:
    """One coordinate: points and curve; two: maps; more: predictions over the true values. The first channel."""
    indices = np.unique(np.linspace(0, signal.size - 1, min(signal.size, _SAMPLES_DRAWN)).astype(np.int64))
    shown = "" if len(indices) == signal.size else f"{len(indices):,} of {signal.size:,} samples"
    original, fit = reference(signal, indices)[:, 0], estimate(field, signal, indices, execute)[:, 0]
    if signal.in_dim == 1:
        return _curve(field, signal, indices, original, fit, shown)
    if signal.in_dim == 2:
        return [_maps(field, signal, indices, original, fit, shown)]
    return [_agreement(signal, original, fit, shown)]


def _curve(
    field: Field,
    signal: Signal,
    indices: Int[np.ndarray, " n"],
    original: Float[np.ndarray, " n"],
    fit: Float[np.ndarray, " n"],
    shown: str,
) -> list[list[Panel]]:
    axis, limits = signal.domain.axes[0], _limits(signal)
    places = _places(signal, indices)[:, 0]
    dense = np.clip(field.render((_WIDTH,))[:, 0], *limits)
    both = Plot((_WIDTH, _HEIGHT), (axis.low, axis.high), limits, x_unit=axis.unit)
    both.dots(places, original, ORIGINAL, radius=_radius(len(places)))
    both.line(axis.low + (np.arange(_WIDTH) + 0.5) * (axis.high - axis.low) / _WIDTH, dense, FIT)
    error = fit - original
    reach = max(float(np.abs(error).max()), 1e-12)
    alone = Plot((_WIDTH, _HEIGHT // 2), (axis.low, axis.high), (-1.05 * reach, 1.05 * reach), x_unit=axis.unit)
    alone.dots(places, error, ERROR, radius=_radius(len(places)))
    return [
        [Panel(both.image(), "samples (blue) and fit (orange)", shown)],
        [Panel(alone.image(), "error", "fit less sample; the scale is its own")],
    ]


def _maps(
    field: Field,
    signal: Signal,
    indices: Int[np.ndarray, " n"],
    original: Float[np.ndarray, " n"],
    fit: Float[np.ndarray, " n"],
    shown: str,
) -> list[Panel]:
    """Samples by colour, the field everywhere, and the size of the error by colour."""
    x, y = signal.domain.axes
    places, limits = _places(signal, indices), _limits(signal)
    error = np.abs(fit - original)
    worst = max(float(np.quantile(error, 0.99)), 1e-12)

    def frame() -> Plot:
        spans = (x.low, x.high), (y.low, y.high)
        return Plot((_SIDE, _SIDE), *spans, x_unit=x.unit, y_unit=y.unit, paper=_MAP_PAPER)

    samples, everywhere, errors = frame(), frame(), frame()
    radius = _radius(len(places))
    samples.dots(places[:, 0], places[:, 1], heat(_shares(original, limits)), radius=radius)
    everywhere.picture(heat(_shares(field.render((_SIDE, _SIDE))[::-1, :, 0], limits)))
    errors.dots(places[:, 0], places[:, 1], heat(_shares(error, (0, worst))), radius=radius)
    low, high = limits
    return [
        Panel(samples.image(), "samples", shown or f"{low:.3g} (dark) to {high:.3g} (light)"),
        Panel(everywhere.image(), "fit", "in the same colours"),
        Panel(errors.image(), "error", f"0 (dark) to {worst:.2g} (light)"),
    ]


def _agreement(
    signal: Signal, original: Float[np.ndarray, " n"], fit: Float[np.ndarray, " n"], shown: str
) -> list[Panel]:
    """Predicted over true values, and how errors are distributed."""
    low, high = _limits(signal)
    both = Plot((_SIDE, _SIDE), (low, high), (low, high))
    both.line(np.array([low, high]), np.array([low, high]), FIT)
    both.dots(original, fit, ORIGINAL, radius=_radius(len(fit)))
    error = fit - original
    reach = max(float(np.quantile(np.abs(error), 0.999)), 1e-12)
    counts, edges = np.histogram(error, bins=60, range=(-reach, reach))
    spread = Plot((_SIDE, _SIDE), (-reach, reach), (0, float(counts.max()) * 1.05))
    spread.band(np.repeat(edges, 2)[1:-1], np.zeros(120), np.repeat(counts, 2).astype(float), ERROR)
    return [
        Panel(both.image(), "fit over true value", shown),
        Panel(spread.image(), "error", "how often each occurs"),
    ]


def _places(signal: Signal, indices: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n d"]:
    """Positions (n, D) in own units."""
    import torch

    return signal.domain.positions(signal.coords(torch.from_numpy(indices)).double()).numpy()


def _limits(signal: Signal) -> Span:
    return signal.domain.values.low[0], signal.domain.values.high[0]


def _shares(values: Float[np.ndarray, "*shape"], limits: Span) -> Float[np.ndarray, "*shape"]:
    return np.clip((values - limits[0]) / (limits[1] - limits[0]), 0, 1)


def _radius(count: int) -> float:
    """Dots that leave room for each other."""
    return float(np.clip(90 / np.sqrt(max(count, 1)), 1.2, 4.0))
