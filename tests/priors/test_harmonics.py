"""Periodic signals that are seen in part: regression on harmonics, and the period where it is not given."""

import numpy as np
import pytest

import inr
from inr.priors import complete
from inr.priors._harmonics import _features, _periodogram, estimated_period, harmonics

EXTENT = 240


def wave(places, period, *, slope=0.3):
    """Three harmonics and a line."""
    turns = 2 * np.pi * places / period
    return (np.sin(turns) + 0.5 * np.cos(2 * turns) + 0.3 * np.sin(3 * turns + 1) + slope * places / EXTENT)[:, None]


def some(count, seed=0):
    return np.sort(np.random.default_rng(seed).permutation(EXTENT)[:count]).astype(float)


def test_what_is_missed_without_a_sample_is_that_of_a_refit():
    places, draw = some(24), np.random.default_rng(1)
    values = wave(places, 17.3) + draw.normal(0, 0.2, (24, 2))
    found = harmonics(places, values, 17.3, EXTENT)
    matrix = _features(places, 17.3, found.count, EXTENT)
    added = found.ridge * len(places) * np.eye(matrix.shape[1])
    np.testing.assert_allclose(found.weights, np.linalg.solve(matrix.T @ matrix + added, matrix.T @ values), rtol=1e-6)
    for out in range(24):
        kept = np.arange(24) != out
        weights = np.linalg.solve(matrix[kept].T @ matrix[kept] + added, matrix[kept].T @ values[kept])
        np.testing.assert_allclose(found.missed[out], values[out] - matrix[out] @ weights, atol=1e-8)


def test_exact_harmonics_are_found_again_across_a_gap():
    places = np.setdiff1d(some(150), np.arange(80, 130))
    found = harmonics(places, wave(places, 20.7), 20.7, EXTENT)
    assert found.count in (3, 4)
    everywhere = np.arange(EXTENT, dtype=float)
    np.testing.assert_allclose(found(everywhere), wave(everywhere, 20.7), atol=1e-5)


def test_the_periodogram_is_that_of_least_squares():
    places, size = some(60), 2048
    values = wave(places, 23.0, slope=0)
    power = _periodogram(places, values, EXTENT, size)
    for place in (40, 90, 300):
        matrix = _features(places, size / place, 4, EXTENT)[:, 2:]
        ridge = 1e-6 * len(places) * np.eye(8)
        explained = values.T @ matrix @ np.linalg.solve(matrix.T @ matrix + ridge, matrix.T @ values)
        assert power[place] == pytest.approx(explained.item(), rel=1e-6)


@pytest.mark.parametrize("period", [11.37, 31.9, 90.2])
def test_a_period_is_estimated(period):
    places = some(130, seed=3)
    noisy = wave(places, period) + np.random.default_rng(4).normal(0, 0.1, (130, 1))
    assert estimated_period(places, noisy, EXTENT) == pytest.approx(period, rel=0.01)


def test_a_series_is_completed():
    everywhere = np.arange(EXTENT, dtype=float)
    true = (wave(everywhere, 24.4) + np.random.default_rng(5).normal(0, 0.05, (EXTENT, 1))).astype(np.float32)
    unseen = np.zeros(EXTENT, dtype=bool)
    unseen[100:140] = unseen[5:200:4] = True
    found = complete(true[:, 0], unseen, period="auto", samples=3)
    assert found.method == "harmonics"
    assert found.periodic.estimated
    assert found.periodic.unit == "samples"
    assert found.periodic.period == pytest.approx(24.4, rel=0.01)
    assert 0.95 < found.periodic.told <= 1
    given = complete(true[:, 0], unseen, period=24.4, samples=0)
    assert not given.periodic.estimated
    truth = inr.from_array(true, kind="volume", channels_last=True)
    plain = complete(true[:, 0], unseen, samples=0).compare(truth).psnr_unseen
    assert given.compare(truth).psnr_unseen > plain + 10
    assert found.compare(truth).psnr_unseen > plain + 10
    assert (found.mean[~unseen] == true[~unseen]).all()
    assert 0.7 < found.compare(truth).coverage_90 <= 1


def test_what_has_no_period():
    series = np.arange(50, dtype=np.float32)
    unseen = np.zeros(50, dtype=bool)
    unseen[10:20] = True
    with pytest.raises(inr.InrError, match="on a line"):
        complete(series, unseen, period="auto")
    with pytest.raises(inr.InrError, match=r"between 2 samples and the whole extent of 50, not at 1 samples"):
        complete(series, unseen, period=1.0)
    with pytest.raises(inr.InrError, match="signals of one axis"):
        complete(np.zeros((6, 5)), np.eye(6, 5, dtype=bool), period=2.0)
    with pytest.raises(inr.InrError, match='a number, or "auto"'):
        complete(series, unseen, period="monthly")
    seconds = inr.from_array(np.sin(np.arange(400) / 5).astype(np.float32), kind="audio", sample_rate=100.0)
    found = complete(seconds, np.arange(400) % 7 == 0, period=10 * np.pi / 100, samples=0)
    assert found.periodic.unit == "s"
    assert found.periodic.told > 0.999
