"""Schedules and intervals against the published formulas."""

import math

import pytest

from inr.teaching._schedules import count, ratio, selects


def test_published_values():
    assert ratio("step", 0 / 1000, 0.2) == 0.2
    assert ratio("step", 99 / 1000, 0.2) == 0.2
    assert ratio("step", 100 / 1000, 0.2) == pytest.approx(0.28, abs=1e-15)
    assert ratio("step", 999 / 1000, 0.2) == pytest.approx(0.92, abs=1e-15)
    assert ratio("linear", 500 / 1000, 0.2) == pytest.approx(0.6, abs=1e-15)
    assert ratio("cosine", 0, 0.2) == pytest.approx(0.2, abs=1e-15)
    assert ratio("cosine", 0.5, 0.2) == pytest.approx(0.6, abs=1e-15)
    assert ratio("cosine", 1, 0.2) == 1
    assert ratio("reverse-cosine", 0, 0.8) == 0.8
    assert ratio("reverse-cosine", 0.5, 0.8) == pytest.approx(0.5, abs=1e-15)
    assert ratio("reverse-cosine", 1, 0.8) == pytest.approx(0.2, abs=1e-15)
    assert {ratio("constant", step / 7, 0.3) for step in range(7)} == {0.3}


@pytest.mark.parametrize("steps", [10, 30, 70, 1000, 3330])
def test_stages_begin_at_tenths_whatever_the_horizon(steps):
    for stage in range(10):
        first = stage * steps // 10
        assert ratio("step", first / steps, 0.5) == pytest.approx(0.5 + stage * 0.05, abs=1e-12)
        assert ratio("step", (first + steps // 10 - 1) / steps, 0.5) == pytest.approx(0.5 + stage * 0.05, abs=1e-12)


@pytest.mark.parametrize("schedule", ["constant", "linear", "step", "cosine"])
def test_all_stays_all(schedule):
    assert {ratio(schedule, step / 100, 1.0) for step in range(101)} == {1.0}


def test_counts_round_down_but_not_by_rounding_errors():
    for size in (*range(1, 300), 12_345, 65_536, 393_216, 10**9):
        assert count(1 - 1 / size, size) == size - 1
        assert count(1.0, size) == size
        assert count(0.2, size) == size // 5
        assert count(0.7, size) == 7 * size // 10
        assert count(1 + 1e-9, size) == size


def test_incremental_selects_densely_then_ever_more_rarely():
    chosen = [step for step in range(1000) if selects("incremental", step, 1000)]
    expected = list(range(250))
    for k, start in zip((10, 20, 30, 40, 50), range(250, 1000, 150), strict=True):
        expected += [step for step in range(start, start + 150) if step % k == 0]
    assert chosen == expected


def test_decremental_is_rare_first_and_dense_at_the_end():
    chosen = [step for step in range(1000) if selects("decremental", step, 1000)]
    expected = []
    for period in range(9):
        expected += [s for s in range(100 * period, 100 * period + 100) if s % (90 - 10 * period) == 0]
    assert chosen == expected + list(range(900, 1000))


def test_the_others():
    assert all(selects("dense", step, 9) for step in range(9))
    assert [step for step in range(9) if selects("dense2", step, 9)] == [0, 2, 4, 6, 8]
    assert not any(selects("void", step, 9) for step in range(9))


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 9, 10, 39, 333, 1_000_000])
def test_any_horizon_selects_first_and_ends_within_its_periods(steps):
    for interval in ("incremental", "decremental"):
        assert selects(interval, 0, steps)
        assert selects(interval, math.ceil(steps / 4) - 1, steps) or interval == "decremental"
    assert selects("decremental", steps - 1, steps) or steps < 10  # no step lies in the last tenth
    last = range(max(steps - 100, math.ceil(0.85 * steps)), steps)
    assert [s for s in last if selects("incremental", s, steps)] == [s for s in last if s % 50 == 0]
