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
    assert "4 signals, pictures of 1 channel, 7 x 6" in run.out
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


@pytest.mark.long
def test_a_folder_is_compressed_by_a_base_to_a_field_each(inr_cli, folder, tmp_path):
    assert inr_cli("learn", folder, "-o", "base.inr", *TINY).status == 0
    (folder / "2.png").write_bytes(b"no picture")
    run = inr_cli(
        "compress", folder, "--base", "base.inr", "-o", "small", "--codec", "differences", "--bytes", 300, "--steps", 4,
        "--engine", "eager", "--json",
    )  # fmt: skip
    assert run.status == 4, run.err
    assert "left out: " in run.err
    assert "2.png" in run.err
    told = json.loads(run.out)
    assert told["signals"] == 4
    assert told["missed"] == []
    files = sorted(each.name for each in (tmp_path / "small").iterdir())
    assert files == ["0.inr", "1.inr", "3.inr", "4.inr"]
    beside = (tmp_path / "base.inr").stat().st_size
    total = sum(each.stat().st_size for each in (tmp_path / "small").iterdir())
    assert told["bytes_a_signal_with_base"] == (total + beside) / 4
    run = inr_cli("decompress", "small/0.inr", "-o", "0.png", "--engine", "eager")
    assert run.status == 2
    assert "give it (--base)" in run.err
    assert run.err.count("\n") == 1
    assert inr_cli("decompress", "small/0.inr", "--base", "base.inr", "-o", "0.png", "--engine", "eager").status == 0
    (tmp_path / "base.inr").rename(tmp_path / "small" / "other.inr")
    told = json.loads(inr_cli("info", "small/0.inr", "--json").out)
    assert told["signals"] == 4
    assert told["base_bytes"] == beside
    assert "4 need this base" in inr_cli("info", "small/0.inr").out


@pytest.mark.long
def test_codes_take_a_target_in_bytes(inr_cli, folder, tmp_path):
    assert inr_cli("learn", folder, "-o", "base.inr", "--method", "modulated:latents=2", *TINY).status == 0
    arguments = ("compress", folder, "--base", "base.inr", "-o", "codes.inr")
    assert "give one of psnr, bytes and bpp" in inr_cli(*arguments, "--psnr", 5, "--bytes", 300).err
    assert "leave out --steps" in inr_cli(*arguments, "--steps", 5).err
    assert "codes miss what is asked by" in inr_cli(*arguments, "--psnr", 60).err
    assert inr_cli(*arguments, "--bytes", 300).status == 0
    assert (tmp_path / "codes.inr").stat().st_size <= 300
    assert inr_cli("decompress", "codes.inr", "-o", "codes.npz").status == 0
    assert sorted(np.load(tmp_path / "codes.npz").files) == [f"{place}.png" for place in range(5)]
