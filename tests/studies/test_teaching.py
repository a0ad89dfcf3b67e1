"""The benchmark of teachers: what it computes from fits, and that it makes none twice."""

import math

import numpy as np
import pytest

import inr
from inr.bench import tables
from studies.teaching import cells, costs, report, runs

SIZE = 1024
REHEARSED = {}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Prices by which a sample learned from costs a millisecond, a look a third, and a step nothing."""
    prices = {"fixed": "0", "each": "0.001", "look": str(0.001 / 3), "own": ""}
    path = tmp_path / "teaching_costs.tsv"
    tables.append(path, costs.COLUMNS, {"what": "field", "kind": "picture", "name": "siren", **prices})
    for method in cells.METHODS:
        row = {"what": "teacher", "kind": "picture", "name": method, "own": "0"}
        tables.append(path, costs.COLUMNS, row)
    signal = inr.Signal.from_array(np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8))
    monkeypatch.setattr(cells, "load", lambda data, name: signal)
    return runs.Settings(tmp_path, tmp_path)


def pretended(monkeypatch, quality):
    """Fits that end at `quality(teacher, pool, factor, points)` dB; how often one was made."""
    made, rehearse = [], costs.rehearse

    def rehearsed(signal, teacher, batch, steps):
        """By few steps, which count the same for the teachers here."""
        key = teacher, batch
        if key not in REHEARSED:
            REHEARSED[key] = rehearse(signal, teacher, batch, 4)
        return REHEARSED[key]

    monkeypatch.setattr(costs, "rehearse", rehearsed)

    def fitted(self, teacher, pool, factor, seed, steps):
        made.append((teacher, pool, factor, seed, steps))
        batch = min(pool, SIZE)
        points = steps * batch
        psnr = quality(teacher, batch, factor, points)
        return {"steps": str(steps), "points": str(points), "scored": "0", "psnr": f"{psnr:.6f}", "seconds": "0"}

    monkeypatch.setattr(runs.Explorer, "_fitted", fitted)
    return made


def octaves(teacher, batch, factor, points):
    """3 dB an octave of samples; mini-batches of 32 at twice the rate are best, and auto is half an octave ahead."""
    full = batch == SIZE
    ahead = 6.0 if not full else 0.0
    ahead += 1.5 if teacher == "auto" else 0.0
    ahead -= abs(math.log2(batch / 32)) if not full else 0.0
    ahead += 1.0 if factor == 2 and not full else 0.0
    return 3 * math.log2(points / 1000) + ahead


def test_costs_are_counts_times_prices(settings):
    prices = costs.read(settings.prices)
    assert prices.cost("kodim01", "siren", "auto", steps=5, points=300, scored=60) == pytest.approx(0.32)
    assert prices.full("kodim01", "siren", SIZE) == pytest.approx(2000 * SIZE / 1000)


def test_the_mini_batch_is_tuned_over_its_size_and_the_rate(settings, monkeypatch):
    pretended(monkeypatch, octaves)
    explorer = runs.Explorer(settings, "kodim01", "siren", "here")
    assert explorer.settings(runs.FIRST_BUDGET) is None
    explorer.tune(runs.FIRST_BUDGET)
    assert explorer.settings(runs.FIRST_BUDGET) == explorer.settings(runs.LARGEST_BUDGET) == (32, 2)


def test_mini_batches_are_tuned_at_every_budget_anew(settings, monkeypatch):
    """With longer budgets larger ones are better here, and the others follow."""
    pretended(
        monkeypatch, lambda teacher, batch, factor, points: 10 * math.log2(points) - abs(points / batch - 2000) / 50
    )
    explorer = runs.Explorer(settings, "kodim01", "siren", "here")
    explorer.reach("uniform", 0, 1e9, tuning=True)
    explorer.reach("auto", 0, 1e9)
    assert [explorer.settings(share)[0] for share in (1 / 64, 1 / 16, 1 / 8, 1 / 4)] == [64, 64, 128, 128]
    rows = [row for row in tables.read(settings.runs) if row["method"] == "auto"]
    assert {row["batch"] for row in rows} == {"64", "128"}


def test_savings_follow_from_where_fits_end(settings, monkeypatch):
    pretended(monkeypatch, octaves)
    given = (settings, "kodim01", "siren", 0, "here")
    runs.prepare(*given)
    for method in ("uniform", "auto"):
        runs.compare(*given, method)
    study = report.Study(settings)
    key = ("kodim01", "siren", 0)
    assert study.keys("siren") == [key]
    # the mini-batch is 7 dB ahead at equal cost, at 3 dB an octave; auto 8.5
    full = 2000 * SIZE / 1000
    ours, theirs = study.reached(key, "auto"), study.reached(key, "uniform")
    assert (ours.bound, theirs.bound) == ("", "")
    assert theirs.cost == pytest.approx(full * 2 ** (-7 / 3), rel=0.01)
    assert ours.cost == pytest.approx(full * 2 ** (-8.5 / 3), rel=0.01)
    assert study.at_equal_cost(key, "auto") - study.at_equal_cost(key, "uniform") == pytest.approx(1.5, abs=0.02)
    text = report.write(settings)
    assert f"| auto | {100 * (1 - 2 ** (-8.5 / 3)):.0f} % | 1 of 1 | {100 * (1 - 2**-0.5):.0f} % |" in text
    assert (settings.results / "teaching_siren.png").exists()


@pytest.mark.parametrize(("ends", "bound"), [(20.0, ">"), (60.0, "<")])
def test_qualities_beyond_all_fits_give_bounds(settings, monkeypatch, ends, bound):
    pretended(monkeypatch, lambda teacher, batch, factor, points: 50.0 if batch == SIZE else ends)
    given = (settings, "kodim01", "siren", 0, "here")
    runs.prepare(*given)
    runs.compare(*given, "auto")
    assert report.Study(settings).reached(("kodim01", "siren", 0), "auto").bound == bound


def test_no_fit_is_made_twice(settings, monkeypatch):
    made = pretended(monkeypatch, octaves)
    given = (settings, "kodim01", "siren", 0, "here")
    runs.prepare(*given)
    runs.compare(*given, "auto")
    before = len(made)
    runs.prepare(*given)
    runs.compare(*given, "auto")
    assert len(made) == before == len(set(made))


def test_a_rehearsal_counts_what_a_fit_would():
    signal = inr.Signal.from_array(np.zeros((32, 32, 3), np.uint8))
    points, scored, own = costs.rehearse(signal, "int:ratio=0.25,schedule=constant,interval=dense", 512, 20)
    assert (points, scored) == (128, 512)
    assert own > 0
    assert costs.rehearse(signal, "auto", 64, 20)[:2] == (64, 0)
