"""Every registered part outside of PyTorch: by cc, Node.js, NumPy, ONNX Runtime and a browser."""

import shutil
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch

from inr.exporting import printed
from inr.exporting._evaluate import evaluate
from inr.exporting._exchange import InUnits, exported
from inr.exporting._program import Program
from inr.exporting._rounded import NEAR, shortened
from tests.exporting import browser
from tests.exporting.fields import NAMES, POINTS, TOLERANCE, cases, centres, rendered
from tests.exporting.outside import in_c, in_node, in_onnx_runtime

every_part = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True, scope="module")
def _unchecked():
    """The tests' own checks of arguments are no part of what is recorded."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def largest_difference(found: np.ndarray, name: str) -> float:
    return float(np.abs(found - cases()[name].values).max())


def programs() -> dict[str, Program]:
    return {name: case.program for name, case in cases().items()}


@pytest.fixture(scope="module")
def by_c(tmp_path_factory) -> dict[str, np.ndarray]:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler on this machine")
    return in_c(programs(), POINTS, tmp_path_factory.mktemp("c"))


@every_part
def test_in_c(name, by_c):
    assert largest_difference(by_c[name], name) <= TOLERANCE


@pytest.fixture(scope="module")
def by_node(tmp_path_factory) -> dict[str, np.ndarray]:
    if shutil.which("node") is None:
        pytest.skip("there is no Node.js on this machine")
    return in_node(programs(), POINTS, tmp_path_factory.mktemp("js"))


@every_part
def test_in_javascript(name, by_node):
    assert largest_difference(by_node[name], name) <= TOLERANCE


@every_part
def test_rounded_constants_keep_values_near(name):
    case = cases()[name]
    assert largest_difference(evaluate(case.program, POINTS), name) <= TOLERANCE
    if sum(array.size for array in case.program.arrays() if array.data is not None) < 500:
        assert largest_difference(evaluate(shortened(case.program, 1.0), POINTS), name) <= 2 * NEAR + 1e-7


@pytest.fixture(scope="module", params=["glsl", "wgsl"])
def by_browser(request, tmp_path_factory) -> dict[str, np.ndarray]:
    """Values at `POINTS` and then at the centres of pixels."""
    if browser.chromium() is None:
        pytest.skip("there is no Chromium on this machine")
    shaders = {name: printed(case.field, request.param) for name, case in cases().items()}
    with browser.page(tmp_path_factory.mktemp("shaders")) as page:
        return browser.run(page, request.param, shaders, np.concatenate([POINTS, centres()]), 3)


@pytest.mark.service
def test_in_a_browser(by_browser):
    far = {name: largest_difference(by_browser[name][: len(POINTS)], name) for name in NAMES}
    assert {name: each for name, each in far.items() if not each <= TOLERANCE} == {}


@pytest.mark.service
def test_pixels_in_a_browser_are_those_of_inr_render(by_browser):
    far = {name: np.abs(255 * by_browser[name][len(POINTS) :] - rendered(name)).max() for name in NAMES}
    assert {name: each for name, each in far.items() if not each <= 0.01} == {}  # of 255 grey levels


@pytest.mark.long
@every_part
def test_in_onnx_runtime(name, tmp_path: Path):
    pytest.importorskip("onnxruntime")
    found = in_onnx_runtime(InUnits(cases()[name].field), POINTS, tmp_path / "field.onnx")
    assert largest_difference(found, name) <= TOLERANCE


@pytest.mark.long
@every_part
def test_by_torch_export(name):
    program = exported(InUnits(cases()[name].field), 2, torch.float32)
    assert largest_difference(program.module()(torch.from_numpy(POINTS).float()).detach().numpy(), name) <= TOLERANCE
