"""What there is on this machine: packages, the card and its clocks. Imports nothing but torch, and that late."""

import importlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ENGINE = ("jaxtyping", "sympy")  # the engine by itself
LOOP = (*ENGINE, "numba", "safetensors")  # the fitting loop
FITS = (*LOOP, "PIL")  # of pictures
TESTS = (*FITS, "pytest", "hypothesis", "beartype")
ALWAYS = ("torch", "triton", "numpy")
SPELLED = {"PIL": "pillow"}
# of `nvidia-smi --query-gpu`: what the report says, and by which name
QUERIES = {
    "driver": "driver_version",
    "largest clocks": "clocks.max.sm,clocks.max.memory",
    "application clocks": "clocks.applications.graphics,clocks.applications.memory",
    "power limit": "power.limit",
    "persistence": "persistence_mode",
    "compute mode": "compute_mode",
    "error correction": "ecc.mode.current",
}
STATE = "clocks.sm,clocks.mem,temperature.gpu,power.draw"


def absent(modules: tuple[str, ...]) -> list[str]:
    """Of some modules, those that are not installed, as their packages are spelled."""
    return [SPELLED.get(module, module) for module in modules if importlib.util.find_spec(module) is None]


def problem(*, dry: bool) -> str | None:
    """Why nothing can be measured here, in one line; a dry run needs no GPU."""
    missing = absent(ALWAYS)
    if missing:
        return f"{Path(sys.executable).name} has no {' and no '.join(missing)}: run it with PYTHON=… that has"
    if dry:
        return None
    import torch

    if torch.version.cuda is None:
        return "this build of torch has no CUDA: run it with PYTHON=… whose torch has"
    if not torch.cuda.is_available():
        return "torch sees no NVIDIA GPU here: is there one, and does nvidia-smi show its driver?"
    return None


def compiler() -> str | None:
    """The C compiler that Triton builds its launchers with."""
    return shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc") or shutil.which("clang")


def smi(query: str) -> str:
    """What nvidia-smi says about the card that torch uses; "" where it says nothing."""
    import torch

    command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"]
    found = getattr(torch.cuda.get_device_properties(0), "uuid", None) if torch.cuda.is_available() else None
    for which in ([f"--id=GPU-{found}"], []) if found else ([],):
        try:
            done = subprocess.run([*command, *which], capture_output=True, text=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        return " / ".join(part.strip() for part in done.stdout.strip().partition("\n")[0].split(","))
    return ""


def state() -> str:
    """Clocks, temperature and power at this moment."""
    return smi(STATE)


def facts() -> dict[str, str]:
    """Everything that a report has to say about where it was measured."""
    import torch

    import inr

    found = {"card": platform.processor() or platform.machine(), "torch": torch.__version__}
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        found["card"] = card.name
        found["multiprocessors"] = str(card.multi_processor_count)
        found["memory"] = f"{card.total_memory / 2**30:.0f} GiB"
        found["last cache"] = f"{getattr(card, 'L2_cache_size', 0) / 2**20:.0f} MiB"
        found["CUDA of torch"] = str(torch.version.cuda)
        found |= {name: said for name, query in QUERIES.items() if (said := smi(query))}
    for package in ("triton", "numpy"):
        found[package] = _version(package)
    library = tinycudann()
    found["tiny-cuda-nn"] = library if isinstance(library, str) else _version("tinycudann")
    return found | {"python": platform.python_version(), "inr": inr.__version__}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def tinycudann() -> Any:
    """Import tiny-cuda-nn's bindings; return them, or in one line why there are none."""
    try:
        return importlib.import_module("tinycudann")
    except Exception as error:  # importing it runs code of its own, which fails in many ways
        return " ".join(str(error).split()) or type(error).__name__
