"""Resolve what inr depends on, on every machine that README.md names, without installing anything.

    python tools/check_resolution.py

Prints, for every platform and Python, how many packages the extras for developers take with constraints.txt, how many
bytes pip fetches for them, and which requirements are left out there because there are no wheels of them. Needs uv and
a package index. The exit status is 0 where everything else resolves from wheels, 1 where something does not, and 2
where no index answers.
"""

import os
import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# what README.md calls it: what uv calls it
PLATFORMS = {
    "Linux x86-64": "x86_64-unknown-linux-gnu",
    "Linux ARM": "aarch64-unknown-linux-gnu",
    "macOS ARM": "aarch64-apple-darwin",
    "Windows x86-64": "x86_64-pc-windows-msvc",
}
OLDEST_MACOS = "14.0"  # the first that torch has wheels for


@dataclass(frozen=True)
class Resolution:
    """What one platform and Python take, or the problem with it."""

    platform: str
    python: str
    packages: int = 0
    fetched: int = 0  # bytes
    left_out: tuple[str, ...] = ()
    problem: str = ""

    def row(self) -> str:
        """A row of the table."""
        told = self.problem or f"{self.packages:8}  {self.fetched / 1e9:5.2f} GB  {', '.join(self.left_out) or '-'}"
        return f"{self.platform:<14}  {self.python:<6}  {told}"


def uv_compile(source: str, *options: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Resolve a file's or the standard input's requirements by wheels alone."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "-q", "--only-binary", ":all:", source, *options]
    # uv resolves for any Python with the one that runs it, and is not to fetch others.
    environment = os.environ | {
        "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never", "MACOSX_DEPLOYMENT_TARGET": OLDEST_MACOS,
    }  # fmt: skip
    return subprocess.run(command, cwd=ROOT, env=environment, input=given, capture_output=True, text=True)


def requirements() -> dict[str, str]:
    """Names and versions of everything that pyproject.toml asks for in any extra, without the markers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    lines = [line.partition(";")[0].strip() for line in asked if not line.startswith("inr[")]
    return {re.split(r"[<>=~!\[ ]", line, maxsplit=1)[0].lower(): line for line in lines}


def resolve(platform: str, python: str) -> Resolution:
    """Resolve all extras, and look for wheels of what they leave out there."""
    machine = ("--python-platform", PLATFORMS[platform], "--python-version", python)
    extras = [word for name in ("dev", "docs", "napari", "ray", "service-tests") for word in ("--extra", name)]
    done = uv_compile("pyproject.toml", *extras, "-c", "constraints.txt", "--format", "pylock.toml", *machine)
    if done.returncode != 0:
        return Resolution(platform, python, problem=done.stderr.strip())
    packages = tomllib.loads(done.stdout)["packages"]
    absent = requirements().keys() - {package["name"] for package in packages}
    left_out = {name for name in absent if not has_wheels(requirements()[name], machine)}
    if absent != left_out:
        problem = f"left out although there are wheels: {', '.join(sorted(absent - left_out))}"
        return Resolution(platform, python, problem=problem)
    return Resolution(platform, python, len(packages), sum(map(size, packages)), tuple(sorted(left_out)))


def has_wheels(requirement: str, machine: tuple[str, ...]) -> bool:
    """Whether any version that the requirement allows has a wheel for the machine."""
    return uv_compile("-", "--no-deps", *machine, given=requirement).returncode == 0


def size(package: dict[str, Any]) -> int:
    """Bytes of a package's wheel; of the largest where several fit."""
    return max(wheel["size"] for wheel in package["wheels"])


def main() -> int:
    """Print the table."""
    if not has_wheels("pip", ()):
        print("No package index answers: nothing was resolved", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda machine: resolve(*machine), product(PLATFORMS, PYTHONS)))
    print(f"{'platform':<14}  Python  packages  to fetch  without wheels, left out")
    for resolution in found:
        print(resolution.row())
    return int(any(resolution.problem for resolution in found))


if __name__ == "__main__":
    sys.exit(main())
