"""`inr learn`, and fits from what it learned."""

import json

import numpy as np
import pytest

import inr

TINY = ("--network", "mlp:depth=1,width=8", "--steps", 4, "--engine", "eager")


@pytest.fixture
def folder(tmp_path):
    """Five small pictures."""
    (tmp_path / "pictures").mkdir()
    draw = np.random.default_rng(0)
    for place in range(5):
        pixels = draw.integers(0, 256, (6, 7), np.uint8)
        inr.from_array(pixels).save(tmp_path / "pictures" / f"{place}.png")
    return tmp_path / "pictures"


def test_a_base_is_learned_told_and_begun_from(inr_cli, folder, tmp_path):
    run = inr_cli("learn", folder, "-o", "base.inr", *TINY)
    assert run.status == 0, run.err
    assert "4 signals, image with 1 channel, 7 x 6" in run.out
    assert "of 1 signals held out" in run.out
    assert not (tmp_path / "base.inr.checkpoint").exists()
    told = json.loads(inr_cli("info", "base.inr", "--json").out)
    assert told["base"] == inr.priors.load_base(tmp_path / "base.inr").name
    assert "trunk:" in inr_cli("info", "base.inr").out
    picture = folder / "0.png"
    run = inr_cli("fit", picture, "--base", "base.inr", "--steps", 3, "--exact", "--no-comparison", "--engine", "eager")
    assert run.status == 0, run.err
    assert inr.load(tmp_path / "0.inr").config()["network"]["width"] == 8


def test_codes_are_rendered_beside_their_base(inr_cli, folder, tmp_path):
    assert inr_cli("learn", folder, "-o", "base.inr", "--method", "modulated:latents=2", *TINY).status == 0
    inr.priors.load_base(tmp_path / "base.inr").adapt(folder / "0.png").save(tmp_path / "code.inr")
    assert inr_cli("render", "code.inr", "--engine", "eager", "-o", "code.png").status == 0
    assert inr_cli("info", "code.inr").status == 0
    (tmp_path / "base.inr").unlink()
    assert "which is neither beside it" in inr_cli("render", "code.inr", "-o", "more.png").err


def test_files_that_are_left_out_are_named(inr_cli, folder):
    (folder / "notes.txt").write_text("no picture")
    run = inr_cli("learn", folder, *TINY, "--json")
    assert run.status == 4
    assert "left out: " in run.err
    assert "notes.txt" in run.err
    assert json.loads(run.out)["signals"] == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing"], "missing is no folder"),
        (["pictures", "--method", "memory"], "unknown method 'memory'"),
        (["pictures", "--held-out", "0.9"], "at least 2 signals, and there are 5, besides 4 held out"),
        (["pictures", "--size", "axb"], "write positive sizes"),
        (["pictures", "-o", "base.png"], "call it base.inr"),
        (["pictures", "--resume"], "nothing to resume"),
        (["empty"], "no signals to learn from"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(inr_cli, folder, tmp_path, arguments, words):
    (tmp_path / "empty").mkdir()
    run = inr_cli("learn", *arguments, "--steps", 2)
    assert run.status == 2
    assert words in run.err
    assert run.err.count("\n") == 1


def test_nothing_is_overwritten_unasked(inr_cli, folder, tmp_path):
    (tmp_path / "base.inr").write_bytes(b"mine")
    run = inr_cli("learn", folder, *TINY)
    assert run.status == 2
    assert "base.inr exists" in run.err
    assert (tmp_path / "base.inr").read_bytes() == b"mine"
    assert inr_cli("learn", folder, *TINY, "--force").status == 0
