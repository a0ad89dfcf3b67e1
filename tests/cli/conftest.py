"""What the tests of the command line share: running it, tiny signals, tiny fits."""

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.testing
from PIL import Image
from typer.testing import CliRunner

from inr.cli import app
from tests.cli.clirun import ENTRY, QUICK, Run

_WITH_INTERRUPTS = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


_built = functools.cache(typer.testing._get_command)


@pytest.fixture(autouse=True)
def _commands_are_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree of all commands, whose building takes longer than most of them, is the same in every test."""
    monkeypatch.setattr(typer.testing, "_get_command", _built)


@pytest.fixture
def inr_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Run the command line in this process, in an empty folder, at 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*args: object, env: dict[str, str] | None = None) -> Run:
        result = CliRunner().invoke(app, [str(arg) for arg in args], env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def inr_process(tmp_path: Path, root: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command line as a process of its own, on one thread, in `tmp_path`; it does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*args: object, **options: Any) -> subprocess.Popen[str]:
        env = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        # tests may be run where Ctrl-C is ignored, in the background of a script: processes would inherit that
        command = [sys.executable, "-c", _WITH_INTERRUPTS, *ENTRY, *map(str, args)]
        started.append(subprocess.Popen(command, cwd=tmp_path, env=env, text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """An RGB picture of 32 x 24 pixels, in the current folder of `inr_cli`."""
    y, x = np.mgrid[:24, :32]
    pixels = np.stack([127 + 100 * np.sin(x / 5), 127 + 90 * np.cos(y / 4), 4.0 * x + 5.0 * y], axis=-1)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def field_file(inr_cli: Callable[..., Run], photo: Path) -> Path:
    """A fitted field in photo.inr, and nothing else beside the picture."""
    assert inr_cli("fit", photo.name, *QUICK, "--no-comparison", "--quiet").status == 0
    return photo.with_suffix(".inr")
