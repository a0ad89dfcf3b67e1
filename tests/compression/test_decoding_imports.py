"""What decoding imports: nothing that encodes, no optimiser and no scipy, so that a decoder can be small."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import inr

# What libraries import by themselves is none of our doing: torch imports torch.optim, and numba, when it first compiles
# or loads a function, imports scipy where that is installed, for its BLAS.
BASELINE = "import numpy, torch, constriction, numba; numba.njit(lambda number: number + 1)(1)"
DECODE = (
    "import sys, inr.cli; sys.argv[:] = ['inr', 'decompress', sys.argv[1], '-q', '-o', *sys.argv[2:]]\n"
    "try:\n    inr.cli.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
)
LIST = "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"


def modules_after(code: str, *arguments: str) -> set[str]:
    """The names of the modules that a fresh interpreter has after it ran some code."""
    run = subprocess.run(
        [sys.executable, "-c", code + LIST, *arguments],
        check=True, capture_output=True, text=True, env=os.environ | {"NUMBA_NUM_THREADS": "1"},
    )  # fmt: skip
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def baseline() -> set[str]:
    return modules_after(BASELINE)


@pytest.mark.parametrize("engine", [pytest.param("eager", marks=pytest.mark.long), "auto"])
@pytest.mark.parametrize("codec", [pytest.param("coin", marks=pytest.mark.long), "mlp"])
def test_decoding_imports_nothing_that_encodes(codec, engine, baseline, tmp_path):
    y, x = np.mgrid[0:8, 0:9] * 20
    signal = inr.Signal.from_array(np.stack([x, y, x + y // 2], axis=-1).astype(np.uint8))
    (tmp_path / "file.inr").write_bytes(inr.compress(signal, codec=codec, bytes=200, steps=2, engine="eager"))
    paths = str(tmp_path / "file.inr"), str(tmp_path / "decoded.png")
    found = modules_after(DECODE, *paths, "--engine", engine)
    assert (tmp_path / "decoded.png").exists()
    assert not {name for name in found if name.startswith("inr.compression.encoder")}
    assert not {name for name in found if name.startswith("inr.fitting._optimiser")}
    assert not {name for name in found - baseline if name.startswith(("scipy", "torch.optim"))}
