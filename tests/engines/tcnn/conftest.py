"""The library, as it would be where there is a GPU."""

import sys
from types import ModuleType

import pytest

import inr.engines._tcnn._engine  # noqa: F401  registers the engine
from tests.engines.tcnn import reference


@pytest.fixture(params=["float32", "float16"])
def precision(request):
    """The builds of the library that there are."""
    return request.param


@pytest.fixture
def library(monkeypatch):
    """Install the reference as `tinycudann`, of one of the builds; returns the modules made since."""

    def install(precision="float32", jit=False):
        made = []

        class Network(reference.Network):
            half = precision == "float16"

            def __init__(self, *args, **options):
                super().__init__(*args, **options)
                made.append(self)

        module = ModuleType("tinycudann")
        module.Network = Network
        module.supports_jit_fusion = lambda: jit
        monkeypatch.setitem(sys.modules, "tinycudann", module)
        return made

    return install
