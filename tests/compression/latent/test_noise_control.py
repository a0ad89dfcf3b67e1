"""Noise that keeps networks from reading what soft rounding leaves."""

import math

import pytest

from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent.noise_control import NoiseControl
from inr.compression.encoder.latent.rate import Goal, RateControl

PIXELS = 17 * 34
WEIGHT = 1e-3


@pytest.fixture
def control():
    return NoiseControl(RateControl(Goal(weight=WEIGHT), Layout(17, 34, 3, "lop")), 0.22)


def told(control, *losses):
    """Tell steps of these losses, half of each in bits."""
    for loss in losses:
        control.add(loss / 2, loss / 2 / WEIGHT * PIXELS)


def checked(control, loss):
    control.observe(loss / 2, loss / 2 / WEIGHT * PIXELS)
    return control.deviation


def test_noise_grows_by_how_much_steps_are_better_than_whole_numbers(control):
    told(control, 1e-3, 3e-3)
    assert checked(control, 2.5e-3) == pytest.approx(0.22 + 0.1 * math.log(2.5 / 2))  # of the mean of both
    told(control, 2e-3)
    assert checked(control, 2.2e-3) == pytest.approx(0.22 + 0.1 * math.log(1.25 * 1.1))


def test_noise_falls_where_it_costs_more_than_rounding(control):
    told(control, 1e-3)
    assert checked(control, 0.9e-3) == pytest.approx(0.22 + 0.1 * math.log(0.9))


def test_noise_is_bounded(control):
    for whole, bound in ((1.0, 0.3), (1e-6, 0.08)):
        for _ in range(5):
            told(control, 1e-3)
            checked(control, whole)
        assert control.deviation == bound


def test_noise_stays_where_nothing_can_be_compared(control):
    assert checked(control, 1.0) == 0.22  # no step
    told(control, 0.0)  # a picture that is one colour
    assert checked(control, 0.0) == 0.22


def test_a_restored_control_goes_on(control):
    told(control, 1e-3)
    checked(control, 1.1e-3)
    told(control, 1e-3)
    other = NoiseControl(RateControl(Goal(weight=WEIGHT), Layout(17, 34, 3, "lop")), 0.22)
    other.restore(control.state())
    told(control, 2e-3)
    told(other, 2e-3)
    assert checked(other, 1.8e-3) == checked(control, 1.8e-3) != 0.22
