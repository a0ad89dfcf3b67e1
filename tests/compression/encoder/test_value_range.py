"""Short value ranges hold what they stand for, and are hardly wider."""

import math

import hypothesis
from hypothesis import strategies

from inr.compression.encoder.value_range import short_range
from inr.signals import ValueMap

NUMBERS = strategies.floats(-1e12, 1e12, allow_subnormal=False)


def one(low, high):
    found = short_range(ValueMap((low,), (high,)))
    return found.low[0], found.high[0]


@hypothesis.given(NUMBERS, NUMBERS)
def test_ranges_hold_the_given_one(low, high):
    low, high = sorted((low, high))
    hypothesis.assume(low < high)
    found = one(low, high)
    assert found[0] <= low < high <= found[1]
    if found != (0.0, 1.0):
        assert found[1] - found[0] <= 1.011 * (high - low)


def test_ranges_have_few_digits():
    assert one(202.66123, 320.93456) == (202.0, 321.0)
    assert one(-0.834512, 0.834512) == (-0.84, 0.84)
    assert one(0.0, 255.0) == (0.0, 255.0)
    assert one(0.194, 0.87812) == (0.0, 1.0)
    assert one(0.50012, 0.51229) == (0.5001, 0.5123)
    assert one(1e-300, 2.5e-300)[1] > 0
    assert all(map(math.isfinite, one(-1.7e308 / 2, 1.7e308 / 2)))


def test_every_channel_has_its_own():
    found = short_range(ValueMap((-1.23456, 100.004), (9.87654, 100.104)))
    assert found.low[1] > 99
    assert found.low[0] == -1.3
