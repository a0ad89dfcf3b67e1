"""What decoding imports: nothing that encodes, no optimiser and no scipy, so that a decoder can be small."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import inr
from tests.tables import mostly_long

# What libraries import by themselves is none of our doing: torch imports torch.optim, and numba, when it first compiles
# or loads a function, imports scipy where that is installed, for its BLAS.
BASELINE = "import numpy, torch, constriction, numba; numba.njit(lambda number: number + 1)(1)\n"
DECODE = (
    "import sys; before = set(sys.modules); import inr.cli\n"
    "sys.argv[:] = ['inr', 'decompress', sys.argv[1], '-q', '-o', *sys.argv[2:]]\n"
    "try:\n    inr.cli.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
    "import json; print(json.dumps([sorted(before), sorted(sys.modules)]))"
)


def modules(code: str, *arguments: str) -> tuple[set[str], set[str]]:
    """The names of the modules that a fresh interpreter has before and after it decodes."""
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True, capture_output=True, text=True, env=os.environ | {"NUMBA_NUM_THREADS": "1"},
    )  # fmt: skip
    before, after = json.loads(run.stdout.splitlines()[-1])
    return set(before), set(after)


@pytest.mark.parametrize("engine", mostly_long(["eager", "auto"]))
@pytest.mark.parametrize("codec", mostly_long(["mlp", "coin"]))
def test_decoding_imports_nothing_that_encodes(codec, engine, tmp_path):
    y, x = np.mgrid[0:8, 0:9] * 20
    signal = inr.Signal.from_array(np.stack([x, y, x + y // 2], axis=-1).astype(np.uint8))
    (tmp_path / "file.inr").write_bytes(inr.compress(signal, codec=codec, bytes=200, steps=2, engine="eager"))
    paths = str(tmp_path / "file.inr"), str(tmp_path / "decoded.png")
    baseline, found = modules(BASELINE + DECODE, *paths, "--engine", engine)
    assert (tmp_path / "decoded.png").exists()
    assert not {name for name in found if name.startswith("inr.compression.encoder")}
    assert not {name for name in found if name.startswith("inr.fitting._optimiser")}
    assert not {name for name in found - baseline if name.startswith(("scipy", "torch.optim"))}
