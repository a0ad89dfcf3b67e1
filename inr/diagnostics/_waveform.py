"""Comparison sheets of signals over one axis: waveforms, their errors, spectrograms."""

import numpy as np
from jaxtyping import Float

from inr.diagnostics._layout import Panel
from inr.diagnostics._plot import ERROR, FIT, ORIGINAL, Colour, Plot, Span, heat
from inr.diagnostics._sampling import estimate, reference
from inr.field import Execute, Field
from inr.signals import Domain, Signal

_WIDTH, _HEIGHT, _GAP = 1200, 200, 78  # pixels
_DETAIL_SECONDS = 0.02  # of sound in a detail
_WINDOW_SECONDS = 0.025  # of a spectrogram's window
_DYNAMIC_RANGE = 80.0  # dB from a spectrogram's brightest to its darkest


def curve_rows(field: Field, signal: Signal, execute: Execute | None = None) -> list[list[Panel]]:
    """Original and fit over each other, the error, a detail; of a sound the spectrograms too. The first channel."""
    indices = np.arange(len(signal.array))
    original, fit = reference(signal, indices)[:, 0], estimate(field, signal, indices, execute)[:, 0]
    rows = [*_overview(original, fit, signal.domain)]
    sound = signal.domain.kind == "audio"
    detail = round(_DETAIL_SECONDS * sample_rate(signal.domain)) if sound else len(indices) // 50
    if 16 <= detail <= len(indices) // 4:
        rows.append([_detail(original, fit, signal.domain, detail)])
    if sound and len(indices) >= 256:
        rows.append(_spectrograms(original, fit, signal.domain))
    return rows


def _overview(original: Float[np.ndarray, " n"], fit: Float[np.ndarray, " n"], domain: Domain) -> list[list[Panel]]:
    axis, limits = domain.axes[0], (domain.values.low[0], domain.values.high[0])
    span = (axis.low, axis.high)
    both = Plot((_WIDTH, _HEIGHT), span, limits, x_unit=axis.unit)
    trace(both, original, span, ORIGINAL, 1.0)
    trace(both, fit, span, FIT, 0.6)
    error = fit - original
    reach = max(float(np.nanmax(np.abs(error))), 1e-12)
    alone = Plot((_WIDTH, _HEIGHT // 2), span, (-1.05 * reach, 1.05 * reach), x_unit=axis.unit)
    trace(alone, error, span, ERROR, 1.0)
    share = 100 * reach / max(abs(limit) for limit in limits)
    channels = f", channel 1 of {domain.channels}" if domain.channels > 1 else ""
    return [
        [Panel(both.image(), "original (blue) and fit (orange)", f"{len(original):,} samples{channels}")],
        [Panel(alone.image(), "error", f"at most {share:.2g} % of the peak; the scale is its own")],
    ]


def trace(plot: Plot, values: Float[np.ndarray, " n"], span: Span, colour: Colour, opacity: float) -> None:
    """A curve, or, where many samples share a column, the band from the smallest to the largest of each."""
    places = span[0] + (np.arange(len(values)) + 0.5) * (span[1] - span[0]) / len(values)
    if len(values) <= 2 * _WIDTH:
        plot.line(places, values, colour)
        return
    starts = np.linspace(0, len(values), _WIDTH, endpoint=False).astype(int)
    low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)  # NaN where all are
    plot.band(places[starts], low, high, colour, opacity=opacity)


def _detail(original: Float[np.ndarray, " n"], fit: Float[np.ndarray, " n"], domain: Domain, length: int) -> Panel:
    """A stretch of curves, where the error is largest."""
    squares = np.concatenate([[0.0], np.nancumsum(np.square(fit - original, dtype=np.float64))])
    start = int(np.argmax(squares[length:] - squares[:-length]))
    axis, part = domain.axes[0], slice(start, start + length)
    step = (axis.high - axis.low) / len(original)
    places = axis.low + (np.arange(start, start + length) + 0.5) * step
    reach = max(float(np.nanmax(np.abs(values[part]))) for values in (original, fit))
    reach = max(reach, 1e-12)
    limits = (-1.05 * reach, 1.05 * reach) if domain.kind == "audio" else (domain.values.low[0], domain.values.high[0])
    plot = Plot((_WIDTH, _HEIGHT), (float(places[0]), float(places[-1])), limits, x_unit=axis.unit)
    plot.line(places, original[part], ORIGINAL, width=3)
    plot.line(places, fit[part], FIT)
    return Panel(plot.image(), "detail", "where the error is largest")


def _spectrograms(original: Float[np.ndarray, " n"], fit: Float[np.ndarray, " n"], domain: Domain) -> list[Panel]:
    size = ((_WIDTH - _GAP) // 2, _HEIGHT)
    axis, nyquist = domain.axes[0], sample_rate(domain) / 2000
    first, second = (spectrogram(values, sample_rate(domain), size[0]) for values in (original, fit))
    brightest = max(float(first.max()), -200.0)
    panels = []
    for caption, levels in (("original", first), ("fit", second)):
        plot = Plot(size, (axis.low, axis.high), (0, nyquist), x_unit=axis.unit, y_unit="kHz")
        plot.picture(heat(np.clip((levels - brightest) / _DYNAMIC_RANGE + 1, 0, 1))[::-1])
        panels.append(Panel(plot.image(), f"spectrogram of the {caption}", f"{_DYNAMIC_RANGE:.0f} dB"))
    return panels


def spectrogram(values: Float[np.ndarray, " n"], rate: float, columns: int) -> Float[np.ndarray, "frequencies moments"]:
    """Power under Hann windows of about 25 ms.

    Args:
        values: (n,) float32 or float64.
        rate: samples a second.
        columns: how many windows there are, about.

    Returns:
        dB (frequency, time), the lowest frequency first.
    """
    length = 2 ** int(np.clip(round(np.log2(_WINDOW_SECONDS * rate)), 6, np.log2(len(values))))
    hop = max((len(values) - length) // columns, 1)
    starts = np.arange(0, len(values) - length + 1, hop)
    frames = np.lib.stride_tricks.sliding_window_view(np.nan_to_num(values), length)[starts] * np.hanning(
        length
    ).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1))).T
    return 10 * np.log10(np.maximum(power, 1e-20))


def sample_rate(domain: Domain) -> float:
    """Samples a unit of the axis, of a second for sounds."""
    axis = domain.axes[0]
    return (axis.size or 1) / (axis.high - axis.low)
