"""inr fit: what it writes, what it prints, and that it loses nothing."""

import errno
import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import inr
from tests.cli.clirun import QUICK, contents, one_line

pytestmark = pytest.mark.quick


def test_a_picture_becomes_a_field_and_a_sheet(inr_cli, photo):
    run = inr_cli("fit", "photo.png", *QUICK)
    assert run.status == 0
    assert set(contents(photo.parent)) == {"photo.png", "photo.inr", "photo.comparison.png"}
    for word in (
        "PSNR",
        "SSIM",
        "dB",
        "20 steps",
        "points/s",
        "parameters",
        "bits a sample",
        "engine",
        "compiling",
        "measuring",
    ):
        assert word in run.out
    assert "photo.inr" in run.out
    assert "photo.comparison.png" in run.out
    assert max(map(len, run.out.splitlines())) <= 80
    field = inr.load(photo.with_suffix(".inr"))
    assert field.domain.shape == (24, 32)
    assert math.isfinite(field.metrics["psnr"])


def test_json_is_one_document_that_agrees_with_the_files(inr_cli, photo):
    run = inr_cli("fit", "photo.png", *QUICK, "--json", "-o", "a.inr", "--comparison", "b.png")
    assert run.status == 0
    result = run.json
    field = inr.load("a.inr")
    size = Path("a.inr").stat().st_size
    assert result["reason"] == "steps"
    assert result["steps"] == 20
    assert result["metrics"] == pytest.approx(field.metrics, rel=1e-5)
    assert result["parameters"] == field.parameter_count
    assert result["bytes"] == size
    assert result["bits_per_sample"] == 8 * size / (24 * 32)
    assert result["lossless"]["ratio"] == size / result["lossless"]["bytes"]
    assert not result["source"]["lossy"]
    assert result["points"] == 20 * 128
    assert set(result["seconds"]) == {"fitting", "compiling", "reading", "measuring", "writing"}
    assert all(seconds >= 0 for seconds in result["seconds"].values())
    assert result["files"] == {"field": "a.inr", "comparison": "b.png", "teacher map": None, "checkpoint": None}
    again = inr.Field.build(field.domain, **result["parts"])
    assert again.config() == field.config()


def test_solvers_differ_and_are_told(inr_cli, photo):
    found = {}
    for solver in ("adam", "soap"):
        run = inr_cli("fit", "photo.png", *QUICK, "--solver", solver, "--json", "-o", f"{solver}.inr")
        assert json.loads(run.out)["solver"] == solver
        found[solver] = inr.load(f"{solver}.inr").state_dict()
    network = next(name for name in found["adam"] if name.endswith("0.weight"))
    assert not torch.equal(found["adam"][network], found["soap"][network])


def test_a_preset_is_a_whole_setting_and_gives_way(inr_cli, photo):
    small = ("--network", "mlp:depth=2,width=12", "--steps", "3", "--batch", "64", "--json", "--no-comparison")
    small += ("--engine", "eager")
    found = inr_cli("fit", "photo.png", "--preset", "wire", *small, "-o", "a.inr").json
    assert found["parts"]["activation"] == "gabor:omega=20.0,scale=30.0"
    assert found["parts"]["network"].startswith("mlp:depth=2,width=12")
    assert (found["fit"]["preset"], found["fit"]["rates"]) == ("wire", {"network": 5e-3})
    assert (found["fit"]["schedule"], found["fit"]["batch"]) == ("exponential", 64)
    assert inr_cli("info", "a.inr", "--json").json["fit"]["preset"] == "wire"
    wrong = inr_cli("fit", "photo.png", "--preset", "sirren", *small, "-o", "b.inr")
    assert (wrong.status, "did you mean 'siren'" in wrong.err) == (2, True)
    closed = inr_cli("fit", "photo.png", "--preset", "siren", "--solver", "closed-form", "-o", "b.inr")
    assert (closed.status, "give one of them" in closed.err) == (2, True)


def test_a_profile_says_where_a_step_goes(inr_cli, photo):
    options = (*QUICK, "--engine", "eager", "--no-comparison", "--profile")
    printed = inr_cli("fit", "photo.png", *options).out
    for word in ("a step", "sampling", "forward and backward", "optimiser", "the rest", "ms", "%"):
        assert word in printed
    assert max(map(len, printed.splitlines())) <= 80
    result = inr_cli("fit", "photo.png", *options, "--json", "--force").json
    profile = result["profile"]
    assert profile["steps"] == 20
    assert sum(phase["share"] for phase in profile["phases"].values()) == pytest.approx(1)
    total = sum(phase["milliseconds_a_step"] for phase in profile["phases"].values())
    assert total == pytest.approx(profile["milliseconds_a_step"])
    assert profile["milliseconds_a_step"] * 20 == pytest.approx(1000 * result["seconds"]["fitting"])
    assert "profile" not in inr_cli("fit", "photo.png", *QUICK, "--no-comparison", "--json", "-o", "b.inr").json


def test_what_an_engine_cannot_do_is_said_once(inr_cli, photo, monkeypatch):
    from inr.engines import Eager

    plan = Eager.plan

    def noted(self, field, objective):
        ready = plan(self, field, objective)
        ready.notes = ("encoding 'odd' runs on eager",)
        return ready

    monkeypatch.setattr(Eager, "plan", noted)
    options = (*QUICK, "--engine", "eager", "--no-comparison", "--json", "--force")
    assert inr_cli("fit", "photo.png", *options).err == "inr: encoding 'odd' runs on eager\n"
    assert inr_cli("fit", "photo.png", *options, "--quiet").err == ""


def test_engines_take_options(inr_cli, photo):
    run = inr_cli("fit", "photo.png", *QUICK, "--engine", "eager:threads=2")
    assert run.status == 2
    assert "has no parameter 'threads'" in one_line(run.err)


def test_quiet_says_nothing(inr_cli, photo):
    run = inr_cli("fit", "photo.png", *QUICK, "--quiet")
    assert (run.status, run.out, run.err) == (0, "", "")


def test_a_terminal_shows_progress(inr_cli, photo):
    run = inr_cli("fit", "photo.png", *QUICK, "--json", env={"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "100"})
    assert run.json["steps"] == 20
    for word in ("100%", "points/s", "spent", "left", "dB"):
        assert word in run.err


def test_equal_runs_give_equal_bytes_and_seeds_differ(inr_cli, photo):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert inr_cli("fit", "photo.png", *QUICK, "--seed", seed, "-o", f"{name}.inr", "--no-comparison").status == 0
    files = {name: Path(f"{name}.inr").read_bytes() for name in "abc"}
    assert files["a"] == files["b"] != files["c"]


def test_existing_files_need_force(inr_cli, photo):
    Path("photo.inr").write_text("precious")
    before = contents(photo.parent)
    run = inr_cli("fit", "photo.png", *QUICK)
    assert run.status == 2
    assert "photo.inr exists" in one_line(run.err)
    assert "--force" in run.err
    assert contents(photo.parent) == before
    assert inr_cli("fit", "photo.png", *QUICK, "--force").status == 0
    assert inr.load("photo.inr").domain.kind == "image"


@pytest.mark.parametrize(
    ("option", "words"),
    [("--output", "call it photo.inr"), ("--comparison", "the signal itself"), ("--events", "the signal itself")],
)
def test_the_signal_is_never_overwritten(inr_cli, photo, option, words):
    before = contents(photo.parent)
    run = inr_cli("fit", "photo.png", *QUICK, "--force", option, "photo.png")
    assert run.status == 2
    assert words in one_line(run.err)
    assert contents(photo.parent) == before


def test_outputs_must_differ(inr_cli, photo):
    run = inr_cli("fit", "photo.png", *QUICK, "-o", "a.inr", "--events", "a.inr")
    assert run.status == 2
    assert "different files" in one_line(run.err)


def test_names_of_outputs(inr_cli, tmp_path):
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "cube.v2.npy", np.random.default_rng(0).random((6, 5, 4), dtype=np.float32))
    assert inr_cli("fit", "in/cube.v2.npy", *QUICK, "-q", "--engine", "eager").status == 0
    assert set(contents(tmp_path)) == {"in", "in/cube.v2.npy", "cube.v2.inr", "cube.v2.comparison.png"}


def test_events_are_json_lines_in_order(inr_cli, photo):
    assert inr_cli("fit", "photo.png", *QUICK, "--events", "log.jsonl", "-q").status == 0
    events = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events] == ["start", *["step"] * 20, "end"]
    assert [event["step"] for event in events[1:-1]] == list(range(1, 21))
    assert events[0]["loss"] is None
    assert events[-1]["reason"] == "steps"


def test_learning_rates_by_part(inr_cli, photo):
    quick = (
        "--steps",
        "5",
        "--batch",
        "128",
        "--encoding",
        "hash:levels=2",
        "--no-comparison",
        "--json",
        "--engine",
        "eager",
    )
    base = inr_cli("fit", "photo.png", *quick, "-o", "a.inr").json
    same = inr_cli("fit", "photo.png", *quick, "-o", "b.inr", "--lr", "network=1e-2,encoding=1e-2").json
    other = inr_cli("fit", "photo.png", *quick, "-o", "c.inr", "--lr", "encoding=1e-4").json
    assert base["metrics"]["psnr"] != other["metrics"]["psnr"]
    assert same["parts"] == other["parts"]


def test_seconds_and_targets(inr_cli, photo):
    run = inr_cli("fit", "photo.png", *QUICK[2:], "--seconds", "0.3", "--no-comparison", "--json")
    assert run.status == 0
    assert run.json["reason"] in ("steps", "seconds")  # the latter on a machine that gets slower meanwhile
    easy = inr_cli("fit", "photo.png", *QUICK[2:], "--steps", "200", "--psnr", "3", "-o", "b.inr", "--json", "--exact")
    assert easy.json["reason"] == "target"
    assert easy.json["steps"] < 200
    small = inr_cli("fit", "photo.png", *QUICK[2:], "--steps", "40", "--psnr", "12", "-o", "c.inr", "--json")
    assert small.json["reason"] == "steps"
    assert small.json["metrics"]["psnr"] >= 12
    assert small.json["bytes"] < easy.json["bytes"]


def test_a_silent_sound_and_an_exact_fit_are_finite_json(inr_cli, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "silence.wav", np.zeros(400, np.float32), 8000)
    run = inr_cli("fit", "silence.wav", *QUICK, "--json", "--engine", "eager")
    assert run.status == 0
    assert set(run.json["metrics"]) == {"psnr", "psnr_between", "rmse", "max_error", "snr"}


def test_a_divergence_saves_a_field_and_says_so(inr_cli, photo):
    options = ("--steps", "400", "--batch", "128", "--activation", "relu", "--encoding", "identity")
    run = inr_cli("fit", "photo.png", *options, "--lr", "1e38", "--checkpoint-every", "0", "--json")
    assert run.status == 1
    assert run.json["files"]["checkpoint"] is None
    assert run.json["reason"] == "diverged"
    assert "stopped being finite" in one_line(run.err)
    assert "--resume" not in run.err
    field = inr.load("photo.inr")
    assert field.domain.shape == (24, 32)
    assert all(tensor.isfinite().all() for tensor in field.state_dict().values())


def test_an_interrupted_fit_resumes_to_the_same_bytes(inr_cli, photo, monkeypatch):
    torch.set_num_threads(1)
    assert inr_cli("fit", "photo.png", *QUICK, "-o", "whole.inr", "--no-comparison").status == 0
    _interrupt_after(7, monkeypatch)
    options = ("-o", "part.inr", "--no-comparison", "--events", "log.jsonl")
    run = inr_cli("fit", "photo.png", *QUICK, *options)
    assert run.status == 130
    assert set(contents(photo.parent)) == {"photo.png", "whole.inr", "part.inr", "part.inr.checkpoint", "log.jsonl"}
    command = run.err.splitlines()[-1].partition("go on with: inr ")[2].split()
    assert command == ["fit", "photo.png", *QUICK, *options, "--resume"]
    assert inr_cli(*command).status == 0
    assert Path("part.inr").read_bytes() == Path("whole.inr").read_bytes()
    assert not Path("part.inr.checkpoint").exists()
    events = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    assert [event["step"] for event in events if event["kind"] == "step"] == list(range(1, 21))


def test_an_unfinished_fit_is_not_overwritten_unasked(inr_cli, photo, monkeypatch):
    _interrupt_after(7, monkeypatch)
    assert inr_cli("fit", "photo.png", *QUICK, "--no-comparison").status == 130
    before = contents(photo.parent)
    run = inr_cli("fit", "photo.png", *QUICK, "--no-comparison")
    assert run.status == 2
    assert "--resume" in one_line(run.err)
    assert contents(photo.parent) == before
    other = inr_cli("fit", "photo.png", *QUICK, "--seed", "5", "--no-comparison", "--resume")
    assert other.status == 2
    assert "seed" in one_line(other.err)
    assert contents(photo.parent) == before
    assert inr_cli("fit", "photo.png", *QUICK, "--no-comparison", "--force").status == 0
    assert "photo.inr.checkpoint" not in contents(photo.parent)


def test_nothing_to_resume(inr_cli, photo):
    run = inr_cli("fit", "photo.png", *QUICK, "--resume")
    assert run.status == 2
    assert "nothing to resume" in one_line(run.err)
    assert set(contents(photo.parent)) == {"photo.png"}


def _interrupt_after(steps, monkeypatch):
    """From now on, the first fit is asked to stop after so many steps, as Ctrl-C does."""
    from inr.cli._progress import FitBar

    show = FitBar.show

    def interrupting(bar, event):
        show(bar, event)
        if event.step == steps:
            monkeypatch.setattr(FitBar, "show", show)
            import signal

            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(FitBar, "show", interrupting)


def _full_disk(monkeypatch, refused):
    """From now on, writing to paths that `refused` accepts fails as on a full disk, half way."""
    write_bytes = Path.write_bytes

    def write(path, data):
        if refused(path):
            write_bytes(path, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", write)


def test_a_full_disk_at_the_end_keeps_the_field_elsewhere(inr_cli, photo, monkeypatch, tmp_path):
    refuge = tmp_path.parent / f"{tmp_path.name}-refuge"
    refuge.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(refuge))
    _full_disk(monkeypatch, lambda path: tmp_path in path.parents)
    run = inr_cli("fit", "photo.png", *QUICK, "--no-comparison", "--quiet")
    assert run.status == 2
    line = one_line(run.err)
    assert "disk is full" in line
    assert set(contents(tmp_path)) == {"photo.png"}
    (saved,) = refuge.rglob("photo.inr")
    assert str(saved) in line
    assert inr.load(saved).domain.shape == (24, 32)


def test_a_full_disk_at_a_checkpoint_ends_the_fit_and_writes_the_field(inr_cli, photo, monkeypatch, tmp_path):
    _full_disk(monkeypatch, lambda path: path.suffix == ".checkpoint")
    run = inr_cli("fit", "photo.png", *QUICK, "--checkpoint-every", "0", "--no-comparison", "--json")
    assert run.status == 2
    assert run.json["reason"] == "disk"
    assert run.json["steps"] < 20
    assert "disk is full" in one_line(run.err)
    assert set(contents(tmp_path)) == {"photo.png", "photo.inr"}
    assert inr.load("photo.inr").domain.shape == (24, 32)


def test_a_failing_sheet_costs_the_sheet_only(inr_cli, photo, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    run = inr_cli("fit", "photo.png", *QUICK, "--quiet")
    assert run.status == 2
    assert "photo.comparison.png" in one_line(run.err)
    assert set(contents(photo.parent)) == {"photo.png", "photo.inr"}


def test_a_full_disk_ends_the_log_and_not_the_fit(capsys):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    from inr.cli._fit_files import EventLog

    event = inr.Event("step", 1, 2, 0.1, 20.0, 0.1, 1e-3, "eager", 128)
    log = EventLog(Path("/dev/full"))
    log.write(event)
    log.write(event)
    log.close()
    assert capsys.readouterr().err.count("\n") == 1


def test_interrupts_while_measuring_still_save_the_field(inr_cli, photo, monkeypatch):
    import inr.fitting

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(inr.fitting, "evaluate", interrupted, raising=False)
    run = inr_cli("fit", "photo.png", *QUICK, "--no-comparison", "--quiet")
    assert run.status == 130
    assert run.err == "inr: interrupted while measuring: photo.inr is whole, without figures and without a sheet\n"
    assert inr.load("photo.inr").domain.shape == (24, 32)


def test_the_teachers_map_is_drawn_when_asked_for(inr_cli, photo):
    run = inr_cli("fit", "photo.png", *QUICK, "--no-comparison", "--teacher-map", "map.png", "--json")
    assert run.status == 0
    assert run.json["files"]["teacher map"] == "map.png"
    with Image.open(photo.parent / "map.png") as sheet:
        assert sheet.format == "PNG"


def test_a_log_is_kept_elsewhere_and_never_overwrites(inr_cli, photo):
    run = inr_cli("fit", "photo.png", *QUICK, "--no-comparison", "-q", "--log", "csv:curve.csv")
    assert (run.status, run.err) == (0, "")
    lines = photo.with_name("curve.csv").read_text().splitlines()
    assert lines[0] == "step,seconds,loss,psnr,lr,points"
    assert len(lines) > 2
    again = inr_cli("fit", "photo.png", *QUICK, "--no-comparison", "-o", "b.inr", "--log", "csv:curve.csv")
    assert again.status == 2
    assert "curve.csv exists" in again.err
