"""inr fit --solver closed-form: without steps, and before them."""

import json
from pathlib import Path

import numpy as np
import pytest

import inr
from tests.cli.clirun import contents, one_line

CLOSED = ("--solver", "closed-form")


def test_a_picture_becomes_a_field_without_steps(inr_cli, photo):
    run = inr_cli("fit", "photo.png", *CLOSED)
    assert run.status == 0
    assert set(contents(photo.parent)) == {"photo.png", "photo.inr", "photo.comparison.png"}
    for word in ("PSNR", "dB", "fitting", "in closed form", "parameters", "bits a sample", "measuring", "photo.inr"):
        assert word in run.out
    assert "steps" not in run.out
    assert max(map(len, run.out.splitlines())) <= 80
    field = inr.load(photo.with_suffix(".inr"))
    assert field.network.counts == (16, 12)
    assert field.metrics == pytest.approx(inr.fitting.solve(photo).metrics, rel=1e-5)
    assert inr_cli("render", "photo.inr", "-o", "again.png").status == 0
    assert inr.open("again.png").array.shape == (24, 32, 3)


def test_json_is_the_document_of_every_fit(inr_cli, photo):
    options = ("--no-comparison", "--json", "--force")
    closed = inr_cli("fit", "photo.png", *CLOSED, "--network", "kronecker:size=8,basis=triangle", *options).json
    assert (closed["solver"], closed["reason"], closed["steps"]) == ("closed-form", "solved", 0)
    assert set(closed["seconds"]) == {"fitting", "reading", "measuring", "writing"}
    assert closed["parameters"] == 8 * 8 * 3
    assert closed["bytes"] == Path("photo.inr").stat().st_size
    assert closed["parts"]["network"].startswith("kronecker:basis=triangle,size=8,spread=1.0")
    steps = inr_cli("fit", "photo.png", "--network", "kronecker", "--steps", "5", *options).json
    assert steps["solver"] == "adam"
    assert set(closed) == set(steps)


def test_steps_go_on_from_the_closed_form(inr_cli, photo):
    options = ("--no-comparison", "--json", "--force")
    closed = inr_cli("fit", "photo.png", *CLOSED, *options).json
    further = inr_cli("fit", "photo.png", *CLOSED, "--steps", "20", "--events", "log.jsonl", *options).json
    assert (further["solver"], further["reason"], further["steps"]) == ("closed-form", "steps", 20)
    assert "solving" in further["seconds"]
    assert further["metrics"]["psnr"] == pytest.approx(closed["metrics"]["psnr"], abs=0.2)
    assert further["parts"] == closed["parts"]
    events = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    assert events[1]["lr"] == 1e-3
    assert events[1]["psnr"] == pytest.approx(closed["metrics"]["psnr"], abs=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--teacher", "int"), "--teacher is about steps, and a closed form takes none; give --steps to go on from it"),
        (("--psnr", "30"), "--psnr is about steps"),
        (("--batch", "64"), "--batch is about steps"),
        (("--lr", "1e-3"), "--lr is about steps"),
        (("--schedule", "constant"), "--schedule is about steps"),
        (("--engine", "eager"), "--engine is about steps"),
        (("--teacher-map", "map.png"), "--teacher-map is about steps"),
        (("--events", "log.jsonl"), "--events is about steps"),
        (("--profile",), "--profile is about steps"),
        (("--resume",), "--resume is about steps"),
        (("--encoding", "hash"), "the closed form is that of network kronecker with encoding identity"),
        (("--activation", "relu", "--steps", "5"), "with activation linear; leave out --activation"),
        (("--network", "mlp"), "network 'mlp' has no closed form, kronecker has"),
        (("--network", "kronecker:hidden=8", "--steps", "5"), "a network with a hidden layer has no closed form"),
    ],
)
def test_refused_in_one_line(inr_cli, photo, options, message):
    before = contents(photo.parent)
    run = inr_cli("fit", "photo.png", *CLOSED, *options)
    assert run.status == 2
    assert message in one_line(run.err)
    assert contents(photo.parent) == before


def test_unknown_solvers_and_scattered_samples_are_refused(inr_cli, photo):
    assert (
        "unknown solver 'newton'; known: adam, soap, muon, closed-form"
        in inr_cli("fit", "photo.png", "--solver", "newton").err
    )
    places = np.random.default_rng(0).random((40, 2), np.float32)
    np.savez(photo.parent / "points.npz", coords=places, values=places[:, :1])
    run = inr_cli("fit", "points.npz", *CLOSED)
    assert run.status == 2
    assert "scattered samples have no closed form; fit them by steps" in one_line(run.err)
