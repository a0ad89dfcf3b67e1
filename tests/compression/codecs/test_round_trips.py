"""Files decoded elsewhere: in other processes, on other numbers of threads, by other engines."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import inr
from inr import compression

CODECS = ("mlp", "coin", "ani", "doh", "weights")
# threads of a process, in which both engines decode
THREADS = (1, 2)
DECODER = """
import hashlib, sys
import numpy as np, torch
from inr import compression
threads, paths = int(sys.argv[1]), sys.argv[2:]
torch.set_num_threads(threads)
for path in paths:
    data = open(path, "rb").read()
    weights = b"".join(each.detach().numpy().tobytes() for each in compression.decode(data).parameters())
    print(hashlib.sha256(weights).hexdigest())
    engines = "eager", f"cpu:threads={threads}"
    np.save(path + ".npy", np.stack([compression.decompress(data, engine=engine) for engine in engines]))
"""


@pytest.fixture
def files(tmp_path):
    """A file of each codec: 24 x 32 pixels in colour."""
    y, x = np.mgrid[0:24, 0:32] / 32
    planes = np.stack([np.sin(9 * x + 4 * y), np.cos(14 * y * x), np.where(x + y > 0.8, 0.5, -0.5)], axis=-1)
    picture = inr.Signal.from_array((127.5 + 100 * planes).clip(0, 255).astype(np.uint8), kind="image")
    options = {"steps": 20, "engine": "eager"}
    for codec in CODECS:
        if codec == "weights":
            fitted = inr.fit(picture, network="mlp:depth=2,width=16", steps=60, engine="eager")
            made = compression.recompress(fitted, bytes=700, steps=100)
        else:
            made = compression.compress_and_measure(picture, codec=codec, bytes=700, **options)
        (tmp_path / codec).write_bytes(made.data)
    return tmp_path


@pytest.mark.long
def test_weights_are_the_same_bits_and_pictures_the_same_but_for_one_in_a_thousand(files):
    paths = [str(files / codec) for codec in CODECS]
    digests, pictures = [], []
    for path in paths:
        data = Path(path).read_bytes()
        weights = b"".join(each.detach().numpy().tobytes() for each in compression.decode(data).parameters())
        digests.append(hashlib.sha256(weights).hexdigest())
        pictures.append(compression.decompress(data, engine="eager").astype(int))
    for threads in THREADS:
        told = subprocess.run(
            [sys.executable, "-c", DECODER, str(threads), *paths],
            capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        ).stdout.split()  # fmt: skip
        assert told == digests
        for path, picture in zip(paths, pictures, strict=True):
            for decoded in np.load(path + ".npy").astype(int):
                apart = np.abs(decoded - picture)
                assert apart.max() <= 1, (path, threads)
                assert np.count_nonzero(apart) <= apart.size / 1000, (path, threads)
