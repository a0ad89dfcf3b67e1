"""Fits and files that a server makes have the bytes of those made here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from studies.service._server import crops, serving

pytestmark = pytest.mark.long
CASES = {
    "exact": ("fit", "--no-comparison", "--steps", "120"),
    "coded": ("fit", "--no-comparison", "--steps", "80", "--coded"),
    "bytes": ("fit", "--no-comparison", "--steps", "80", "--bytes", "3000", "--for", "memory"),
    "parts": (
        "fit",
        "--no-comparison",
        "--steps",
        "60",
        "--activation",
        "sine",
        "--network",
        "mlp:depth=2,width=32",
        "--lr",
        "1e-3",
        "--half",
    ),
    "samples": ("fit", "--no-comparison", "--samples"),
    "solved": ("fit", "--no-comparison", "--solver", "closed-form"),
    "compressed": ("compress", "--codec", "coin", "--bytes", "600", "--steps", "80"),
}


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("uvicorn")
    with serving(warm=False) as server:
        yield server


def made(folder: Path, root: Path, *arguments: str) -> bytes:
    """The bytes that a command writes, on one thread."""
    threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    environment = os.environ | threads | {"PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "inr", *arguments, "--quiet", "--force", "-o", "a.inr"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return (folder / "a.inr").read_bytes()


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_the_bytes_are_those_that_are_made_here(options, server, tmp_path, root):
    (path,) = crops(tmp_path, 1)
    served = made(tmp_path, root, *options, path.name, "--server", server.url, "--token", server.token)
    assert served == made(tmp_path, root, *options, path.name)
