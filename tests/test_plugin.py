"""A package of somebody else's adds an encoding, an activation, an objective, an engine and a codec from one file.

It is installed as pip would: a module and a folder of metadata that names its entry points, found by the path. Nothing
of this package is touched, and all that uses parts by name finds them: the list, a fit, a compressed file, a reader.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import inr

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("encoding", "activation", "objective", "engine", "codec")

MODULE = '''
"""Parts of another package."""

from typing import Annotated

import numpy as np
import torch

import inr
from inr.activations import Activation, activations
from inr.compression.codecs import Codec, Payload, codecs
from inr.encodings import Encoding, encodings
from inr.engines import Eager, Engine, engines
from inr.field import Field
from inr.objectives import PointwiseObjective, objectives


@encodings.register("ripple", source="here", formula="cos(k x)")
class Ripple(Encoding):
    """Cosines of the coordinates."""

    def __init__(self, in_dim: int, *, waves: Annotated[int, inr.Range(1, 64), "an axis"] = 6) -> None:
        super().__init__(in_dim, in_dim * waves)
        self.waves = waves

    def forward(self, coords):
        return torch.cos(coords[:, :, None] * torch.arange(1, self.waves + 1, device=coords.device)).flatten(1)


@activations.register("wobble", formula="z + sin(z)^2")
class Wobble(Activation):
    """A line with waves on it."""

    @staticmethod
    def formula(ops, *planes, **constants):
        return (planes[0] + ops.sin(planes[0]) ** 2,)


@objectives.register("bounded", formula="tanh(r^2)")
class Bounded(PointwiseObjective):
    """A loss that no outlier can make large."""

    @staticmethod
    def formula(ops, residual, value, **constants):
        return ops.tanh(residual * residual)


@engines.register("tutor")
class Tutor(Engine):
    """Eager execution under another name, which comes before all others."""

    priority = 1000

    def plan(self, field, objective):
        return Eager().plan(field, objective)


@codecs.register("halves")
class Halves(Codec):
    """Weights of a small network as half floats, as they are."""

    def steps(self, signal):
        return 30

    def encode(self, signal, max_bytes, *, steps, engine="auto", seed=0, fits=None):
        field = inr.fit(signal, **PARTS, steps=steps, engine=engine, seed=seed)
        return [Payload("base", b"".join(each.detach().half().numpy().tobytes() for each in field.parameters()))]

    def decode(self, domain, payloads, **options):
        field = Field.build(domain, **PARTS)
        numbers = torch.from_numpy(np.frombuffer(payloads["base"], np.float16).astype(np.float32))
        torch.nn.utils.vector_to_parameters(numbers, field.parameters())
        return field


PARTS = {"encoding": "ripple", "activation": "wobble", "network": "mlp:depth=1,width=8"}
'''


@pytest.fixture
def installed(tmp_path):
    """The folder that holds the package and its metadata."""
    folder = tmp_path / "site"
    metadata = folder / "otherparts-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "otherparts.py").write_text(MODULE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: otherparts\nVersion: 1.0\n")
    groups = [f"[inr.{kind}s]\nother = otherparts\n" for kind in KINDS]
    (metadata / "entry_points.txt").write_text("\n".join(groups))
    return folder


@pytest.fixture
def command(installed, tmp_path):
    """Runs `inr` with the package on the path, in a folder with a picture; gives what it prints."""
    y, x = np.mgrid[:16, :20]
    samples = (127 + 60 * np.sin(x / 3) + 60 * np.cos(y / 4)).astype(np.uint8)
    inr.Signal.from_array(samples).save(tmp_path / "photo.png")

    def run(*arguments, path=f"{installed}{os.pathsep}{ROOT}", status=0):
        environment = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(
            [sys.executable, ROOT / "cli.py", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    return run


# how a registry finds parts of other packages is told by test_parts.py in the process of the tests
@pytest.mark.long
def test_its_parts_are_listed(command):
    listed = {(part["kind"], part["name"]): part for part in json.loads(command("parts", "--json"))["parts"]}
    for kind, name in zip(KINDS, ("ripple", "wobble", "bounded", "tutor", "halves"), strict=True):
        assert listed[kind, name]["summary"]
    assert listed["encoding", "ripple"]["params"][0]["name"] == "waves"


@pytest.mark.long
def test_a_fit_takes_them_and_its_file_is_read_back(command, tmp_path):
    parts = ("--encoding", "ripple:waves=5", "--activation", "wobble", "--objective", "bounded")
    fitted = json.loads(command("fit", "photo.png", *parts, "--steps", "40", "--no-comparison", "--json"))
    assert fitted["engine"] == "tutor"  # which auto has found the fastest
    assert "wobble" in command("info", "photo.inr")
    command("render", "photo.inr", "-o", "again.png")
    assert inr.open(tmp_path / "again.png").array.shape == (16, 20, 1)
    assert "ripple" in command("render", "photo.inr", "-o", "other.png", path=str(ROOT), status=2)  # unknown without it


@pytest.mark.long
def test_a_fit_by_kernels_takes_its_activation_and_objective(command):
    parts = ("--activation", "wobble", "--objective", "bounded", "--engine", "cpu", "--network", "mlp:depth=1,width=8")
    fitted = json.loads(command("fit", "photo.png", *parts, "--steps", "40", "--no-comparison", "--json"))
    assert fitted["engine"] == "cpu"


@pytest.mark.long
def test_its_codec_compresses_and_its_files_are_read_back(command, tmp_path):
    command("compress", "photo.png", "--codec", "halves", "--bytes", "4000", "-o", "small.inr")
    command("decompress", "small.inr", "-o", "back.png")
    assert inr.open(tmp_path / "back.png").array.shape == (16, 20, 1)
