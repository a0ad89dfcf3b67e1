"""The search: what it tries, how it shrinks, and that its last word can be repeated."""

import itertools
import math
import shlex

import numpy as np
import pytest

import inr
from inr import Signal
from inr.activations import activations
from inr.encodings import encodings
from inr.networks import networks
from inr.sweeping._auto import rounds, space
from inr.sweeping._tasks import Case, Task, Terms, make_tasks

PICTURE = Signal.from_array(np.random.default_rng(0).integers(0, 255, (24, 20, 3), dtype=np.uint8))
SOUND = Signal.from_array(np.random.default_rng(0).normal(size=4000), kind="audio", sample_rate=8000)
QUICK = {"networks": "mlp:depth=1,width=16", "batch": 128, "engine": "eager", "jobs": 0}


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Leave out the pictures, which other tests look at."""
    monkeypatch.setattr("inr.sweeping.SweepResult.draw", lambda self: None)


@pytest.mark.parametrize("signal", [PICTURE, SOUND], ids=["picture", "sound"])
def test_everything_that_is_registered_is_tried(signal):
    tried = space(signal)
    assert len(set(tried)) == len(tried)
    assert {one.encoding.partition(":")[0] for one in tried if one.encoding} == set(encodings.names()) - {"sphere"}
    alone = {one.activation.partition(":")[0] for one in tried if one.encoding == "identity" and one.activation}
    assert alone == set(activations.names()) - {"linear"}
    assert {one.network for one in tried if one.network} == set(networks.names()) - {"conditioned", "mlp", "normalised"}


def test_most_of_it_can_be_built():
    made = list(
        make_tasks(space(PICTURE), Case(0, "picture", PICTURE, PICTURE, 0), Terms(600, None, None, 64, engine="eager"))
    )
    tasks = [task for task in made if isinstance(task, Task)]
    assert len(tasks) > 0.5 * len(made)
    assert len({task.name for task in tasks}) == len(tasks)


def test_frequencies_suit_the_signal():
    by = {one.encoding: one for one in space(Signal.from_array(np.zeros((512, 300), np.uint8), kind="image"))}
    assert {"fourier:sigma=4", "fourier:sigma=8", "fourier:sigma=16", "fourier:sigma=32"} <= set(by)
    assert {"sine:first_omega=1500", "sine:first_omega=6000"} <= {one.activation for one in space(SOUND)}
    assert {"sine:omega=15", "sine:omega=60"} <= {one.activation for one in space(PICTURE)}


@pytest.mark.parametrize("count", [1, 3, 6, 7, 30, 90, 400])
@pytest.mark.parametrize(("steps", "seconds"), [(20, None), (100, None), (2000, None), (None, 4.0), (None, 60.0)])
def test_rounds_shrink_while_budgets_grow(count, steps, seconds):
    plan = rounds(count, steps=steps, seconds=seconds)
    assert plan[0][0] == count
    assert plan[-1][1] == 1
    assert all(later < earlier for (earlier, _), (later, _) in itertools.pairwise(plan))
    assert all(later == pytest.approx(3 * earlier) for (_, earlier), (_, later) in itertools.pairwise(plan))
    assert sum(number * share for number, share in plan) <= count
    if len(plan) > 1:
        assert (steps or 1e9) * plan[0][1] >= 30
        assert (seconds or 1e9) * plan[0][1] >= 2.5


@pytest.mark.long
def test_a_search_ends_with_a_command_that_does_the_same(tmp_path):
    told = []
    lists = {"encodings": "identity,fourier:sigma=1|2,frequencies=8", "activations": "relu,sine:omega=5|20,gaussian"}
    options = QUICK | {"auto": True, "steps": 90, "seed": 2, "folder": tmp_path / "out", "on_event": told.append}
    result = inr.sweep(PICTURE, **lists, **options)
    first, last = (sum(row.rung == rung for row in (*result.earlier, *result.rows)) for rung in (1, 2))
    assert (first, last) == (12, 4)
    assert {row.steps for row in result.earlier} == {30}
    assert {row.steps for row in result.rows} == {90}
    kept = {row.name for row in result.rows}
    assert {path.stem for path in (tmp_path / "out" / "fits").glob("*.inr")} == kept
    # the best of the first round are those of the second
    labels = [row.label for row in sorted(result.earlier, key=lambda row: -row.psnr)]
    assert all(row.label in labels[:4] for row in result.rows)
    assert result.chosen == result.rows[0] == max(result.rows, key=lambda row: row.psnr)
    assert told[-1].done == told[-1].planned == 16

    words = shlex.split(result.chosen.command)
    assert words[:3] == ["inr", "fit", "SIGNAL"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    field = inr.fit(
        PICTURE, encoding=options["--encoding"], activation=options["--activation"], network=options["--network"],
        steps=int(options["--steps"]), batch=int(options["--batch"]), seed=int(options["--seed"]),
        engine=options["--engine"],
    )  # fmt: skip
    assert field.metrics["psnr"] == result.chosen.psnr


@pytest.mark.long
def test_a_search_by_held_out_samples_ends_with_a_fit_of_all(tmp_path):
    y, x = np.mgrid[0:24, 0:20] / 24
    smooth = Signal.from_array((127 + 100 * np.sin(9 * x) * np.cos(7 * y)).astype(np.uint8), kind="image")
    options = QUICK | {"auto": True, "steps": 60, "holdout": 0.5, "folder": tmp_path / "out"}
    result = inr.sweep(smooth, encodings="fourier:sigma=0.5|1|2|4|8|16|32,frequencies=32", **options)
    assert [row.holdout for row in result.rows] == sorted((row.holdout for row in result.rows), reverse=True)
    assert result.chosen.label == result.rows[0].label
    assert result.chosen not in result.rows
    assert math.isnan(result.chosen.holdout)
    assert float(result.chosen.label["encoding"].split("sigma=")[1].split(",")[0]) < 8  # the largest only interpolate
    field = inr.fit(smooth, steps=60, batch=128, engine="eager", **result.chosen.parts)
    assert field.metrics["psnr"] == result.chosen.psnr
    again = inr.sweep(smooth, encodings="fourier:sigma=0.5|1|2|4|8|16|32,frequencies=32", resume=True, **options)
    assert again.kept == len(result.rows) + len(result.earlier) + 1
    assert again.chosen == result.chosen or again.chosen.to_json() == result.chosen.to_json()


@pytest.mark.long
def test_a_search_leaves_out_what_a_part_of_the_budget_is_too_short_for():
    encoding = "sape:num_blocks=20,resolution=4,over=(fourier:frequencies=20)"
    lists = {"encodings": f"{encoding},identity", "activations": "relu,sine,sine:omega=5|10,gaussian:scale=3"}
    result = inr.sweep(PICTURE, auto=True, steps=93, **lists, **QUICK)
    assert any("sape" in line and "needs at least" in line for line in result.refused)
    assert all(row.label["encoding"] == "identity" for row in result.earlier)
    assert len(result.rows) >= 3


def test_a_search_in_which_nothing_can_be_fitted_ends():
    lists = {"encodings": "identity", "activations": "relu,gaussian:scale=1|2|3|4|5|6"}
    result = inr.sweep(PICTURE, auto=True, steps=90, learning_rate=1e30, **lists, **QUICK)
    assert result.best is None
    assert result.chosen is None
    assert {row.status for row in result.rows} == {"diverged"}
