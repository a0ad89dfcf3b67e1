"""Every registered part outside of PyTorch: by cc, Node.js, NumPy, ONNX Runtime and a browser."""

import ctypes
import json
import shutil
import subprocess
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inr.exporting import printed
from inr.exporting._c import c
from inr.exporting._evaluate import evaluate
from inr.exporting._exchange import InUnits, exported, save_onnx
from inr.exporting._js import js
from inr.exporting._rounded import NEAR, shortened
from tests.exporting import browser
from tests.exporting.fields import POINTS, TOLERANCE, cases
from tests.test_tracing import PARTS

every_part = pytest.mark.parametrize("name", PARTS)


@pytest.fixture(autouse=True, scope="module")
def _unchecked():
    """The tests' own checks of arguments are no part of what is recorded."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def identifier(name: str) -> str:
    return "f_" + "".join(letter if letter.isalnum() else "_" for letter in name)


def largest_difference(found: np.ndarray, name: str) -> float:
    return float(np.abs(found - cases()[name].values).max())


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> ctypes.CDLL:
    """All fields, compiled at once."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler on this machine")
    folder = tmp_path_factory.mktemp("c")
    text = b"".join(c(case.program, identifier(name), []) for name, case in cases().items())
    (folder / "all.c").write_bytes(text)
    command = ["cc", "-std=c11", "-O0", "-Wall", "-Werror", "-shared", "-fPIC", "-Dreal=double", "all.c", "-lm"]
    subprocess.run([*command, "-o", "all.so"], cwd=folder, check=True, timeout=120)
    return ctypes.CDLL(str(folder / "all.so"))


@every_part
def test_in_c(name, library):
    found = np.zeros((len(POINTS), 3))
    function = getattr(library, identifier(name))
    for point, values in zip(POINTS, found, strict=True):
        function(point.ctypes.data_as(ctypes.c_void_p), values.ctypes.data_as(ctypes.c_void_p))
    assert largest_difference(found, name) <= TOLERANCE


@pytest.fixture(scope="module")
def by_node(tmp_path_factory) -> dict[str, np.ndarray]:
    """What all fields give in Node.js, run once."""
    if shutil.which("node") is None:
        pytest.skip("there is no Node.js on this machine")
    folder = tmp_path_factory.mktemp("js")
    for name, case in cases().items():
        (folder / f"{identifier(name)}.mjs").write_bytes(js(case.program, "field", []))
    lines = [f'import {{ field as {identifier(name)} }} from "./{identifier(name)}.mjs";' for name in cases()]
    found = ", ".join(f"{json.dumps(name)}: points.map((each) => [...{identifier(name)}(each)])" for name in cases())
    lines += [f"const points = {json.dumps(POINTS.tolist())};", f"console.log(JSON.stringify({{{found}}}));"]
    (folder / "main.mjs").write_text("\n".join(lines))
    done = subprocess.run(["node", "main.mjs"], cwd=folder, capture_output=True, text=True, check=True, timeout=120)
    return {name: np.array(values) for name, values in json.loads(done.stdout).items()}


@every_part
def test_in_javascript(name, by_node):
    assert largest_difference(by_node[name], name) <= TOLERANCE


@every_part
def test_rounded_constants_keep_values_near(name):
    case = cases()[name]
    assert largest_difference(evaluate(case.program, POINTS), name) <= TOLERANCE
    if sum(array.size for array in case.program.arrays() if array.data is not None) < 500:
        assert largest_difference(evaluate(shortened(case.program, 1.0), POINTS), name) <= 2 * NEAR + 1e-7


@pytest.mark.service
@pytest.mark.parametrize("language", ["glsl", "wgsl"])
def test_in_a_browser(language, tmp_path):
    if browser.chromium() is None:
        pytest.skip("there is no Chromium on this machine")
    shaders = {name: printed(case.field, language) for name, case in cases().items()}
    with browser.page(tmp_path) as page:
        found = browser.run(page, language, shaders, POINTS, 3)
    far = {name: largest_difference(values, name) for name, values in found.items()}
    assert {name: each for name, each in far.items() if not each <= TOLERANCE} == {}
    assert len(found) == len(PARTS)


class All(nn.Module):
    """The values of all fields, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.fields = nn.ModuleList(InUnits(case.field) for case in cases().values())

    def forward(self, coords: Tensor) -> Tensor:
        return torch.cat([field(coords) for field in self.fields], dim=1)


def side_by_side() -> np.ndarray:
    return np.concatenate([case.values for case in cases().values()], axis=1)


@pytest.mark.long
def test_in_onnx_runtime(tmp_path: Path):
    onnxruntime = pytest.importorskip("onnxruntime")
    save_onnx(All().eval(), 2, torch.float32, tmp_path / "all.onnx", None)
    session = onnxruntime.InferenceSession(tmp_path / "all.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"coords": POINTS.astype(np.float32)})
    difference = np.abs(found - side_by_side()).max(0).reshape(-1, 3).max(1)
    far = {name: each for name, each in zip(cases(), difference, strict=True) if not each <= TOLERANCE}
    assert far == {}


@pytest.mark.long
def test_by_torch_export():
    program = exported(All().eval(), 2, torch.float32)
    found = program.module()(torch.from_numpy(POINTS).float()).detach().numpy()
    assert np.abs(found - side_by_side()).max() <= TOLERANCE
