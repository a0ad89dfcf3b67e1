"""Sweeps: what is fitted, that it costs the same, what is kept, and what is refused before anything begins."""

import csv
import importlib
import itertools
import json
import math
import os
import signal as posix_signal
import subprocess
import sys
import warnings

import numpy as np
import pytest

import inr
from inr import InrError, Signal
from inr.sweeping import _run
from inr.sweeping._holdout import held_out
from inr.sweeping._rows import Row
from inr.sweeping._store import Store

NETWORK = "mlp:depth=1,width=16"
QUICK = {"networks": NETWORK, "steps": 12, "batch": 64, "engine": "eager", "jobs": 0}
GRID = "hash:levels=3,log2_size=8,finest=16"


@pytest.fixture(scope="module")
def signal():
    y, x = np.mgrid[0:24, 0:20] / 24
    return Signal.from_array((255 * np.stack([x, y, x * y], axis=-1)).astype(np.uint8), kind="image")


@pytest.fixture
def fits(monkeypatch):
    """How many fits were begun, as a list that grows."""
    begun = []
    original = _run.Fitter.run

    def run(self):
        begun.append(self)
        return original(self)

    monkeypatch.setattr(_run.Fitter, "run", run)
    return begun


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out the pictures, which other tests look at."""
    monkeypatch.setattr("inr.sweeping.SweepResult.draw", lambda self: None)


@pytest.fixture
def page_alone(monkeypatch):
    """Draw the page without the pictures beside it."""
    for name in ("sweep_curves", "sweep_sheet"):
        monkeypatch.setattr(f"inr.sweeping._result.{name}", lambda *args, **options: None)


@pytest.mark.usefixtures("undrawn")
def test_every_combination_is_fitted_once_and_as_long(signal, fits):
    result = inr.sweep(signal, encodings=f"{GRID},identity,identity", activations=["relu", "sine"], **QUICK)
    found = {(row.label["encoding"], row.label["activation"]) for row in result.rows}
    assert found == set(itertools.product([GRID, "identity"], ["relu", "sine"]))
    assert len(result.rows) == len(fits) == 4
    assert {row.steps for row in result.rows} == {12}
    assert {row.points for row in result.rows} == {12 * 64}
    assert {fitter.setup.batch for fitter in fits} == {64}
    assert [row.psnr for row in result.rows] == sorted((row.psnr for row in result.rows), reverse=True)
    assert result.best == result.chosen == result.rows[0]
    assert all(row.status == "done" and row.note == "" for row in result.rows)
    assert sorted(result.titles.values()) == sorted(f"{e} + {a}" for e, a in found)


@pytest.mark.usefixtures("undrawn")
def test_fits_are_those_of_inr_fit(signal):
    result = inr.sweep(signal, encodings=f"{GRID},identity", activations="sine", seed=3, **QUICK)
    for row in result.rows:
        field = inr.fit(signal, steps=12, batch=64, seed=3, engine="eager", **row.parts)
        assert field.metrics["psnr"] == row.psnr == pytest.approx(result.field(row).metrics["psnr"], rel=1e-5)
        assert field.metrics["ssim"] == row.ssim


@pytest.mark.usefixtures("undrawn")
def test_parts_that_are_left_open_go_with_the_others(signal):
    result = inr.sweep(signal, activations="sine,relu", **(QUICK | {"networks": None, "steps": 1}))
    by = {row.label["activation"]: row.parts for row in result.rows}
    assert by["sine"]["encoding"] == "identity"
    assert by["relu"]["encoding"].startswith("hash")
    assert "network" not in result.rows[0].label


@pytest.mark.usefixtures("undrawn")
def test_equal_parameters(signal):
    options = QUICK | {"networks": None, "steps": 1}
    result = inr.sweep(signal, encodings="hash,fourier:frequencies=16", parameters=9_000, **options)
    assert {row.steps for row in result.rows} == {1}
    for row in result.rows:
        assert row.parameters == pytest.approx(9_000, rel=0.05)
        assert result.field(row).parameter_count == row.parameters
    forced = inr.sweep(signal, encodings="identity", parameters=9_000, **QUICK)
    assert "no nearer to 9,000" in forced.rows[0].note


@pytest.mark.usefixtures("undrawn")
def test_a_budget_in_seconds_gives_every_fit_the_same(signal, fits):
    options = QUICK | {"steps": None, "seconds": 0.2}
    result = inr.sweep(signal, activations="sine,relu", encodings="identity", **options)
    assert {fitter.budget.seconds for fitter in fits} == {0.2}
    assert all(row.steps >= 1 and row.seconds > 0 for row in result.rows)
    assert result.to_json()["budget"] == {"steps": None, "seconds": 0.2, "parameters": None}
    # what makes it again is told in steps, which are reproducible
    for row in result.rows:
        planned = int(row.command.split("--steps ")[1].split()[0])
        assert planned == row.steps or f"after {row.steps} of {planned}" in row.note


def test_files(signal, tmp_path):
    folder = tmp_path / "out"
    result = inr.sweep(signal, encodings=f"{GRID},identity", activations="relu,sine", folder=folder, **QUICK)
    written = {"curves.png", "fits", "index.html", "results.csv", "results.json", "sheet.png", "table.md", "table.tex"}
    assert {path.name for path in folder.iterdir()} == written
    assert len(list((folder / "fits").iterdir())) == 3 * 4
    document = json.loads((folder / "results.json").read_text(), parse_constant=pytest.fail)
    assert document == json.loads(json.dumps(result.to_json()))
    assert document["budget"] == {"steps": 12, "seconds": None, "parameters": None}
    assert document["best"] == result.best.name
    assert document["shape"] == [24, 20]
    assert not document["interrupted"]
    assert [Row.from_json(row).to_json() for row in document["rows"]] == [row.to_json() for row in result.rows]
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert list(table[0])[:6] == ["rung", "title", "encoding", "activation", "network", "teacher"]
    for line, row in zip(table, result.rows, strict=True):
        assert float(line["psnr"]) == row.psnr
        assert float(line["ssim"]) == row.ssim
        assert int(line["parameters"]) == row.parameters
        assert line["holdout"] == ""
        assert line["command"] == row.command
        assert {part: line[part] for part in row.parts} == row.parts


@pytest.mark.usefixtures("page_alone")
def test_a_temporary_folder_goes_with_the_result(signal):
    result = inr.sweep(signal, encodings="identity", **QUICK)
    folder = result.folder
    assert (folder / "index.html").exists()
    assert result.field(result.rows[0]).domain == signal.domain
    del result
    assert not folder.exists()


@pytest.mark.usefixtures("undrawn")
def test_resuming_fits_only_what_is_missing(signal, tmp_path, fits):
    options = QUICK | {"folder": tmp_path / "out"}
    first = inr.sweep(signal, encodings="identity", activations="relu,sine", **options)
    assert len(fits) == 2
    again = inr.sweep(signal, encodings="identity", activations="relu,sine", resume=True, **options)
    assert len(fits) == 2
    assert again.kept == 2
    assert [row.to_json() for row in again.rows] == [row.to_json() for row in first.rows]
    more = inr.sweep(signal, encodings=f"{GRID},identity", activations="sine,relu", resume=True, **options)
    assert len(fits) == 4
    assert len(more.rows) == 4
    inr.sweep(signal, encodings="identity", activations="sine", resume=True, **(options | {"seed": 1}))
    assert len(fits) == 5  # another fit
    other = Signal.from_array(signal.array.copy()[::-1].copy())
    inr.sweep(other, encodings="identity", activations="sine", resume=True, **options)
    assert len(fits) == 6  # of another signal


@pytest.mark.usefixtures("undrawn")
def test_a_damaged_row_is_fitted_again(signal, tmp_path, fits):
    options = QUICK | {"folder": tmp_path / "out"}
    row = inr.sweep(signal, encodings="identity", activations="sine", **options).rows[0]
    path = tmp_path / "out" / "fits" / f"{row.name}.json"
    path.write_text(path.read_text()[:40])
    again = inr.sweep(signal, encodings="identity", activations="sine", resume=True, **options)
    assert len(fits) == 2
    assert again.rows[0].psnr == row.psnr
    (tmp_path / "out" / "fits" / f"{row.name}.inr").unlink()
    inr.sweep(signal, encodings="identity", activations="sine", resume=True, **options)
    assert len(fits) == 3


@pytest.mark.usefixtures("undrawn")
def test_nothing_is_overwritten_unasked(signal, tmp_path, fits):
    folder = tmp_path / "out"
    options = QUICK | {"folder": folder, "encodings": "identity"}
    inr.sweep(signal, activations="sine", **options)
    (folder / "mine.txt").write_text("precious")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(InrError, match="--resume"):
        inr.sweep(signal, activations="sine,relu", **options)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    inr.sweep(signal, activations="relu", force=True, **options)
    assert len(fits) == 2
    assert len(list((folder / "fits").iterdir())) == 3  # those of the old sweep are gone
    assert (folder / "mine.txt").read_text() == "precious"
    (tmp_path / "file").write_text("")
    with pytest.raises(InrError, match="is a file"):
        inr.sweep(signal, activations="relu", **(options | {"folder": tmp_path / "file"}))
    with pytest.raises(InrError, match="create it first"):
        inr.sweep(signal, activations="relu", **(options | {"folder": tmp_path / "no" / "where"}))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"encodings": "hash,nonsense"}, "nonsense \\+ .*unknown encoding 'nonsense'.*2 of 4 .*skip-refused"),
        ({"encodings": "hash:levels=99"}, "hash:levels=99 .*levels must be 1 to 32"),
        ({"encodings": "identity", "activations": "sine,gabor:omega=50"}, "gabor:omega=50.*try scale=50"),
        ({"encodings": "identity", "learning_rate": {"encoding": 1.0}}, "identity .*no learning rate"),
        ({"encodings": "sape:num_blocks=20,resolution=4", "steps": 3}, "sape.*needs at least"),
        ({"encodings": "identity", "teachers": "expansive:ratio=9"}, "expansive:ratio=9"),
        ({"encodings": "identity", "holdout": 0.2, "teachers": "int"}, "even sampling only"),
        ({"encodings": "identity", "engine": "tcnn"}, "identity .*engine 'tcnn'"),
        ({"encodings": "identity", "steps": 0}, "0 steps"),
        ({"encodings": "identity", "seconds": 3.0}, "give one of them"),
        ({"encodings": "identity", "holdout": 1.5}, "between 0 and 1"),
        ({"encodings": "identity", "jobs": -1}, "--jobs"),
        ({}, "nothing to compare"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_fitted(signal, tmp_path, fits, wrong, words):
    options = {"activations": "sine,relu"} | QUICK | {"folder": tmp_path / "out"} | wrong
    if not wrong:
        options |= {"activations": None, "networks": None}
    with pytest.raises(InrError, match=words):
        inr.sweep(signal, **options)
    assert not fits
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("undrawn")
def test_what_is_refused_can_be_left_out(signal):
    result = inr.sweep(signal, encodings="identity", activations="sine,gabor:omega=50", skip_refused=True, **QUICK)
    assert [row.label["activation"] for row in result.rows] == ["sine"]
    assert len(result.refused) == 1
    assert result.refused[0].startswith(f"identity + gabor:omega=50 + {NETWORK}: ")
    assert result.to_json()["refused"] == list(result.refused)


@pytest.mark.usefixtures("page_alone")
def test_a_fit_that_diverges_is_a_row(signal, tmp_path):
    options = QUICK | {"folder": tmp_path / "out", "learning_rate": 1e12}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result = inr.sweep(signal, encodings="identity", activations="relu,sine", **options)
    by = {row.label["activation"]: row for row in result.rows}
    assert by["relu"].status == "diverged"
    assert by["relu"].note.startswith("diverged at step ")
    assert 1 < int(by["relu"].note.split()[-1]) <= 12
    assert by["sine"].status == "done"  # sines keep any weights' values finite
    assert result.rows[0] == by["sine"] == result.best
    assert "diverged at step" in (tmp_path / "out" / "index.html").read_text()


def test_fits_that_all_fail_leave_tables_and_pages(signal, tmp_path, monkeypatch):
    def hungry(self):
        raise MemoryError

    monkeypatch.setattr(_run.Fitter, "run", hungry)
    result = inr.sweep(signal, encodings="identity", activations="relu,sine", **QUICK, folder=tmp_path / "out")
    assert [(row.status, row.note) for row in result.rows] == [("failed", "out of memory")] * 2
    assert result.best is None
    assert result.chosen is None
    assert "No fit was finished" in (tmp_path / "out" / "index.html").read_text()
    monkeypatch.undo()
    monkeypatch.setattr("inr.sweeping.SweepResult.draw", lambda self: None)
    again = inr.sweep(
        signal, encodings="identity", activations="relu,sine", **QUICK, folder=tmp_path / "out", resume=True
    )
    assert {row.status for row in again.rows} == {"done"}  # a failure is not kept


@pytest.mark.usefixtures("undrawn")
def test_an_interrupt_keeps_what_is_finished(signal, tmp_path, fits):
    def interrupt(event):
        if event.kind == "step" and event.done == 2:
            raise KeyboardInterrupt

    options = QUICK | {"folder": tmp_path / "out", "encodings": f"{GRID},identity", "activations": "relu,sine"}
    with pytest.warns(RuntimeWarning, match="2 of 4 fits are done and kept"):
        result = inr.sweep(signal, on_event=interrupt, **options)
    assert result.interrupted
    assert len(result.rows) == 2
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    assert document["interrupted"]
    assert len(document["rows"]) == 2
    assert len(fits) == 3
    again = inr.sweep(signal, resume=True, **options)
    assert not again.interrupted
    assert len(fits) == 5
    assert len(again.rows) == 4


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("written", [True, False])
def test_a_fit_that_was_written_as_the_interrupt_came_counts(signal, tmp_path, monkeypatch, written):
    keep, calls = Store.keep, []

    def interrupted(self, row):
        calls.append(row)
        if written or len(calls) > 1:
            keep(self, row)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Store, "keep", interrupted)
    with pytest.warns(RuntimeWarning, match="1 of 2 fits are done and kept"):
        result = inr.sweep(signal, folder=tmp_path / "out", encodings="identity", activations="relu,sine", **QUICK)
    assert [row.label["activation"] for row in result.rows] == ["relu"]
    assert len([*(tmp_path / "out" / "fits").glob("*.json")]) == 1


@pytest.mark.usefixtures("undrawn")
def test_held_out_samples_are_not_learned_from_and_decide(signal, fits):
    result = inr.sweep(signal, encodings="identity", activations="relu,sine", holdout=0.25, **QUICK)
    assert {fitter.signal.size for fitter in fits} == {round(0.75 * signal.size)}
    for row in result.rows:
        field, (kept, out) = result.field(row), held_out(signal, 0.25, 0)
        values = field.render().reshape(-1, 3).clip(0, 255)
        truth = signal.array.reshape(-1, 3).astype(float)
        for subset, found in ((kept, row.psnr), (out, row.holdout)):
            error = np.square(values - truth)[subset._indices.numpy()].mean()
            assert 10 * math.log10(255**2 / error) == pytest.approx(found, abs=1e-3)
    assert [row.score for row in result.rows] == sorted((row.holdout for row in result.rows), reverse=True)


def test_a_signal_falls_into_what_is_learned_and_what_is_not(signal):
    kept, out = held_out(signal, 0.2, 7)
    indices = np.concatenate([kept._indices.numpy(), out._indices.numpy()])
    assert sorted(indices) == list(range(signal.size))
    assert out.size == round(0.2 * signal.size)
    coords, values = map(np.concatenate, zip(*((c, v) for c, v in kept.blocks(50)), strict=True))
    np.testing.assert_array_equal(coords, signal.coords(kept._indices))
    np.testing.assert_array_equal(values, signal.values(kept._indices))
    again = held_out(signal, 0.2, 7)[1]
    np.testing.assert_array_equal(again._indices, out._indices)
    with pytest.raises(InrError, match="leaves none"):
        held_out(signal, 1e-9, 0)


@pytest.fixture
def deadly(root, monkeypatch):
    """Teachers that end the process which fits by them."""
    monkeypatch.syspath_prepend(str(root / "tests" / "sweeping"))
    yield importlib.import_module("deadly")
    sys.modules.pop("deadly")
    for name in ("deadly", "crashing", "leaving"):
        inr.teaching.teachers._parts.pop(name)


@pytest.mark.usefixtures("deadly")
@pytest.mark.skipif(not hasattr(posix_signal, "SIGKILL"), reason="no such signal here")
@pytest.mark.long
def test_processes_fit_the_same_and_may_die(signal, tmp_path):
    teachers = "deadly,uniform,leaving,int,crashing"
    options = QUICK | {"jobs": 2, "folder": tmp_path / "out", "activations": "sine", "teachers": teachers}
    result = inr.sweep(signal, encodings="identity", **options)
    by = {row.label["teacher"]: row for row in result.rows}
    assert set(by) == set(teachers.split(","))
    for teacher, note in (("deadly", "killed"), ("crashing", "signal 11"), ("leaving", "status 3: no luck today")):
        assert by[teacher].status == "failed"
        assert note in by[teacher].note
    for teacher in ("uniform", "int"):
        field = inr.fit(signal, steps=12, batch=64, engine="eager", **by[teacher].parts)
        assert by[teacher].psnr == pytest.approx(field.metrics["psnr"], abs=1e-3)
        assert by[teacher].threads >= 1
    assert "side by side" in " ".join(result.facts())
    assert result.to_json()["side_by_side"] == 2


SCRIPT = """
import numpy as np
import inr

print("begun")
signal = inr.Signal.from_array(np.zeros((24, 20), np.uint8), kind="image")
rows = inr.sweep(signal, encodings="identity", activations="sine", steps=2, engine="eager", jobs=1).rows
print(rows[0].status, rows[0].note)
"""


@pytest.mark.long
def test_a_script_that_sweeps_needs_no_guard(root, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, tmp_path / "script.py"]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert run.stdout.split() == ["begun", "done"], run.stderr


def test_parts_of_the_running_script_are_known_to_no_other_process(signal, monkeypatch):
    monkeypatch.setattr(inr.activations.activations.info("relu").cls, "__module__", "__main__")
    with pytest.raises(InrError, match="jobs=0"):
        inr.sweep(signal, encodings="identity", activations="relu", **(QUICK | {"jobs": 1}))
