"""What reading takes: no torch for a file's description and for a signal, and little time."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inr
from tests.tables import mostly_long

pytestmark = pytest.mark.quick


def run(program: str, *arguments: str) -> str:
    """A program's output; checks that torch was not imported when it ended."""
    environment = {**os.environ, "PYTHONPATH": str(Path(inr.__file__).parents[1])}
    closing = "\nimport sys\nassert not {'torch', 'numba', 'scipy'} & set(sys.modules), 'heavy libraries were imported'"
    command = [sys.executable, "-c", program + closing, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("coding", mostly_long(["coded", "samples", "exact", "half"], 2))
def test_describing_a_file_takes_no_torch(coding, tmp_path):
    if coding == "coded":
        pytest.importorskip("constriction")
    signal = inr.from_array(np.arange(7 * 9 * 3, dtype=np.uint8).reshape(7, 9, 3))
    chosen = {} if coding == "samples" else {"network": "mlp:depth=1,width=8", "steps": 4, "engine": "eager"}
    field = inr.fit(signal, coding=coding, **chosen)
    field.save(tmp_path / "a.inr")
    program = "import sys, contextlib\nfrom inr.cli import app\nwith contextlib.suppress(SystemExit): app(sys.argv[1:])"
    told = run(program, "info", str(tmp_path / "a.inr"))
    assert f"{field.parameter_count:,}" in told
    assert "image, 3 x uint8" in told
    for config in field.config().values():
        assert config["name"] in told


def test_reading_a_signal_takes_no_torch(tmp_path):
    Image.new("RGB", (12, 7), (9, 8, 7)).save(tmp_path / "a.png")
    program = "import sys, inr\ninr.Signal\nsignal = inr.open(sys.argv[1])\nprint(signal.size, signal.array.shape)"
    assert run(program, str(tmp_path / "a.png")).split() == ["84", "(7,", "12,", "3)"]


def test_the_module_is_the_command_line():
    environment = {**os.environ, "PYTHONPATH": str(Path(inr.__file__).parents[1])}
    command = [sys.executable, "-m", "inr", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stdout == f"inr {inr.__version__}\n"
