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
# (engine, threads)
PLACES = (("eager", 1), ("eager", 2), ("cpu:threads=1", 1), ("cpu:threads=2", 2))
DECODER = """
import hashlib, sys
import numpy as np, torch
from inr import compression
torch.set_num_threads(int(sys.argv[2]))
for path in sys.argv[3:]:
    data = open(path, "rb").read()
    weights = b"".join(each.detach().numpy().tobytes() for each in compression.decode(data).parameters())
    print(hashlib.sha256(weights).hexdigest())
    np.save(path + ".npy", compression.decompress(data, engine=sys.argv[1]))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of each codec: 24 x 32 pixels in colour."""
    y, x = np.mgrid[0:24, 0:32] / 32
    planes = np.stack([np.sin(9 * x + 4 * y), np.cos(14 * y * x), np.where(x + y > 0.8, 0.5, -0.5)], axis=-1)
    picture = inr.Signal.from_array((127.5 + 100 * planes).clip(0, 255).astype(np.uint8), kind="image")
    options = {"steps": 20, "engine": "eager"}
    folder = tmp_path_factory.mktemp("files")
    for codec in CODECS:
        if codec == "weights":
            fitted = inr.fit(picture, network="mlp:depth=2,width=16", steps=60, engine="eager")
            made = compression.recompress(fitted, bytes=700, steps=100)
        else:
            made = compression.compress_and_measure(picture, codec=codec, bytes=700, **options)
        (folder / codec).write_bytes(made.data)
    return folder


@pytest.mark.parametrize(("engine", "threads"), PLACES)
def test_weights_are_the_same_bits_and_pictures_the_same_but_for_one_in_a_thousand(files, engine, threads):
    paths = [str(files / codec) for codec in CODECS]
    told = subprocess.run(
        [sys.executable, "-c", DECODER, engine, str(threads), *paths],
        capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    ).stdout.split()  # fmt: skip
    for path, digest in zip(paths, told, strict=True):
        data = Path(path).read_bytes()
        here = b"".join(each.detach().numpy().tobytes() for each in compression.decode(data).parameters())
        assert hashlib.sha256(here).hexdigest() == digest
        samples = compression.decompress(data, engine="eager").astype(int)
        apart = np.abs(np.load(path + ".npy").astype(int) - samples)
        assert apart.max() <= 1
        assert np.count_nonzero(apart) <= apart.size / 1000
