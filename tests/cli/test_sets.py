"""Sets on the command line: inr fit DIR -o SET.inr, and what is done with the file."""

import signal as posix_signal
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

import inr
from inr.cli import app
from inr.cli._fit_set import REFUSED
from inr.container import Sections
from inr.sets import fit_many, load_set
from tests.cli.clirun import one_line

QUICK_SET = ("--steps", "3", "--network", "mlp:depth=1,width=8", "--activation", "sine:omega=5")
SAME = {"steps": 3, "network": "mlp:depth=1,width=8", "activation": "sine:omega=5"}


@pytest.fixture
def folder(inr_cli, tmp_path) -> Path:
    """Five pictures in the folder pics, one of them in a folder of its own."""
    (tmp_path / "pics" / "dogs").mkdir(parents=True)
    y, x = np.indices((6, 8))
    for place in range(5):
        pixels = (127 + 90 * np.sin((x + place * y) / 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pics" / (f"dogs/{place}.png" if place == 4 else f"{place}.png"))
    return Path("pics")


@pytest.fixture
def set_file(inr_cli, folder) -> Path:
    assert inr_cli("fit", folder, "-o", "set.inr", *QUICK_SET, "--no-comparison", "-q").status == 0
    return Path("set.inr")


def test_a_folder_becomes_a_set(inr_cli, folder):
    run = inr_cli("fit", folder, "-o", "set.inr", *QUICK_SET)
    assert run.status == 0
    assert "pics is taken for a set" in run.err
    assert "--as video" in run.err
    assert "set.sheet.png" in run.out
    assert sorted(path.name for path in Path().iterdir()) == ["pics", "set.inr", "set.sheet.png"]
    found = load_set("set.inr")
    np.testing.assert_array_equal(found.weights(), fit_many(folder, **SAME).weights())
    assert found.labels == (None,) * 4 + ("dogs",)


def test_a_set_in_its_own_folder_is_no_part_of_itself(inr_cli, folder, monkeypatch):
    monkeypatch.chdir(folder)
    for _ in range(2):
        assert inr_cli("fit", ".", "-o", "set.inr", *QUICK_SET, "--force", "-q").status == 0
        assert len(load_set("set.inr")) == 5


def test_numbered_frames_are_what_as_says(inr_cli, folder):
    (folder / "dogs" / "4.png").rename(folder / "4.png")
    (folder / "dogs").rmdir()
    options = (*QUICK_SET, "--no-comparison", "--exact", "--engine", "eager", "--for", "memory")
    run = inr_cli("fit", folder, "-o", "video.inr", "--as", "video", *options)
    assert run.status == 0
    assert "a video of 5 frames" in run.err
    assert inr.load("video.inr").domain.kind == "video"
    assert inr_cli("fit", folder, "--as", "set", *QUICK_SET, "-q").status == 0
    assert len(load_set("pics.inr")) == 5


def test_as_json(inr_cli, folder):
    told = inr_cli("fit", folder, "-o", "set.inr", *QUICK_SET, "--json").json
    assert (told["count"], told["parameters"], told["unread"]) == (5, 33, [])
    assert told["psnr"]["least"] <= told["psnr"]["median"] <= told["psnr"]["most"]
    assert told["files"] == {"set": "set.inr", "contact sheet": "set.sheet.png"}


def test_files_that_cannot_be_read_are_listed_at_the_end(inr_cli, folder):
    (folder / "2.png").write_bytes(b"")
    (folder / "notes.txt").write_text("hello")
    run = inr_cli("fit", folder, "-o", "set.inr", *QUICK_SET, "--no-comparison")
    assert run.status == 4
    assert run.err.splitlines()[-2:] == [
        "inr: left out: 2.png: is empty (0 bytes)", "inr: left out: notes.txt: is a text file"
    ]  # fmt: skip
    assert len(load_set("set.inr")) == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seconds", "3"), "--seconds is for single fields"),
        (("--engine", "eager"), "engine auto, cpu, triton, not 'eager'"),
        (("--coded",), "--coded is for single fields"),
        (("--teacher", "int"), "--teacher is for single fields"),
        (("--server", "http://127.0.0.1:1"), "--server is for single fields"),
        (("--checkpoint-every", "60"), "--checkpoint-every is for single fields"),
        (("--init", "none"), "shared or own, not 'none'"),
        (("--workers", "0"), "workers"),
        (("--resume",), "nothing to resume: set.inr.blocks does not exist; start without --resume"),
        (("--comparison", "a.jpg"), "a.png"),
    ],
)
def test_options_that_a_set_does_not_take(inr_cli, folder, options, words):
    before = sorted(Path().rglob("*"))
    run = inr_cli("fit", folder, "-o", "set.inr", *QUICK_SET, *options, "-q")
    assert run.status == 2
    assert words in one_line(run.err)
    assert sorted(Path().rglob("*")) == before


def test_options_of_sets_are_not_for_others(inr_cli, photo, folder):
    for options in (("--workers", "2"), ("--init", "own")):
        assert f"{options[0]} is for sets" in one_line(inr_cli("fit", photo.name, *options).err)
    for kind in ("set", "video"):
        assert f"--as {kind} is for a folder" in one_line(inr_cli("fit", photo.name, "--as", kind).err)


def test_kinds_that_do_not_go_together(inr_cli, folder):
    Image.new("RGB", (4, 4)).save(folder / "colour.png")
    run = inr_cli("fit", folder, "-o", "set.inr", *QUICK_SET, "-q")
    line = one_line(run.err)
    assert (run.status, Path("set.inr.blocks").exists()) == (2, False)
    assert "pictures of 1 channel: 5, as 0.png; pictures of 3 channels: 1, as colour.png" in line


def test_empty_folders(inr_cli):
    Path("empty").mkdir()
    assert "empty has no files to fit" in one_line(inr_cli("fit", "empty", "-o", "set.inr", "-q").err)


def test_nothing_is_overwritten(inr_cli, set_file, folder):
    before = set_file.read_bytes()
    for options in ((), ("--no-comparison",)):
        assert "set.inr exists" in one_line(inr_cli("fit", folder, "-o", "set.inr", *QUICK_SET, *options, "-q").err)
    Path("other.sheet.png").write_bytes(b"")
    assert "other.sheet.png exists" in one_line(inr_cli("fit", folder, "-o", "other.inr", *QUICK_SET, "-q").err)
    assert set_file.read_bytes() == before


def test_interrupted_and_gone_on_with(inr_cli, folder, monkeypatch):
    monkeypatch.setattr("inr.sets._fit_many._MOST_SAMPLES", 100)  # two pictures a block
    whole = inr_cli("fit", folder, "-o", "whole.inr", *QUICK_SET, "--no-comparison", "-q")
    assert whole.status == 0

    def interrupt(self: object, course: inr.sets.SetProgress) -> None:
        if course.done == 2:
            posix_signal.raise_signal(posix_signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("inr.cli._progress.SetBar.show", interrupt)
        run = inr_cli("fit", folder, "-o", "set.inr", *QUICK_SET, "--no-comparison", "-q")
    assert run.status == 130
    assert "kept in set.inr.blocks; go on with: inr fit pics -o set.inr" in run.err
    assert run.err.strip().endswith("--resume")
    line = one_line(inr_cli("fit", folder, "-o", "set.inr", *QUICK_SET, "--no-comparison", "-q").err)
    assert line == "set.inr.blocks holds an unfinished set; go on with --resume, or start afresh with --force"
    assert inr_cli("fit", folder, "-o", "set.inr", *QUICK_SET, "--no-comparison", "-q", "--resume").status == 0
    assert Path("set.inr").read_bytes() == Path("whole.inr").read_bytes()
    assert sorted(path.name for path in Path().iterdir()) == ["pics", "set.inr", "whole.inr"]


def test_what_info_says(inr_cli, set_file):
    told = inr_cli("info", set_file, "--json").json
    assert (told["count"], told["kind"], told["channels"], told["parameters"]) == (5, "image", 1, 33)
    assert told["bytes"] == set_file.stat().st_size
    assert told["labels"] == [{"label": None, "count": 4}, {"label": "dogs", "count": 1}]
    assert (told["blocks"], told["damaged"], told["diverged"]) == ([5], [], [])
    run = inr_cli("info", set_file)
    assert run.status == 0
    for words in ("5, of signals of kind image", "8 x 6", "median", "dogs (1)", "sin(ω z)", "2 i + 1"):
        assert words in run.out
    assert max(map(len, run.out.splitlines())) <= 80


def test_one_field_is_rendered_as_a_single_one(inr_cli, set_file):
    assert inr_cli("render", set_file, "--item", "dogs/4.png", "--scale", "2", "-q").status == 0
    load_set(set_file)["dogs/4.png"].save("one.inr")
    assert inr_cli("render", "one.inr", "--scale", "2", "-q").status == 0
    assert Path("set.dogs-4.png").read_bytes() == Path("one.render.png").read_bytes()
    assert inr_cli("render", set_file, "--item", "0.png", "-o", "a.npy", "-q").status == 0
    assert np.load("a.npy").shape[:2] == (6, 8)


def test_items_that_are_not_there(inr_cli, set_file):
    assert "no field 'dogs/4'; did you mean 'dogs/4.png'?" in one_line(
        inr_cli("render", set_file, "--item", "dogs/4").err
    )
    assert "name one with --item, as --item 0.png" in one_line(inr_cli("render", set_file).err)
    load_set(set_file)[0].save("one.inr")
    assert "leave out --item" in one_line(inr_cli("render", "one.inr", "--item", "a").err)
    assert "a set of fields, not one" in one_line(inr_cli("mesh", set_file).err)


def test_damage_is_told_and_other_fields_work(inr_cli, folder, monkeypatch):
    monkeypatch.setattr("inr.sets._fit_many._MOST_SAMPLES", 100)
    assert inr_cli("fit", folder, "-o", "set.inr", *QUICK_SET, "--no-comparison", "-q").status == 0
    data, sections = bytearray(Path("set.inr").read_bytes()), Sections(Path("set.inr"))
    data[sections.header_size + sum(entry.size for entry in sections.table[:2]) + 5] ^= 1
    Path("set.inr").write_bytes(data)
    run = inr_cli("info", "set.inr")
    assert run.status == 4
    assert "2 fields: 2.png, 3.png" in run.out
    assert inr_cli("render", "set.inr", "--item", "0.png", "-q").status == 0
    assert "rows.1" in one_line(inr_cli("render", "set.inr", "--item", "3.png", "-q").err)
    run = inr_cli("export", "set.inr", "-o", "w.safetensors")
    assert (run.status, Path("w.safetensors").exists()) == (4, True)
    assert "left out" in run.err
    assert "2.png, 3.png" in run.err


def test_exports(inr_cli, set_file):
    run = inr_cli("export", set_file, "-o", "w.safetensors")
    assert run.status == 0
    assert "wrote w.safetensors: 5 fields" in run.err
    assert "exists" in one_line(inr_cli("export", set_file, "-o", "w.safetensors").err)
    assert ".safetensors or .parquet" in one_line(inr_cli("export", set_file, "-o", "w.bin").err)
    load_set(set_file)[0].save("one.inr")
    assert "says no target: name it .onnx" in one_line(inr_cli("export", "one.inr", "-o", "a.safetensors").err)


def test_both_ways_to_fit_a_folder_name_each_other(inr_cli):
    assert "fit-many" in inr_cli("fit", "--help").out
    assert "inr fit DIR -o set.inr" in inr_cli("fit-many", "--help").out


def test_every_option_of_a_fit_is_taken_or_refused():
    source = (Path(inr.__file__).parent / "cli" / "_fit_set.py").read_text()
    for param in typer.main.get_command(app).commands["fit"].params:
        option = next((name for name in param.opts if name.startswith("--")), None)
        read = f'arguments["{param.name}"]' in source or param.name in ("exact", "as_shape")
        assert (option in REFUSED) != read, param.name
