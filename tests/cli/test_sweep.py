"""inr sweep: what it prints and writes, what it refuses, and how it is interrupted and goes on."""

import csv
import json
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.clirun import contents, one_line

SMALL = ("--steps", "12", "--batch", "128", "--network", "mlp:depth=1,width=16", "--engine", "eager", "--jobs", "0")
LISTS = ("--encoding", "identity,fourier:sigma=1|3,frequencies=8", "--activation", "sine:omega=10")
FILES = {"curves.png", "fits", "index.html", "results.csv", "results.json", "sheet.png", "table.md", "table.tex"}


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out the pictures, which other tests look at."""
    monkeypatch.setattr("inr.sweeping.SweepResult.draw", lambda self: None)


def test_a_sweep_prints_a_table_and_writes_a_folder(inr_cli, photo):
    run = inr_cli("sweep", "photo.png", *LISTS, *SMALL)
    assert run.status == 0
    folder = photo.with_name("photo.sweep")
    assert {path.name for path in folder.iterdir()} == FILES
    table = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
    assert len(table) == 3
    lines = run.out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("inr fit")) <= 80
    assert [line.split()[0] for line in lines[1:4]] == ["1", "2", "3"]
    for line, row in zip(lines[1:4], table, strict=True):
        assert row["title"] in line
        assert f"{float(row['psnr']):.2f}" in line
        assert f"{int(row['parameters']):,}" in line
    assert table[0]["command"] in lines
    assert "photo.sweep/index.html" in lines[-1]
    assert [line.partition(":")[0] for line in run.err.splitlines()] == ["inr"] * 3
    assert "3 of 3: " in run.err


@pytest.mark.usefixtures("undrawn")
def test_options_may_be_repeated_and_json_agrees_with_the_file(inr_cli, photo):
    lists = ("--encoding", "identity", "--encoding", "fourier:sigma=2,frequencies=8", "--activation", "sine")
    run = inr_cli("sweep", "photo.png", *lists, *SMALL, "--json", "--quiet", "-o", "out", "--lr", "2e-3", "--seed", "4")
    assert run.status == 0
    assert run.err == ""
    document = run.json
    assert document.pop("folder") == "out"
    assert document == json.loads(Path("out/results.json").read_text())
    assert {row["label"]["encoding"] for row in document["rows"]} == {"identity", "fourier:sigma=2,frequencies=8"}
    assert "--lr 0.002" in document["command"]
    assert "--seed 4" in document["command"]
    assert inr_cli("sweep", "photo.png", *lists, *SMALL, "--quiet", "-o", "quiet").out == ""


@pytest.mark.usefixtures("undrawn")
def test_what_a_search_ends_with_can_be_run(inr_cli, photo):
    run = inr_cli("sweep", "photo.png", "--auto", *LISTS, *SMALL, "--holdout", "0.3")
    assert run.status == 0
    command = next(line for line in run.out.splitlines() if line.startswith("inr fit "))
    fitted = inr_cli(*shlex.split(command)[1:], "--json", "--no-comparison").json
    document = json.loads(Path("photo.sweep/results.json").read_text())
    chosen = next(row for row in document["rows"] if row["command"] == command and row["holdout"] is None)
    assert fitted["metrics"]["psnr"] == chosen["psnr"]
    assert f"{chosen['psnr']:.2f} dB" in run.out
    assert "held out" in run.out


@pytest.mark.usefixtures("undrawn")
def test_setups_of_several_signals_and_seeds(inr_cli, photo):
    with Image.open(photo) as picture:
        picture.rotate(180).save(photo.with_name("other.png"))
    small = ("--steps", "4", "--batch", "64", "--engine", "eager", "--jobs", "0")
    setups = ("--setup", "siren + mlp:depth=1,width=9", "--setup", "identity + relu + mlp:depth=1,width=9")
    run = inr_cli("sweep", "photo.png", "other.png", *setups, *small, "--seed", "5,2")
    assert run.status == 0
    assert "8 of 8: identity + relu + mlp:depth=1,width=9 (other.png, seed 2): " in run.err
    document = json.loads(Path("photo.sweep/results.json").read_text())
    assert [row["runs"] for row in document["rows"]] == [4, 4]
    first = document["rows"][0]
    assert f"{first['psnr']:.2f} ±{first['deviation']['psnr']:.2f}" in run.out
    assert "over 2 signals and 2 seeds" in run.out
    assert "the best again, of photo.png with seed 5" in run.out
    lines = [line for line in run.out.splitlines() if not line.startswith("inr fit")]
    assert max(map(len, lines)) <= 80
    assert inr_cli("sweep", "photo.png", *setups, *small, "-o", "b", "--seeds", "3", "--json").json["seeds"] == [
        0,
        1,
        2,
    ]


def test_fits_that_all_diverge(inr_cli, photo):
    run = inr_cli("sweep", "photo.png", "--encoding", "identity", "--activation", "relu", *SMALL, "--lr", "1e12")
    assert run.status == 1
    assert "diverged at step" in run.out
    assert "inr fit" not in run.out
    assert "diverged at step" in Path("photo.sweep/index.html").read_text()


@pytest.mark.usefixtures("undrawn")
def test_resuming(inr_cli, photo):
    assert inr_cli("sweep", "photo.png", *LISTS, *SMALL, "-q").status == 0
    again = inr_cli("sweep", "photo.png", *LISTS, *SMALL)
    assert again.status == 2
    assert "--resume" in one_line(again.err)
    more = ("--encoding", "identity,fourier:sigma=1|3|9,frequencies=8", "--activation", "sine:omega=10")
    run = inr_cli("sweep", "photo.png", *more, *SMALL, "--resume")
    assert run.status == 0
    assert run.err.splitlines()[0] == "inr: 3 fits are done already"
    assert len(run.err.splitlines()) == 2
    assert len(json.loads(Path("photo.sweep/results.json").read_text())["rows"]) == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--encoding", "hash,nonsense"), ("nonsense: unknown encoding", "--skip-refused")),
        (("--encoding", "hash,levels=99"), ("hash:levels=99", "levels must be 1 to 32")),
        (("--activation", "gabor:omega=50"), ("gabor:omega=50", "scale=50")),
        (("--encoding", "levels=3"), ("levels=3", "is no part")),
        (("--encoding", "hash:levels=("), ("unbalanced",)),
        (("--encoding", "hash", "--seconds", "1", "--steps", "2"), ("--steps",)),
        (("--encoding", "hash", "--holdout", "2"), ("between 0 and 1",)),
        (("--encoding", "hash", "--jobs", "-1"), ("--jobs",)),
        (("--encoding", "hash", "--batch", "0"), ("batch", "at least 1")),
        (("--encoding", "hash", "--parameters", "0"), ("--parameters",)),
        (("--encoding", "hash", "-o", "no/where"), ("does not exist",)),
        (("--encoding", "hash", "-o", "photo.png"), ("is a file",)),
        ((), ("nothing to compare", "--auto")),
        (("--setup", "siren", "--encoding", "hash"), ("beside which there is no list of encodings", "siren + hash")),
        (("--setup", "siren,wire"), ("its own --setup",)),
        (("--setup", "identity + bacon"), ("preset=bacon or network=bacon",)),
        (("--setup", "siren", "--seed", "1,two"), ("--seed 1,two", "0,1,2")),
        (("--setup", "siren", "--seed", "1,2", "--seeds", "3"), ("give one of them",)),
        (("photo.png", "--setup", "siren"), ("photo.png and photo.png are one signal",)),
    ],
)
def test_bad_input_is_refused_in_one_line(inr_cli, photo, options, words):
    before = contents(photo.parent)
    run = inr_cli("sweep", "photo.png", *options)
    assert run.status == 2
    line = one_line(run.err)
    for word in words:
        assert word in line
    assert run.out == ""
    assert contents(photo.parent) == before


@pytest.mark.long
def test_an_interrupt_keeps_finished_fits_and_says_how_to_go_on(inr_process, inr_cli, photo):
    # the first network is fitted in a moment, the second would take an hour
    networks = "mlp:depth=1,width=8", "mlp:depth=9,width=900"
    rest = ("--activation", "sine", "--steps", "2000", "--batch", "768", "--engine", "eager", "--jobs", "1")
    command = ("sweep", "photo.png", "--network", ",".join(networks), *rest)
    process = inr_process(*command, stdin=subprocess.DEVNULL)
    _wait_for(process, lambda: list(photo.parent.glob("photo.sweep/fits/*.json")))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith("inr: interrupted; 1 of 2 fits are done and kept")
    assert last.endswith(f"go on with: {shlex.join(['inr', *command, '--resume'])}")
    assert out.splitlines()[1].split()[0] == "1"
    document = json.loads((photo.parent / "photo.sweep" / "results.json").read_text())
    assert document["interrupted"]
    for name in ("index.html", "table.tex", "table.md"):
        assert "Partial" in (photo.parent / "photo.sweep" / name).read_text()
    assert [row["label"]["network"] for row in document["rows"]] == [networks[0]]
    run = inr_cli("sweep", "photo.png", "--network", networks[0], *rest, "--resume")
    assert run.status == 0
    assert run.err == "inr: 1 fit is done already\n"


def _wait_for(process, happened):
    """Until something is there."""
    while process.poll() is None:
        if happened():
            return
        time.sleep(0.02)
    pytest.fail(f"the sweep ended by itself: {process.communicate()}")
