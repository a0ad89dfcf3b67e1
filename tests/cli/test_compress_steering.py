"""inr compress that is stopped, limited and gone on with, and the figures that it gives."""

import signal
import subprocess
import time

import numpy as np
import pytest
import soundfile

import inr
from tests.cli.clirun import contents, one_line

FEW = ("--steps", 20, "--engine", "cpu:threads=1")


@pytest.mark.long
def test_an_interrupt_keeps_the_best_file_and_says_how_to_go_on(inr_process, photo):
    asked = (
        "compress",
        "photo.png",
        "--codec",
        "mlp",
        "--bytes",
        "300",
        "--steps",
        "3000",
        "--engine",
        "cpu:threads=1",
    )
    asked += ("--checkpoint-every", "0")
    process = inr_process(*asked, stdin=subprocess.DEVNULL)
    checkpoint = photo.with_name("photo.inr.checkpoint")
    while process.poll() is None and not checkpoint.exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert err.splitlines()[-1].endswith(f"go on with: inr {' '.join(asked)} --resume")
    assert err.splitlines()[-1].startswith("inr: interrupted: the file is of the weights as they were; ")
    assert "PSNR" in out
    assert set(contents(photo.parent)) == {"photo.png", "photo.inr", "photo.inr.checkpoint"}
    assert len(photo.with_name("photo.inr").read_bytes()) <= 300
    assert inr.load(photo.with_name("photo.inr")).domain.shape == (24, 32)


@pytest.mark.parametrize("command", ["compress", "recompress"])
@pytest.mark.long
def test_unfinished_work_is_gone_on_with_or_begun_anew(inr_cli, photo, command):
    given = ("photo.png", "--codec", "mlp", "--bytes", 300)
    if command == "recompress":
        inr_cli("fit", "photo.png", "--steps", 5, "--exact", "--no-comparison", "-q", "-o", "fitted.inr")
        given = ("fitted.inr", "--bytes", 60_000, "--signal", "photo.png")
    asked = (command, *given, *FEW, "-o", "small.inr", "-q")
    checkpoint = photo.with_name("small.inr.checkpoint")
    assert inr_cli(*asked).status == 0
    expected = photo.with_name("small.inr").read_bytes()
    assert not checkpoint.exists()
    checkpoint.write_bytes(b"of another")
    run = inr_cli(*asked)
    assert run.status == 2
    assert "holds unfinished work; go on with --resume" in one_line(run.err)
    assert inr_cli(*asked, "--resume").status == 2
    assert inr_cli(*asked, "--force").status == 0
    assert photo.with_name("small.inr").read_bytes() == expected
    assert not checkpoint.exists()


@pytest.mark.long
def test_sounds_say_their_snr_first_and_all_say_errors_in_own_units(inr_cli, tmp_path):
    samples = (2500 * np.sin(np.arange(3000) / 7) + 40).astype(np.int16)
    soundfile.write(tmp_path / "tone.wav", samples, 8000)
    asked = ("compress", "tone.wav", "--bytes", 300, *FEW)
    run = inr_cli(*asked)
    words = [line.split()[0] for line in run.out.splitlines() if line[0] != " "]
    assert words.index("SNR") < words.index("PSNR") < words.index("error")
    assert "(over the range from -2539 to 2539)" in " ".join(run.out.split())
    result = inr_cli(*asked, "--force", "--json").json
    error = samples - inr.decompress((tmp_path / "tone.inr").read_bytes())[:, 0].astype(float)
    assert result["snr"] == pytest.approx(
        10 * np.log10(np.square(samples.astype(float)).sum() / np.square(error).sum())
    )
    assert result["rmse"] == pytest.approx(np.sqrt(np.square(error).mean()))
    assert result["max_error"] == np.abs(error).max()
    assert result["value_range"] == [-2539, 2539]
    assert result["psnr"] == pytest.approx(20 * np.log10(5078 / result["rmse"]))


@pytest.mark.long
def test_a_largest_error_is_kept_or_missed(inr_cli, tmp_path):
    heights = (700 + 90 * np.sin(np.arange(16) / 4) * np.ones((12, 1))).astype(np.float32)
    np.save(tmp_path / "heights.npy", heights)
    asked = (
        "compress",
        "heights.npy",
        "--codec",
        "mlp",
        "--steps",
        60,
        "--engine",
        "cpu:threads=1",
        "--json",
        "--force",
    )
    result = inr_cli(*asked, "--max-error", 60).json
    error = np.abs(inr.decompress((tmp_path / "heights.inr").read_bytes()).squeeze() - heights).max()
    assert result["max_error"] == pytest.approx(error)
    assert error <= 60
    assert result["missed"] is None
    run = inr_cli(*asked, "--max-error", 1e-4)
    assert run.status == 3
    assert "0.0001 was asked for" in run.err
    assert inr_cli(*asked, "--max-error", -1).status == 2


def test_recompress_says_what_it_is_compared_with(inr_cli, field_file, photo):
    asked = ("recompress", "photo.inr", "--steps", 0, "--bytes", 40_000, "--json", "--force", "-o", "small.inr")
    alone = inr_cli(*asked).json
    assert alone["compared_with"] == "the field itself, as it renders; --signal compares with the source"
    with_source = inr_cli(*asked, "--signal", "photo.png").json
    assert with_source["compared_with"] == "photo.png"
    assert with_source["rmse"] > alone["rmse"]


def test_seconds_are_taken_as_a_limit(inr_cli, photo):
    run = inr_cli("compress", "photo.png", "--codec", "mlp", "--bytes", 300, "--seconds", 0.2, "-q")
    assert (run.status, run.err) == (0, "")
    assert "positive number" in one_line(inr_cli("compress", "photo.png", "--seconds", 0, "--force").err)
