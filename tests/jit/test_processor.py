"""What kernels are compiled for: this processor, or the one that numba is told of."""

import os
import subprocess
import sys

import pytest

SHAPES = {
    "NUMBA_CPU_NAME=generic": (4, False),
    "NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=+avx2,+fma": (8, True),
    "NUMBA_CPU_NAME=skylake-avx512 NUMBA_CPU_FEATURES=+avx2,+fma,+avx512f": (16, True),
    "NUMBA_CPU_NAME=ivybridge NUMBA_CPU_FEATURES=+avx,-fma,-avx2": (4, False),
}
FIT = """
import numpy as np, torch, inr
signal = inr.from_array(np.random.default_rng(0).random((16, 20, 3)).astype(np.float32))
for parts in ({"encoding": "hash:levels=3"}, {"encoding": "fourier:sigma=2", "activation": "sine"}):
    torch.manual_seed(0)
    field = inr.Field.build(signal.domain, network="mlp:depth=2,width=24", **parts)
    fast, slow = (inr.render(field, engine=engine) for engine in ("cpu", "eager"))
    assert np.abs(fast - slow).max() < 2e-5, np.abs(fast - slow).max()
    both = [inr.fit(signal, steps=5, engine=engine, learning_rate=1e-3, **parts).metrics["psnr"]
            for engine in ("cpu:backward=float32", "eager")]
    assert abs(both[0] - both[1]) < 0.01, both
"""


def told(setting):
    return {**os.environ, **dict(word.split("=", 1) for word in setting.split())}


@pytest.mark.parametrize("setting", SHAPES)
def test_vectors_are_those_of_the_processor_that_numba_compiles_for(setting):
    if not sys.platform.startswith("linux") or os.uname().machine != "x86_64":
        pytest.skip("features of x86")
    code = "from inr.jit import vector; print(vector.LANES, vector.FUSED)"
    done = subprocess.run([sys.executable, "-c", code], env=told(setting), capture_output=True, text=True, check=True)
    lanes, fused = SHAPES[setting]
    assert done.stdout.split() == [str(lanes), str(fused)]


@pytest.mark.long
def test_a_processor_without_fused_products_gives_the_same(tmp_path):
    setting = told("NUMBA_CPU_NAME=generic") | {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", FIT], env=setting, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
