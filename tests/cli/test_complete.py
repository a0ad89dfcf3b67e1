"""`inr complete`, and signals that are told from a base."""

import json

import numpy as np
import pytest

import inr
from inr.signals import write

LEARNED = ("--method", "gaussian:components=4,tuned=false", "--network", "mlp:depth=1,width=4", "--steps", 2,
           "--held-out", 0, "--engine", "eager")  # fmt: skip


@pytest.fixture
def faces(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    draw = np.random.default_rng(0)
    y, x = np.mgrid[:8, :8]
    for place in range(6):
        a, b = draw.uniform(5, 12, 2)
        picture = inr.from_array((a * x + b * y + 40).astype(np.uint8))
        write(folder / f"{place}.png", picture.array, picture.domain)
    mask = inr.from_array(np.where(x > 4, 255, 0).astype(np.uint8))
    write(tmp_path / "mask.png", mask.array, mask.domain)
    return folder


def test_a_picture_is_completed(inr_cli, faces, tmp_path):
    assert inr_cli("learn", faces, "-o", "faces.inr", *LEARNED).status == 0
    run = inr_cli("complete", faces / "1.png", "--mask", "mask.png", "--base", "faces.inr", "--truth",
                  faces / "1.png", "-o", "out.png", "--json")  # fmt: skip
    assert run.status == 0, run.err
    told = json.loads(run.out)
    assert told["files"] == ["out.png", "out.std.png", "out.sheet.png"]
    assert told["unseen"] == 24
    assert told["psnr"] > 25
    seen = inr.open(faces / "1.png").array[:, :5]
    assert np.array_equal(inr.open(tmp_path / "out.png").array[:, :5], seen)
    again = inr_cli("complete", faces / "1.png", "--mask", "mask.png", "--base", "faces.inr", "-o", "out.png")
    assert again.status == 2
    assert "--force" in again.err


def test_all_numbers_go_to_one_file(inr_cli, faces, tmp_path):
    run = inr_cli("complete", faces / "1.png", "--keep", 0.5, "-o", "out.npz", "--samples", 2)
    assert run.status == 0, run.err
    with np.load(tmp_path / "out.npz") as found:
        assert found["samples"].shape == (2, 8, 8, 1)
        assert found["unseen"].sum() == 32
        assert (found["deviation"][found["unseen"]] > 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--mask", "mask.png", "--keep", 0.5), "both say what is unseen"),
        (("--keep", 1.5), "between 0 and 1"),
        (("--mask", "none.png"), "none.png"),
        (("--keep", 0.5, "--base", "none.inr"), "none.inr"),
        ((), "no sample is unseen"),
        (("--keep", 0.5, "-o", "faces/1.png", "--force"), "faces/1.png is the input itself"),
        (("--mask", "mask.png", "-o", "mask.png", "--force"), "mask.png is the input itself"),
    ],
)
def test_what_cannot_be_completed_is_said_in_a_line(inr_cli, faces, tmp_path, arguments, message):
    before = (tmp_path / "mask.png").read_bytes(), (faces / "1.png").read_bytes()
    run = inr_cli("complete", "faces/1.png", *arguments)
    assert run.status == 2
    assert message in run.err
    assert ((tmp_path / "mask.png").read_bytes(), (faces / "1.png").read_bytes()) == before


@pytest.mark.long
def test_a_folder_is_compressed_by_a_base(inr_cli, faces, tmp_path):
    assert inr_cli("learn", faces, "-o", "faces.inr", *LEARNED).status == 0
    run = inr_cli("compress", faces, "--base", "faces.inr", "-o", "six.inr", "--psnr", 30, "--json")
    assert run.status == 0, run.err
    told = json.loads(run.out)
    assert told["signals"] == 6
    assert told["bytes"] == (tmp_path / "six.inr").stat().st_size
    about = json.loads(inr_cli("info", "six.inr", "--json").out)
    assert about["base_bytes"] == (tmp_path / "faces.inr").stat().st_size
    assert about["bytes_a_signal_with_base"] == (told["bytes"] + about["base_bytes"]) / 6
    assert inr_cli("decompress", "six.inr", "-o", "back").status == 0
    for place in range(6):
        name = f"{place}.png"
        assert inr.signals.psnr(inr.open(faces / name).array, inr.open(tmp_path / "back" / name).array, 255) > 29.5
    (tmp_path / "faces.inr").rename(tmp_path / "elsewhere.txt")
    run = inr_cli("decompress", "six.inr", "-o", "again.npz")
    assert run.status == 2
    assert "needs the base faces.inr" in run.err
    assert inr_cli("decompress", "six.inr", "-o", "again.npz", "--base", "elsewhere.txt").status == 0
    run = inr_cli("compress", faces, "--base", "elsewhere.txt", "-o", "more.inr", "--bpp", 1)
    assert run.status == 2
    assert "bytes are too few for these signals" in run.err


def test_a_series_is_completed_by_its_period(inr_cli, tmp_path):
    places = np.arange(200.0)
    series = (np.sin(2 * np.pi * places / 25) + 0.3 * np.cos(6 * np.pi * places / 25)).astype(np.float32)
    true = series.copy()
    series[60:100] = np.nan
    np.savez(tmp_path / "series.npz", series)
    run = inr_cli("complete", "series.npz", "--period", "auto", "--json")
    assert run.status == 0, run.err
    found = json.loads(run.out)
    assert found["method"] == "harmonics"
    assert found["periodic"]["estimated"]
    assert abs(found["periodic"]["period"] - 25) < 0.01
    assert np.abs(np.load(tmp_path / found["files"][0]).ravel() - true).max() < 0.01
    run = inr_cli("complete", "series.npz", "--period", "25", "--force")
    assert run.status == 0, run.err
    assert "25 samples (given)" in run.out
    run = inr_cli("complete", "series.npz", "--period", "a day", "--force")
    assert run.status == 2
    assert "--period is a number, or auto" in run.err
