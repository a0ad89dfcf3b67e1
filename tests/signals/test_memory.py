"""A large picture is opened and walked through in little more memory than its own pixels take."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

# Not ru_maxrss: that is inherited from the process that starts this one.
WALK = """
import re, sys
import torch
def peak():
    return re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]
torch.set_num_threads(1)
import inr.signals as signals
small = signals.open(sys.argv[1])
next(small.blocks())
before = peak()
signal = signals.open(sys.argv[2])
total = sum(len(coords) + 0 * float(values.sum()) for coords, values in signal.blocks())
after = peak()
print(before, after, int(total), signal.size)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is of Linux")
@pytest.mark.long
def test_a_picture_of_5400_by_2700_stays_small(tmp_path):
    y, x = np.mgrid[:2700, :5400].astype(np.uint16)
    Image.fromarray(np.stack([x % 256, y % 256, (x + y) % 256], axis=-1).astype(np.uint8)).save(tmp_path / "large.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "small.png")
    path = os.pathsep.join(entry for entry in sys.path if entry)
    run = subprocess.run(
        [sys.executable, "-c", WALK, str(tmp_path / "small.png"), str(tmp_path / "large.png")],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    before, after, walked, size = map(int, run.stdout.split())
    assert walked == size == 5400 * 2700
    # Measured: 229 MiB before (nearly all of it torch), 367 MiB after; the pixels are 42 MiB, which pillow holds
    # in 56 MiB of its own and hands over as two copies.
    assert after - before < 256 * 1024
    assert after < 1024 * 1024
