"""Pipes as input and output, and what is said of inputs that may be more than one thing."""

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import inr
from inr.cli import app
from tests.cli.clirun import QUICK, contents, one_line


@pytest.fixture
def piped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command line in an empty folder on what is piped in; what it leaves behind for the pipe is gone."""
    monkeypatch.chdir(tmp_path)
    scratch = tmp_path.parent / f"{tmp_path.name}-scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))

    def run(*args: object, data: bytes = b"") -> Result:
        result = CliRunner().invoke(app, [str(arg) for arg in args], input=data)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert list(scratch.iterdir()) == []
        return result

    return run


def test_a_picture_goes_in_and_a_field_comes_out(piped, photo):
    data = photo.read_bytes()
    for name in ("-", "/dev/stdin"):
        result = piped("fit", name, "-o", "-", *QUICK, data=data)
        assert result.exit_code == 0
        assert "PSNR" in result.stderr
        assert "standard output" in result.stderr
        Path("piped.inr").write_bytes(result.stdout_bytes)
        assert inr.load("piped.inr").domain == inr.open(photo).domain
    assert piped("fit", photo, "-o", "file.inr", "--no-comparison", "-q", *QUICK).exit_code == 0
    assert Path("file.inr").read_bytes() == Path("piped.inr").read_bytes()


def test_files_of_a_piped_signal_are_named_after_it(piped, photo):
    assert piped("fit", "-", *QUICK, data=photo.read_bytes()).exit_code == 0
    assert set(contents(Path())) == {"photo.png", "stdin.inr", "stdin.comparison.png"}


def test_a_field_goes_in_and_a_picture_comes_out(piped, field_file):
    data = field_file.read_bytes()
    result = piped("render", "-", "-o", "-", "--format", "png", "--size", "20x15", data=data)
    assert result.stderr == "inr: wrote standard output: 20 x 15\n"
    assert Image.open(io.BytesIO(result.stdout_bytes)).size == (20, 15)
    assert piped("render", "-", "-q", data=data).exit_code == 0
    assert Path("stdin.render.png").exists()
    assert piped("info", "-", data=data).stdout.startswith("kind")


def test_a_named_pipe_is_read_once(piped, photo):
    os.mkfifo("fifo")
    writer = threading.Thread(target=lambda: Path("fifo").write_bytes(photo.read_bytes()), daemon=True)
    writer.start()
    result = piped("fit", "fifo", "-o", "a.inr", "--no-comparison", "-q", *QUICK)
    writer.join(timeout=5)
    assert (result.exit_code, inr.load("a.inr").domain.shape) == (0, (24, 32))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("fit", "-"), "standard input is empty"),
        (("render", "photo.inr", "-o", "-"), "--format png"),
        (("render", "photo.inr", "-o", "a.png", "--format", "png"), "by its suffix"),
        (("render", "photo.inr", "-o", "-", "--format", "wav"), "cannot write standard output: image is written as"),
    ],
)
def test_what_is_wrong_with_a_pipe_is_one_line(piped, field_file, args, words):
    result = piped(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in one_line(result.stderr)


def test_a_damaged_field_in_a_pipe_sends_nothing(piped, field_file):
    result = piped("render", "-", "-o", "-", "--format", "png", data=field_file.read_bytes()[:200])
    assert (result.exit_code, result.stdout_bytes) == (2, b"")
    assert "standard input" in one_line(result.stderr)


def test_a_folder_says_what_it_is_taken_for(piped, photo):
    Path("take").mkdir()
    for index in range(3):
        Path(f"take/frame_{index:04}.png").write_bytes(photo.read_bytes())
    said = "inr: take is taken for a video of 3 frames at 25 a second (--as set: a field of every file)\n"
    options = (*QUICK, "--no-comparison", "--engine", "eager", "--for", "memory")
    assert said in piped("fit", "take", *options).stderr
    assert piped("fit", "take", *options, "--force", "-q").stderr == ""
    Path("take/frame_0001.png").rename("take/cat.png")
    line = one_line(piped("fit", "take", *QUICK, "--force").stderr)
    assert "taken for a set of pictures" in line
    assert "fit them with: inr fit take -o take.inr" in line


def test_what_a_reader_has_to_say_is_a_remark(piped):
    av = pytest.importorskip("av")
    with av.open("clear.mkv", "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 8, 9, "bgra"
        for level in (100, 200):
            picture = av.VideoFrame.from_ndarray(np.full((8, 9, 4), level, np.uint8), format="bgra")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    options = (*QUICK, "--engine", "eager", "--for", "memory")
    assert "inr: clear.mkv: its transparency is dropped;" in piped("fit", "clear.mkv", *options).stderr
    assert piped("fit", "clear.mkv", *options, "--force", "-q").stderr == ""
