"""Kernels run on the GPU where there is one, and otherwise in Triton's interpreter, on tensors of the processor."""

import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ.setdefault("TRITON_INTERPRET", "1")  # read when kernels are defined, thus before they are imported


class _Absent(pytest.Module):
    def collect(self) -> Iterable[pytest.Item]:
        pytest.skip("triton is not installed", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    return None if importlib.util.find_spec("triton") else _Absent.from_parent(parent, path=module_path)


@pytest.fixture(scope="session")
def device() -> str:
    """Where kernels run."""
    return DEVICE
