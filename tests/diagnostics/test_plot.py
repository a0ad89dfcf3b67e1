"""Plots: where things are drawn, and what stands at the ticks."""

import numpy as np
import pytest

from inr.diagnostics._plot import Plot, heat, ticks
from inr.diagnostics._waveform import spectrogram


@pytest.mark.parametrize(
    ("span", "most", "expected"),
    [
        ((0, 1), 5, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ((0, 3), 10, [0, 0.5, 1, 1.5, 2, 2.5, 3]),
        ((-0.09, 0.09), 4, [-0.05, 0, 0.05]),
        ((1.395, 1.415), 10, [1.396, 1.398, 1.4, 1.402, 1.404, 1.406, 1.408, 1.41, 1.412, 1.414]),
        ((-3e6, 4e6), 3, [0.0]),
    ],
)
def test_ticks_are_round_numbers_inside_the_span(span, most, expected):
    np.testing.assert_allclose(ticks(span, most), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1.0, 1e7, 1e30])
def test_there_are_ticks_at_every_scale(scale):
    marks = ticks((-0.7 * scale, 1.1 * scale), 5)
    assert 3 <= len(marks) <= 7
    assert min(marks) >= -0.7 * scale
    assert max(marks) <= 1.1 * scale


def _drawn(plot, colour):
    """Centre of the pixels of a colour, as shares of the frame from its lower left corner."""
    pixels = np.asarray(plot.image()).astype(int)
    rows, columns = np.nonzero(np.abs(pixels - colour).sum(axis=2) < 60)
    frame_rows, frame_columns = np.nonzero(np.abs(pixels - (120, 120, 120)).sum(axis=2) == 0)
    assert len(rows)
    left, right = frame_columns.max() - 300, frame_columns.max()
    top = 4
    del frame_rows, left
    return (columns.mean() - (right - 300)) / 300, 1 - (rows.mean() - top) / 200


def test_dots_lie_where_their_numbers_say():
    for x, y in ((2.0, 30.0), (3.0, 10.0), (2.5, 22.0)):
        plot = Plot((300, 200), (1.0, 4.0), (0.0, 40.0))
        plot.dots(np.array([x]), np.array([y]), (255, 0, 0), radius=4)
        across, up = _drawn(plot, (255, 0, 0))
        assert across == pytest.approx((x - 1) / 3, abs=0.01)
        assert up == pytest.approx(y / 40, abs=0.01)


def test_what_lies_far_outside_is_cut_off():
    plot = Plot((300, 200), (0.0, 1.0), (0.0, 1.0))
    plot.line(np.array([0.0, 1.0]), np.array([1e12, -1e12]), (255, 0, 0))
    plot.dots(np.array([1e30]), np.array([0.5]), (0, 0, 255), radius=3)
    pixels = np.asarray(plot.image())
    assert not ((pixels == (0, 0, 255)).all(axis=2)).any()


def test_colours_grow_lighter():
    shades = heat(np.linspace(0, 1, 50)).astype(int)
    assert (np.diff(shades @ [3, 6, 1]) > 0).all()


def test_a_spectrogram_finds_a_tone_in_its_place():
    rate, tone = 8000.0, 1000.0
    moments = np.arange(8000) / rate
    values = np.where(moments < 0.5, np.sin(2 * np.pi * tone * moments), 0).astype(np.float32)
    levels = spectrogram(values, rate, 100)
    frequencies = np.linspace(0, rate / 2, len(levels))
    early, late = levels[:, levels.shape[1] // 4], levels[:, 3 * levels.shape[1] // 4]
    assert frequencies[np.argmax(early)] == pytest.approx(tone, abs=rate / 256)
    assert early.max() - late.max() > 100
