"""What an installation is: light to import, complete in its public face, shadowing nothing."""

import ast
import importlib
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import inr
from tests.tables import mostly_long

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "inr"
ROOMS = ["inr", *sorted(f"inr.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py"))]
# what the server's process imports, which is to stay small
SERVER = "inr.serving.http.server"
HEAVY = ["torch", "numba", "triton", "scipy", "skimage", "matplotlib", "av", "nibabel"]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the checkout, without whatever this process has imported or was told."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **environment}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


def modules_after(code: str) -> set[str]:
    """Top-level modules that are loaded once the code has run; it must print nothing."""
    report = "import sys; print('loaded', *{name.partition('.')[0] for name in sys.modules})"
    result = python("-c", f"{code}\n{report}")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.startswith("loaded ")
    return set(result.stdout.split())


def test_no_root_entry_shadows_the_standard_library():
    importable = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert "cli" in importable  # the listing is of the right folder
    assert importable & sys.stdlib_module_names == set()


def test_the_checkout_on_the_path_disturbs_no_interpreter():
    assert python("-c", "import json, encodings, codecs; print('fine')").stdout == "fine\n"


@pytest.mark.parametrize("rooms", mostly_long([", ".join([*ROOMS, SERVER]), *ROOMS, SERVER]))
def test_importing_rooms_is_light_and_silent(rooms):
    loaded = modules_after(f"import {rooms}")
    assert "inr" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("room", ROOMS)
def test_the_public_face_is_complete_and_sorted(room):
    module = importlib.import_module(room)
    assert module.__doc__
    assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = module.nonsense


def reexported(room: str) -> set[str]:
    """Names that a room's `if TYPE_CHECKING:` block shows to type checkers."""
    tree = ast.parse((PACKAGE / room.partition(".")[2] / "__init__.py").read_text())
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


@pytest.mark.parametrize("room", ROOMS)
def test_type_checkers_see_the_same_face(room):
    shown = reexported(room)
    defined = {name for name in importlib.import_module(room).__all__ if name not in shown}
    assert shown <= set(importlib.import_module(room).__all__)
    assert defined <= set(vars(importlib.import_module(room)))  # what is not lazy is defined right there


@pytest.mark.parametrize(
    "command",
    [["cli.py"], pytest.param(["-c", "from inr.cli import main; main()"], marks=pytest.mark.long)],
    ids=["checkout", "installed"],
)
def test_help_is_light(command):
    trace = python("-X", "importtime", *command, "--help")
    assert trace.returncode == 0, trace.stderr
    assert "fit" in trace.stdout
    loaded = {line.rpartition("|")[2].strip() for line in trace.stderr.splitlines() if line.startswith("import time:")}
    assert "inr" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_a_wheel_holds_the_package_and_nothing_else(tmp_path):
    build = "from hatchling.builders.wheel import WheelBuilder as W; print(*W('.').build(directory=r'{}'))"
    result = python("-c", build.format(tmp_path))
    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(f"inr-{inr.__version__}.dist-info/METADATA").decode()
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and path.parent.name != "__pycache__"]
    assert {".py", ".css", ".js", ".mplstyle"} <= {path.suffix for path in files}
    assert {str(path.relative_to(ROOT)) for path in files} <= names
    assert {name.partition("/")[0] for name in names} == {"inr", f"inr-{inr.__version__}.dist-info"}
    assert f"\nVersion: {inr.__version__}\n" in metadata


def test_every_dependency_has_a_known_good_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["dev"] + extras["audio"] + extras["video"] + extras["volume"]
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    names = {requirement.partition(">=")[0].lower() for requirement in wanted if not requirement.startswith("inr[")}
    assert names
    assert names <= pinned
