"""Several signals and seeds: what is fitted, what rows are means of, and what becomes of unfinished ones."""

import csv
import json
import math
import pickle
import statistics
from dataclasses import replace

import numpy as np
import pytest

import inr
from inr import InrError, Signal
from inr.sweeping._means import mean_curve, mean_rows
from inr.sweeping._processes import Inputs, _briefing
from inr.sweeping._rows import Row, ordered

RNG = np.random.default_rng(8)
SETUPS = ["identity + sine:omega=9 + mlp:depth=1,width=12", "identity + relu + mlp:depth=1,width=12"]
QUICK = {"setups": SETUPS, "steps": 10, "batch": 64, "engine": "eager", "jobs": 0}
METRICS = ("psnr", "ssim", "between", "seconds")


def picture(cycles, shape=(22, 26)):
    y, x = np.mgrid[: shape[0], : shape[1]] / shape[1]
    return Signal.from_array((127 + 90 * np.sin(cycles * x) * np.cos(y)).astype(np.uint8), kind="image")


@pytest.fixture(scope="module")
def pictures():
    return [picture(3.0), picture(17.0)]


@pytest.fixture(scope="module")
def swept(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept") / "out"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("sweep_curves", "sweep_sheet"):  # which other tests look at
            patch.setattr(f"inr.sweeping._result.{name}", lambda *args, **options: None)
        return inr.sweep(pictures, seed=[4, 1, 9], folder=folder, **QUICK)


@pytest.mark.long
def test_every_signal_is_fitted_with_every_seed(swept, pictures):
    assert len(swept.rows) == 2
    assert len(swept.runs) == 12
    for row in swept.rows:
        runs = swept.runs_of(row)
        assert [(run.signal, run.seed) for run in runs] == [(f"signal {p}", s) for p in (1, 2) for s in (4, 1, 9)]
        for run, signal in zip(runs[2:4], (pictures[0], pictures[1]), strict=True):
            field = inr.fit(signal, steps=10, batch=64, engine="eager", seed=run.seed, **run.parts)
            assert field.metrics["psnr"] == run.psnr == pytest.approx(swept.field(run).metrics["psnr"], rel=1e-5)


def test_rows_are_means_with_sample_deviations(swept):
    for row in swept.rows:
        runs = swept.runs_of(row)
        assert row.runs == 6
        for name in METRICS:
            numbers = [getattr(run, name) for run in runs]
            assert getattr(row, name) == pytest.approx(sum(numbers) / 6)
            assert row.deviation[name] == pytest.approx(statistics.stdev(numbers))
        assert row.name == runs[0].name  # whose field is shown
        assert not math.isnan(row.psnr)
    assert swept.rows[0].psnr >= swept.rows[1].psnr


def test_files_have_means_and_every_single_fit(swept):
    document = json.loads((swept.folder / "results.json").read_text(), parse_constant=pytest.fail)
    assert [Row.from_json(row).to_json() for row in document["rows"]] == [row.to_json() for row in swept.rows]
    assert [Row.from_json(run).psnr for run in document["runs"]] == [
        run.psnr for row in swept.rows for run in swept.runs_of(row)
    ]
    assert document["seeds"] == [4, 1, 9]
    assert [signal["shape"] for signal in document["signals"]] == [[22, 26]] * 2
    assert document["signals"][1]["sampling"] == "area"
    assert document["signals"][1]["values"] == {"low": [0.0], "high": [255.0]}
    assert document["versions"]["inr"] == document["inr"]
    assert document["machine"]["cores"] >= 1
    lines = list(csv.DictReader((swept.folder / "results.csv").read_text().splitlines()))
    assert [(line["signal"], int(line["seed"])) for line in lines[:6]] == [
        (f"signal {p}", s) for p in (1, 2) for s in (4, 1, 9)
    ]
    for name in ("index.html", "table.tex", "table.md"):
        text = (swept.folder / name).read_text()
        row = swept.rows[0]
        plus_minus = r"$\,\pm\,$" if name == "table.tex" else " ± "
        assert f"{row.psnr:.2f}{plus_minus}{row.deviation['psnr']:.2f}" in text
        assert "over 2 signals and 3 seeds" in text
    record = (swept.folder / "table.tex").read_text()
    for word in ('"torch"', '"processor"', '"sampling": "area"', '"steps": 10', '"rates": {"network"', "--seed 4"):
        assert word in record
        assert word in (swept.folder / "table.md").read_text()


@pytest.mark.usefixtures("undrawn")
def test_more_seeds_fit_only_what_is_missing(pictures, tmp_path):
    first = inr.sweep(pictures[0], seeds=2, folder=tmp_path / "out", **QUICK)
    more = inr.sweep(pictures[0], seeds=3, folder=tmp_path / "out", resume=True, **QUICK)
    assert (first.kept, more.kept) == (0, 4)
    assert [run.seed for run in more.runs_of(more.rows[0])] == [0, 1, 2]
    # by their texts, for NaN is not equal to itself
    assert repr(more.runs_of(more.rows[0])[:2]) == repr(first.runs_of(first.rows[0]))


def test_processes_open_files_and_are_sent_the_rest(pictures, tmp_path):
    path = tmp_path / "a.png"
    picture(8.0).save(path)
    inputs = Inputs((inr.open(path), pictures[1]), (str(path), None), None)
    briefing = pickle.loads(pickle.dumps(_briefing([], inputs, 1)))
    assert briefing.samples[0] is None
    for place, signal in enumerate(inputs.signals):
        np.testing.assert_array_equal(briefing.signal(place).array, signal.array)
        assert briefing.signal(place).domain == signal.domain


@pytest.mark.usefixtures("undrawn")
@pytest.mark.long
def test_a_search_judges_by_means(pictures):
    options = {"encodings": "identity", "activations": "sine:omega=1|3|9|20,relu,snake,gaussian", "auto": True}
    options |= {"networks": "mlp:depth=1,width=12", "steps": 90, "batch": 64, "engine": "eager", "jobs": 0}
    result = inr.sweep(pictures, **options)
    assert [row.runs for row in (*result.rows, *result.earlier)] == [2] * (3 + 7)
    best = sorted(result.earlier, key=lambda row: -row.psnr)[:3]
    assert {row.label["activation"] for row in best} == {row.label["activation"] for row in result.rows}
    assert len(result.runs) == result.planned == 2 * (7 + 3)


@pytest.mark.long
def test_an_interrupted_sweep_shows_what_is_finished(pictures, tmp_path):
    def interrupt(event):
        if event.kind == "step" and event.done == 5:
            raise KeyboardInterrupt

    with pytest.warns(RuntimeWarning, match="5 of 8 fits"):
        result = inr.sweep(pictures, seeds=2, folder=tmp_path / "out", on_event=interrupt, **QUICK)
    assert sorted(row.runs for row in result.rows) == [2, 3]
    assert [row.note for row in result.rows] == ["3 of 4 runs", "2 of 4 runs"]
    for name in ("index.html", "table.tex", "table.md"):
        assert "Partial: the sweep was interrupted after 5 of 8 fits." in (tmp_path / "out" / name).read_text()
    assert (tmp_path / "out" / "sheet.png").stat().st_size > 1000
    whole = inr.sweep(pictures, seeds=2, folder=tmp_path / "out", resume=True, **QUICK)
    assert (whole.kept, whole.interrupted, [row.note for row in whole.rows]) == (5, False, ["", ""])
    assert "Partial" not in (tmp_path / "out" / "table.md").read_text()


def test_a_sweep_that_is_interrupted_at_once_writes_its_page(pictures, tmp_path):
    def interrupt(event):
        if event.kind == "step":
            raise KeyboardInterrupt

    with pytest.warns(RuntimeWarning, match="0 of 2 fits"):
        result = inr.sweep(pictures[0], folder=tmp_path / "out", on_event=interrupt, **QUICK)
    assert result.rows == ()
    assert "Partial" in (tmp_path / "out" / "index.html").read_text()
    assert (tmp_path / "out" / "table.md").exists()


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr("inr.sweeping.SweepResult.draw", lambda self: None)


def row(psnr, label="a", **changes):
    made = Row(
        f"{label}-{psnr}", {"activation": label}, {"encoding": "identity"}, "done", "", psnr, math.nan, 0.5, math.nan,
        2.0, 10, 640, 100, "eager", 1, 1, "inr fit",
    )  # fmt: skip
    return replace(made, **changes)


def test_means_of_what_is_done():
    first = [row(20.0), row(26.0, seconds=4.0), row(3.0, status="diverged", note="diverged at step 7")]
    mean, exact, lone = mean_rows([*first, row(math.inf, "b"), row(30.0, "b"), row(40.0, "c")], 3)
    assert (mean.psnr, mean.seconds, mean.status, mean.runs) == (23.0, 3.0, "diverged", 3)
    assert mean.note == "1 of 3 runs: diverged at step 7"
    assert mean.deviation["psnr"] == pytest.approx(math.sqrt(18))
    assert math.isnan(mean.snr)
    assert "snr" not in mean.deviation
    assert (exact.psnr, exact.deviation.get("psnr"), exact.note) == (math.inf, None, "2 of 3 runs")
    assert (lone.psnr, lone.deviation, lone.note) == (40.0, {}, "1 of 3 runs")
    # what has more of its fits comes first, what is not done last
    assert ordered([mean, lone, exact]) == [exact, lone, mean]
    assert mean_rows(first, 1) == first


def test_mean_curves_go_as_far_as_the_shortest():
    one = np.array([[1, 0.1, 10.0], [2, 0.2, 14.0], [4, 0.4, 20.0]])
    other = np.array([[1, 0.3, 20.0], [3, 0.9, 24.0]])
    np.testing.assert_allclose(mean_curve([one, other]), [[1, 0.2, 15.0], [2, 0.4, 18.0]])
    assert mean_curve([one]) is one
    assert mean_curve([]).shape == (0, 3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seeds": 0}, "1 or more, got 0"),
        ({"seeds": 2, "seed": [1, 2]}, "give one of them"),
        ({"seed": [3, 3]}, "different numbers, got 3,3"),
        ({"seed": []}, "different numbers, got none"),
        ({"seed": -1}, "between 0 and 2"),
        ({"signal": []}, "nothing to fit"),
        ({"signal": [picture(1.0), Signal.from_array(np.zeros(99), kind="audio", sample_rate=99)]}, "image and audio"),
    ],
)
def test_what_has_no_mean_is_refused(given, words):
    options = {"signal": picture(2.0)} | QUICK | given
    with pytest.raises(InrError, match=words):
        inr.sweep(options.pop("signal"), **options)


def test_one_signal_given_twice_is_refused(tmp_path):
    for name in ("a.png", "b.png"):
        picture(2.0).save(tmp_path / name)
    with pytest.raises(InrError, match=r"a\.png and .*b\.png are one signal"):
        inr.sweep([tmp_path / "a.png", tmp_path / "b.png"], **QUICK)
