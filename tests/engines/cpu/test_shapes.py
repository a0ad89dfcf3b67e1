"""Kernels for processors with longer and shorter vectors than this one's, which the compiler breaks up."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from numba.core import codegen
asked = codegen.get_host_cpu_features
codegen.get_host_cpu_features = lambda: ",".join("+" + name for name in sys.argv[1].split())
from inr.jit import vector
codegen.get_host_cpu_features = asked
import numpy as np, torch, inr
from inr.engines import Batch, plan
from inr.field import Field
from inr.objectives import Regression

samples = np.random.default_rng(0).integers(0, 255, (17, 13, 3)).astype(np.uint8)
source = inr.Signal.from_array(samples)
torch.manual_seed(0)
worst = 0.0
for backward in ("float32", "bfloat16"):
    parts = {"encoding": "hash:levels=3,finest=40", "activation": "gabor", "network": "mlp:depth=3,width=21"}
    field = Field.build(source.domain, **parts)
    tensors = dict(field.named_parameters())
    ours, theirs = (
        plan(field, Regression(source), engine)[1].loss_and_grad(tensors, Batch(torch.arange(source.size)))
        for engine in (f"cpu:threads=2,tile=13,backward={backward}", "eager")
    )
    limit = 1e-4 if backward == "float32" else 0.1
    for name, right in theirs.grads.items():
        found = ours.grads[name]
        found = found.to_dense() if hasattr(found, "to_dense") else found
        worst = max(worst, float((found - right).norm() / right.norm()) / limit)
    worst = max(worst, float((ours.residuals - theirs.residuals).abs().max()) / 1e-4)
from inr.field import Jet, Reads, laplace
field = Field.build(source.domain, encoding="identity", activation="gabor:omega=2", network="mlp:depth=2,width=21")
tensors, coords = dict(field.named_parameters()), torch.rand(50, 2) * 2 - 1
for reads in (Reads((0,), (laplace(2),)), Reads((1,))):
    plans = [plan(field, None, engine)[1] for engine in ("cpu:threads=2,tile=13,backward=float32", "eager")]
    jets = [each.jet(tensors, coords, reads) for each in plans]
    adjoint = Jet(*map(torch.ones_like, jets[1]))
    pulled = [each.pull(tensors, coords, adjoint, reads) for each in plans]
    pairs = [*zip(*jets), *((pulled[0][name], pulled[1][name]) for name in tensors)]
    for found, right in pairs:
        if right.numel():
            worst = max(worst, float((found - right).norm() / right.norm()) / 1e-4)
print(vector.LANES, vector.ROWS, worst)
"""


@pytest.mark.long
@pytest.mark.parametrize(("features", "lanes"), [("", 4), ("avx512f", 16), ("avx512f fma", 16)])
def test_steps_agree_with_eager(features, lanes, tmp_path):
    environment = os.environ | {"INR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, features], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    found, _, worst = done.stdout.split()
    assert int(found) == lanes
    assert float(worst) < 1
