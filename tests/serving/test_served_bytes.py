"""A fit on a server gives the bytes of a fit here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from studies.service._server import crops, serving

pytestmark = pytest.mark.long
CASES = {
    "exact": ("--steps", "120"),
    "coded": ("--steps", "80", "--coded"),
    "bytes": ("--steps", "80", "--bytes", "3000", "--for", "memory"),
    "parts": ("--steps", "60", "--activation", "sine", "--network", "mlp:depth=2,width=32", "--lr", "1e-3", "--half"),
    "samples": ("--samples",),
    "solved": ("--solver", "closed-form"),
}


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("uvicorn")
    with serving(warm=False) as server:
        yield server


def fit(folder: Path, root: Path, *arguments: str) -> bytes:
    """The bytes that `inr fit` writes, on one thread."""
    threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    environment = os.environ | threads | {"PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "inr", "fit", *arguments, "--no-comparison", "--quiet", "--force", "-o", "a.inr"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return (folder / "a.inr").read_bytes()


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_the_bytes_are_those_of_a_fit_here(options, server, tmp_path, root):
    (path,) = crops(tmp_path, 1)
    served = fit(tmp_path, root, path.name, *options, "--server", server.url, "--token", server.token)
    assert served == fit(tmp_path, root, path.name, *options)
