"""Listeners: a table for real, trackers by what they are told, and that their failures cost no fit."""

import csv
import importlib.util
import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import inr
from inr import Event, InrError
from inr.listeners import listener, listening

pytestmark = pytest.mark.quick
QUICK = {"network": "mlp:depth=1,width=6", "encoding": "identity", "steps": 12, "engine": "eager", "coding": "exact"}
PICTURE = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)


def event(step: int, kind: str = "step", psnr: float = 20.0) -> Event:
    return Event(kind, step, 25, 0.5, psnr, 0.1 * step, 1e-3, "eager", 8 * step)


def test_a_table_has_a_line_for_every_step(tmp_path):
    table, seen = inr.listeners.csv(tmp_path / "curve.csv"), []
    inr.fit(PICTURE, on_event=lambda each: (table(each), seen.append(each)), **QUICK)
    table.close()
    with (tmp_path / "curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [each for each in seen if each.kind == "step"]
    assert [int(row["step"]) for row in rows] == [each.step for each in steps] == list(range(1, 13))
    assert [float(row["loss"]) for row in rows] == [each.loss for each in steps]
    assert [float(row["lr"]) for row in rows] == [each.learning_rate for each in steps]


def test_a_table_is_gone_on_with_or_overwritten_only_where_that_is_asked(tmp_path):
    path = tmp_path / "curve.csv"
    for options in ({}, {"append": True}):
        table = listener(f"csv:{path}", **options)
        table(event(3))
        table.close()
    assert path.read_text().splitlines() == [
        "step,seconds,loss,psnr,lr,points",
        *["3,0.30000000000000004,0.5,20.0,0.001,24"] * 2,
    ]
    with pytest.raises(InrError, match="exists"):
        inr.listeners.csv(path)
    inr.listeners.csv(path, force=True)


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
@pytest.mark.filterwarnings("ignore")
def test_tensorboard_gets_its_curves(tmp_path):
    board = inr.listeners.tensorboard(tmp_path / "run", every=5)
    for step in range(1, 13):
        board(event(step, psnr=float(step)))
    board(event(12, "end", psnr=math.nan))
    board.close()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(tmp_path / "run"))
    found.Reload()
    assert set(found.Tags()["scalars"]) == {"loss", "psnr", "lr", "seconds"}
    assert [(each.step, each.value) for each in found.Scalars("psnr")] == [(5, 5.0), (10, 10.0)]
    assert [each.step for each in found.Scalars("loss")] == [5, 10, 12]


def test_trackers_are_told_steps_that_are_due_and_the_end(monkeypatch):
    told = []
    run = SimpleNamespace(
        log=lambda values, step: told.append(("wandb", step, values["psnr"])), finish=lambda: told.append("finished")
    )
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=lambda project: told.append(project) or run))
    experiments = SimpleNamespace(
        set_experiment=told.append, start_run=lambda: told.append("started"), end_run=lambda: told.append("ended"),
        log_metrics=lambda values, step: told.append(("mlflow", step, values["psnr"])),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "mlflow", experiments)
    for spec in ("wandb:fields", "mlflow:pictures"):
        each = listener(spec)
        for step in (0, 9, 10, 21):
            each(event(step, "start" if step == 0 else "step"))
        each(event(25, "end", psnr=31.0))
        each.close()
    assert told[:4] == ["fields", ("wandb", 10, 20.0), ("wandb", 25, 31.0), "finished"]
    assert told[4:] == ["pictures", "started", ("mlflow", 10, 20.0), ("mlflow", 25, 31.0), "ended"]


@pytest.mark.parametrize("spec", ["tensorboard:x", "wandb:x", "mlflow:x"])
def test_a_library_that_is_missing_is_named_with_the_command(spec, monkeypatch):
    name = spec.partition(":")[0]
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InrError, match=f"pip install {name}$"):
        listener(spec)


@pytest.mark.parametrize("spec", ["csv", "csv:", "paper:x"])
def test_what_is_no_listener_is_refused(spec):
    with pytest.raises(InrError, match="a log is one of csv:WHERE"):
        listener(spec)


def test_one_that_fails_is_left_out_and_the_others_go_on():
    told, failures = [], []

    class Failing:
        def __call__(self, event):
            raise OSError("no space left")

        def close(self):
            told.append("closed a failed one")

    class Counting:
        def __call__(self, event):
            told.append(event.step)

        def close(self):
            told.append("closed")

    with listening([Failing(), Counting()], failures.append) as tell:
        tell(event(1))
        tell(event(2))
    assert told == [1, 2, "closed"]
    assert failures == ["Failing failed, the fit goes on without: no space left"]
