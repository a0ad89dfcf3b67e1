"""Small linear algebra between the steps of an engine with threads of its own, on a machine that others use as well."""

import os
import subprocess
import sys

import pytest
import torch

from inr import Budget, Signal
from inr.fitting import make_fitter, one_thread

# Fits with several threads and says its processor seconds: beside two processes that never sleep, and on one thread.
FITS = """
import os, resource, subprocess, sys
import numpy as np, torch
from inr import Budget, Signal
from inr.fitting import make_fitter

def seconds(threads, **given):
    torch.set_num_threads(threads)
    fitter = make_fitter(
        signal, encoding="identity", activation="sine", network="mlp:depth=3,width=32", batch=2048,
        budget=Budget(steps=STEPS), learning_rate=1e-3, engine="cpu:threads=2", **given,
    )
    fitter.prepare()
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in fitter.run():
        pass
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert torch.get_num_threads() == threads
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

STEPS = 30
y, x = np.mgrid[0:64, 0:64] / 64
signal = Signal.from_array((120 + 100 * np.sin(9 * x + 5 * y * x)).astype(np.uint8), kind="image")
settings = [{"optimiser": "soap"}, {"teacher": "nint"}]
for given in settings:
    seconds(1, **given)
busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
try:
    for given in settings:
        print(seconds(1, **given), seconds(2, **given))
finally:
    for process in busy:
        process.kill()
        process.wait()
"""


@pytest.mark.long
def test_it_takes_no_more_on_a_busy_machine(root):
    # as a user has it, not as these tests set threads
    env = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    run = subprocess.run(
        [sys.executable, "-c", FITS], check=True, capture_output=True, text=True, env=env | {"PYTHONPATH": str(root)}
    )
    for line in run.stdout.splitlines():
        alone, several = map(float, line.split())
        # threads that fight take twenty times as long (soap 0.05 s and 1.2 s, nint 0.14 s and 5.9 s)
        assert several < 4 * alone + 0.2


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("engine", "encoding", "expected"),
    [("cpu:threads=2", "identity", 1), ("eager", "identity", 2), ("cpu:threads=2", "sape:num_blocks=4", 2)],
)
def test_only_engines_of_own_threads_leave_pytorch_one(two_threads, monkeypatch, engine, encoding, expected):
    """Those that hand something to PyTorch, and `eager`, which is PyTorch, keep its threads."""
    signal = Signal.from_array(torch.arange(64.0).reshape(8, 8).numpy())
    fitter = make_fitter(
        signal, encoding=encoding, activation="sine", network="mlp:depth=1,width=8", budget=Budget(steps=8),
        learning_rate=1e-3, engine=engine,
    )  # fmt: skip
    seen, step = [], fitter._optimiser.step
    monkeypatch.setattr(fitter._optimiser, "step", lambda grads: (seen.append(torch.get_num_threads()), step(grads)))
    for _ in fitter.run():
        assert torch.get_num_threads() == 2
    assert seen == 8 * [expected]


def test_threads_come_back_after_a_failure(two_threads):
    with pytest.raises(ZeroDivisionError), one_thread():
        assert torch.get_num_threads() == 1
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2
