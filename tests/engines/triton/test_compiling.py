"""Kernels compile for GPUs that are not there, into what those have room for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Bytes of shared memory that a program may have: what GPUs of 8.6 and 8.9 have, the least of Ampere and later. Code for
# the tensor cores of 10.0 runs on no other GPU, and may take what those have; Triton 3.7 takes 1 KiB more than 3.9.
SHARED = 99 * 1024
SHARED_OF_10 = 227 * 1024
# what does not fit in registers is spilled: some numbers of a tile at a place that is passed once are no matter
STACK = 1024

SHORT = [(90, "sine", 64, 2, 0, "float16")]
LONG = [
    (capability, *case)
    for capability in (80, 86, 90, 100)
    for case in (
        ("sine", 256, 2, 0, "float16"), ("sine", 128, 2, 0, "bfloat16"), ("relu", 64, 24, 0, "float16"),
        ("relu", 32, 24, 0, "float16"), ("gabor", 64, 2, 0, "float16"), ("gabor", 181, 2, 0, "tf32"),
        ("gaussian", 128, 3, 64, "float16"), ("sine", 256, 2, 256, "float16"), ("sine", 64, 2, 0, "float32"),
        ("sine", 256, 2, 0, "tf32"), ("gabor", 256, 2, 0, "float32"), ("gabor", 181, 2, 0, "float16"),
    )
]  # fmt: skip


def compiled(script, case, root, cache):
    """What a script says of the kernels that it compiles."""
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(cache), "PYTHONPATH": str(root)}
    command = [sys.executable, Path(__file__).with_name(script), *map(str, case)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("case", SHORT + [pytest.param(case, marks=pytest.mark.long) for case in LONG], ids=str)
def test_networks_compile(case, root, tmp_path):
    kernels = compiled("compiling.py", case, root, tmp_path)
    assert [kernel["kernel"] for kernel in kernels] == ["render", "learn", "first", "hidden", "hidden"]
    for kernel in kernels:
        assert kernel["shared"] <= (SHARED_OF_10 if case[0] == 100 else SHARED), kernel
        assert kernel["stack"] <= STACK, kernel
        if case[-1] != "float32":  # whose products are exact, and so on no tensor cores
            assert kernel["tensor cores"] != "none", kernel


@pytest.mark.long
@pytest.mark.parametrize("case", [(90, 4, 32), (80, 3, 32), (90, 1, 64)], ids=str)
def test_whole_fits_compile(case, root, tmp_path):
    kernels = compiled("compiling_fits.py", case, root, tmp_path)
    assert [kernel["kernel"] for kernel in kernels] == ["fit", "measure"]
    for kernel in kernels:
        # what of weights, gradients and a tile's values does not fit in registers is spilled, to the first cache
        assert kernel["shared"] <= SHARED, kernel
        assert kernel["tensor cores"] != "none", kernel
