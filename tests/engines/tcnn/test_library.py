"""Every way in which tinycudann is not there is survived, and said in one line with what would change it."""

import importlib
import json
import subprocess
import sys

import pytest

from inr import InrError
from inr.engines import doctor, engines
from inr.engines import plan as choose
from tests.engines.tcnn.fields import build, signal

FAILURES = {
    "not installed": (ModuleNotFoundError("No module named 'tinycudann'", name="tinycudann"), "is not installed"),
    "for another torch": (
        ImportError("_86_C.so: undefined symbol: _ZN3c10\n  in one place\n  and another"),
        "does not import: _86_C.so: undefined symbol: _ZN3c10 in one place and another",
    ),
    "half installed": (
        ModuleNotFoundError("No module named 'pkg_resources'", name="pkg_resources"),
        "does not import: No module named 'pkg_resources'",
    ),
    "no device": (
        OSError("Unknown compute capability. Ensure PyTorch with CUDA support is installed."),
        "does not import: Unknown compute capability",
    ),
    "built for others": (
        OSError("Could not find compatible tinycudann extension for compute capability 90."),
        "does not import: Could not find compatible tinycudann extension",
    ),
    "driver": (RuntimeError("CUDA driver initialization failed"), "does not import: CUDA driver initialization failed"),
    "silent": (AssertionError(), "does not import: AssertionError"),
    "endless": (RuntimeError("x" * 10_000), "does not import: xxx"),
}


def fail_with(monkeypatch, error):
    load = importlib.import_module

    def importing(name, *args):
        if name == "tinycudann":
            raise error
        return load(name, *args)

    monkeypatch.setattr(importlib, "import_module", importing)


@pytest.mark.parametrize("kind", FAILURES)
def test_import_errors_of_every_kind(monkeypatch, kind):
    error, words = FAILURES[kind]
    fail_with(monkeypatch, error)
    problem = engines.build("tcnn").unavailable()
    assert f"tinycudann {words}" in problem
    assert "conda install -c conda-forge tiny-cuda-nn" in problem
    assert "-m pip install --no-build-isolation FOLDER/bindings/torch" in problem
    assert "NVIDIA GPU" in problem
    assert "\n" not in problem
    assert len(problem) < 700
    assert engines.build("tcnn").facts() == {}


def test_the_doctor_tells(monkeypatch):
    fail_with(monkeypatch, FAILURES["no device"][0])
    report = doctor()
    json.dumps(report)
    told = next(engine for engine in report["engines"] if engine["name"] == "tcnn")
    assert told["problem"].startswith("tinycudann does not import: Unknown compute capability")
    assert told["facts"] == {}


def test_asked_for_by_name_it_is_an_error_and_nothing_else(monkeypatch):
    fail_with(monkeypatch, FAILURES["for another torch"][0])
    field = build(signal(), activation="relu", network="mlp:width=16,bias=false")
    with pytest.raises(InrError, match="engine 'tcnn' is not available: tinycudann does not import"):
        choose(field, None, "tcnn")
    assert choose(field)[0] != "tcnn"


def test_a_folder_of_that_name_is_not_the_library(monkeypatch, tmp_path):
    (tmp_path / "tinycudann").mkdir()
    monkeypatch.delitem(sys.modules, "tinycudann", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    problem = engines.build("tcnn").unavailable()
    sys.modules.pop("tinycudann")
    assert f"what imports as tinycudann is not tiny-cuda-nn ({tmp_path / 'tinycudann'})" in problem


def test_interrupts_are_not_survived(monkeypatch):
    fail_with(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        engines.build("tcnn").unavailable()


def test_facts_of_a_library_that_is_there(library):
    library(jit=True)
    assert engines.build("tcnn").unavailable() is None
    facts = engines.build("tcnn").facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["run-time compilation"] is True


def test_versions_without_run_time_compilation(library, monkeypatch):
    library()
    monkeypatch.delattr(sys.modules["tinycudann"], "supports_jit_fusion")
    assert engines.build("tcnn").facts()["run-time compilation"] is False
    field = build(signal(), activation="relu", network="mlp:width=16,bias=false")
    assert choose(field, None, "tcnn")[0] == "tcnn"


def test_the_engine_asks_for_the_library_only_when_asked(root, tmp_path):
    (tmp_path / "tinycudann.py").write_text("raise SystemError('imported')")
    code = (
        "import sys; import inr.engines._tcnn._engine as e; "
        "assert 'tinycudann' not in sys.modules; e.Tcnn(); print(e.Tcnn.unavailable())"
    )
    env = {"PYTHONPATH": f"{root}:{tmp_path}", "PATH": "", "OMP_NUM_THREADS": "1"}
    told = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert told.stdout.startswith("tinycudann does not import: imported;")
    assert told.stderr == ""
