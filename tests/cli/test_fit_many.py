"""inr fit-many: the files of inr fit, a table, and going on after whatever happened."""

import csv
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inr
from inr.serving.work import Worker
from tests.cli.clirun import one_line

OPTIONS = (
    "--steps", "12", "--network", "mlp:depth=1,width=16", "--activation", "sine", "--encoding", "identity",
    "--engine", "eager", "--exact",
)  # fmt: skip


class HereOnly:
    """In the place of workers that are processes: this one does all that waits."""

    did = 0
    interrupt = False

    def __init__(self, folder: Path, queue: object, count: int, **_: object) -> None:
        self._folder, self._count = folder, count

    def __enter__(self) -> "HereOnly":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def look(self) -> None:
        """Do what waits."""
        if HereOnly.interrupt:
            raise KeyboardInterrupt
        HereOnly.did += Worker(self._folder, memory=1 << 40, reserve=0).run(until_empty=True)


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr("inr.serving.work._fit_many.Workers", HereOnly)
    monkeypatch.setattr("inr.serving.work._worker.warm_up", lambda: None)
    monkeypatch.setattr("inr.serving.work._worker.torch.set_num_threads", lambda count: None)
    monkeypatch.setattr(HereOnly, "did", 0)
    monkeypatch.setattr(HereOnly, "interrupt", False)
    return HereOnly


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "cats" / ".hidden").mkdir(parents=True)
    draw = np.random.default_rng(0)
    for name in ("a.png", "b.png", "cats/a.png", "cats/.hidden/c.png", ".d.png"):
        Image.fromarray(draw.integers(0, 255, (12, 16, 3), dtype=np.uint8)).save(folder / name)
    return folder


def table(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "results.tsv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file, dialect="excel-tab")}


def test_every_file_is_what_inr_fit_makes_of_it(inr_cli, here, photos):
    assert inr_cli("fit-many", "photos", *OPTIONS).status == 0
    rows = table(Path("photos.fitted"))
    assert list(rows) == ["a.png", "b.png", "cats/a.png"]
    for name, row in rows.items():
        assert inr_cli("fit", photos / name, *OPTIONS, "-o", "own.inr", "--no-comparison", "--force").status == 0
        made = Path("photos.fitted", f"{name}.inr").read_bytes()
        assert made == Path("own.inr").read_bytes()
        assert (row["state"], row["shape"], row["bytes"], row["problem"]) == ("done", "12x16", str(len(made)), "")
        assert float(row["psnr"]) > 5
        assert 0 < float(row["max_error"]) <= 255


def test_bad_files_are_rows_that_say_why(inr_cli, here, photos):
    (photos / "notes.txt").write_text("hello")
    run = inr_cli("fit-many", "photos", *OPTIONS, "--json")
    assert run.status == 1
    assert (run.json["done"], run.json["failed"]) == (3, 1)
    row = table(Path("photos.fitted"))["notes.txt"]
    assert row["state"] == "failed"
    assert row["problem"].startswith("photos/notes.txt is a text file; inr reads")
    assert run.err.count("notes.txt is a text file") == 1


def test_again_goes_on(inr_cli, here, photos):
    (photos / "notes.txt").write_text("hello")
    assert inr_cli("fit-many", "photos", *OPTIONS, "-q").status == 1
    assert here.did == 4
    before = Path("photos.fitted/a.png.inr").read_bytes()
    shutil.copy(photos / "a.png", photos / "notes.txt")  # can be read now
    shutil.copy(photos / "b.png", photos / "a.png")
    (photos / "cats/a.png").unlink()
    Path("photos.fitted/b.png.inr").unlink()
    assert inr_cli("fit-many", "photos", *OPTIONS).status == 0
    assert here.did == 6  # a.png, which changed, and notes.txt
    rows = table(Path("photos.fitted"))
    assert {row["state"] for row in rows.values()} == {"done"}
    assert list(rows) == ["a.png", "b.png", "notes.txt"]
    assert Path("photos.fitted/a.png.inr").read_bytes() == Path("photos.fitted/b.png.inr").read_bytes() != before
    assert Path("photos.fitted/notes.txt.inr").read_bytes() == before


def test_what_failed_is_tried_once_more_each_time(inr_cli, here, photos):
    (photos / "notes.txt").write_text("hello")
    for tries in (1, 2):
        assert inr_cli("fit-many", "photos", *OPTIONS, "-q").status == 1
        assert here.did == 3 + tries


def test_an_interrupt_keeps_everything_and_says_how_to_go_on(inr_cli, here, photos):
    here.interrupt = True
    run = inr_cli("fit-many", "photos", *OPTIONS)
    assert run.status == 130
    assert "everything is kept in photos.fitted; go on with: inr fit-many photos --steps 12" in run.err
    assert {row["state"] for row in table(Path("photos.fitted")).values()} == {"waiting"}
    here.interrupt = False
    assert inr_cli("fit-many", "photos", *OPTIONS).status == 0
    assert here.did == 3


def test_other_options_are_refused_and_forced(inr_cli, here, photos):
    assert inr_cli("fit-many", "photos", *OPTIONS).status == 0
    run = inr_cli("fit-many", "photos", *OPTIONS, "--seed", "1")
    assert run.status == 2
    assert one_line(run.err) == (
        "photos.fitted holds fits of other options; give the same, another folder, or begin afresh with --force"
    )
    assert inr_cli("fit-many", "photos", *OPTIONS, "--seed", "1", "--force").status == 0
    assert here.did == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("photos/a.png",), "photos/a.png is no folder; inr fit takes single files"),
        (("empty",), "empty has no files to fit"),
        (("photos", "-o", "photos"), "photos exists; choose another folder, or write into it with --force"),
        (("photos", "--workers", "0"), "--workers lies between 1 and 256, got 0"),
        (("photos", "--steps", "0"), "a budget of 0 steps cannot fit anything; give at least 1"),
        (("photos", "--value-range", "9"), "--value-range 9: write LOW,HIGH, as 0,4095"),
        (("photos", "--for", "art"), "--for is one of zoom, memory, not 'art'"),
        (("photos", "--exact", "--half"), "--exact and --half contradict each other; give one"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(inr_cli, here, photos, arguments, words):
    (photos.parent / "empty").mkdir()
    run = inr_cli("fit-many", *arguments)
    assert run.status == 2
    assert one_line(run.err) == words
    assert here.did == 0


def test_names_that_no_table_holds_are_refused(inr_cli, here, photos):
    shutil.copy(photos / "a.png", os.fsencode(photos) + b"/\xff.png")
    run = inr_cli("fit-many", "photos", *OPTIONS)
    assert run.status == 2
    assert one_line(run.err).endswith("has a name that is no UTF-8; rename it")


def test_files_are_queued_little_by_little(inr_cli, here, photos, monkeypatch):
    monkeypatch.setattr("inr.serving.work._fit_many._AHEAD", 1)
    monkeypatch.setattr("inr.serving.work._fit_many._AT_ONCE", 2)
    assert inr_cli("fit-many", "photos", *OPTIONS).status == 0
    assert here.did == 3


@pytest.mark.long
def test_processes_that_are_interrupted_or_killed_go_on(inr_process, photos):
    (photos / "notes.txt").write_text("hello")
    command = ("fit-many", "photos", "--steps", "3000", "--exact", "--workers", "2", "--quiet")
    for number, status in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
        process = inr_process(*command)
        _until(photos.parent / "photos.fitted" / ".inr" / "jobs", process)
        time.sleep(1)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == status
    process = inr_process(*command)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert (out, "Traceback" in err) == ("", False)
    rows = table(photos.parent / "photos.fitted")
    assert [row["state"] for row in rows.values()] == ["done", "done", "done", "failed"]


def _until(path: Path, process) -> None:
    """Until a job has been begun."""
    deadline = time.monotonic() + 60
    while not (path.is_dir() and any(path.iterdir())):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_value_of_nought_that_marks_what_is_missing_is_not_lost(inr_cli, here, tmp_path):
    (tmp_path / "maps").mkdir()
    heights = np.arange(1.0, 65.0, dtype=np.float32).reshape(8, 8)
    heights[2, 3] = 0
    np.save(tmp_path / "maps" / "heights.npy", heights)
    assert inr_cli("fit-many", "maps", "-o", "out", "--nodata", "0", *OPTIONS).status == 0
    field = inr.load(tmp_path / "out" / "heights.npy.inr")
    assert np.argwhere(np.isnan(field.render()[..., 0])).tolist() == [[2, 3]]
