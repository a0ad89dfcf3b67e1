"""constraints.txt: versions that fit together, and that exist, on every machine that README.md names."""

import importlib.util
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64"))


def pinned(environment: dict[str, str]) -> dict[str, Requirement]:
    """The lines of constraints.txt that apply."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {pin.name: pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment)}


@pytest.mark.parametrize(("machine", "python"), [*product(MACHINES, PYTHONS)], ids=str)
def test_every_dependency_has_one_version_that_the_project_allows(machine, python):
    environment = {"sys_platform": machine[0], "platform_machine": machine[1], "python_version": python}
    environment["python_full_version"] = f"{python}.0"
    pins = pinned(environment)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    for line in [*project["dependencies"], *(line for extra in extras for line in extra)]:
        asked = Requirement(line)
        if asked.name == "inr" or not (asked.marker is None or asked.marker.evaluate(environment)):
            continue
        (version,) = pins[asked.name].specifier
        assert version.operator == "=="
        assert asked.specifier.contains(version.version), line


@pytest.mark.long
def test_everything_resolves_from_wheels_on_every_machine():
    if importlib.util.find_spec("uv") is None:
        pytest.skip("uv is not installed: pip install 'inr[dev]'")
    script = ROOT / "tools" / "check_resolution.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    if done.returncode == 2:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    rows = done.stdout.splitlines()[1:]
    assert len(rows) == len(MACHINES) * len(PYTHONS)
    assert {row.split()[-1] for row in rows if row.startswith("Linux ARM")} <= {"constriction", "-"}
