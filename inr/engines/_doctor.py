"""What this machine offers: versions, processor, memory, engines, readers. The facts behind `inr doctor`."""

import importlib
import importlib.metadata
import platform
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from inr._cores import usable_cores
from inr._memory import usable_memory
from inr._version import __version__
from inr.engines._base import Engine, engines
from inr.engines._choose import automatic
from inr.engines._gpu import has_gpu

_PACKAGES = ("torch", "numpy", "numba", "pillow", "imageio", "tifffile", "safetensors", "scikit-image", "typer", "rich")
# extra: the library it brings, the module that is imported, what it is for
_EXTRAS = {
    "audio": ("soundfile", "soundfile", "sounds: WAV, FLAC, OGG, MP3 and more"),
    "video": ("av", "av", "videos: MP4, MOV, MKV, WebM"),
    "volume": ("nibabel", "nibabel", "NIfTI volumes"),
    "compress": ("constriction", "constriction", "compressed fields; there are no wheels for Linux on ARM"),
    "images": (
        "imagecodecs",
        "imagecodecs",
        "pictures: JPEG XL, AVIF, JPEG 2000, HDR, compressed TIFF; 16-bit PNG faster",
    ),
}


def doctor() -> dict[str, Any]:
    """Everything a report of a problem should say.

    Returns:
        Plain JSON: `versions` of the package and of what it uses, the `machine`, the `engines` with how each is set up
        or why it cannot run here, what `auto` takes, and the optional `readers`.

    >>> sorted(inr.engines.doctor())
    ['auto', 'engines', 'machine', 'readers', 'versions']
    """
    return {
        "versions": versions(),
        "machine": machine(),
        "engines": _engines(),
        "auto": list(automatic()),
        "readers": _readers(),
    }


def versions() -> dict[str, str | None]:
    """Versions of this package, of Python and of what the package uses; None for what is not installed."""
    return {"inr": __version__, "python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def machine() -> dict[str, Any]:
    """System, processor, cores, threads in use, bytes of memory and GPU, as plain JSON; None for what there is not."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "memory": usable_memory(),
        "gpu": _gpu(),
    }


def _processor() -> str:
    """The processor's name with torch's view of its vector instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    name = next(names, "") or platform.processor() or platform.machine()
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"


def _gpu() -> dict[str, Any] | None:
    """The CUDA device that torch would use, None where there is none."""
    if not has_gpu():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a GPU that is too old is warned about when it is first used
        found = torch.cuda.get_device_properties(0)
    capability = f"{found.major}.{found.minor}"
    return {"name": found.name, "memory": found.total_memory, "capability": capability, "cuda": torch.version.cuda}


def _engines() -> list[dict[str, Any]]:
    """Every engine, with why it cannot run here and what would change that, or how it is set up here."""
    return [_engine(name) for name in engines.names()]


def _engine(name: str) -> dict[str, Any]:
    engine: Engine = engines.build(name)
    problem = engine.unavailable()
    return {"name": name, "problem": problem, "facts": engine.facts() if problem is None else {}}


def _readers() -> list[dict[str, Any]]:
    """Every optional reader, with its library's version or the problem with it."""
    return [
        {"extra": extra, "library": library, "for": purpose} | _reader(extra, library, module)
        for extra, (library, module, purpose) in _EXTRAS.items()
    ]


def _reader(extra: str, library: str, module: str) -> dict[str, str | None]:
    install = f"{Path(sys.executable).name} -m pip install 'inr[{extra}]'"
    try:
        importlib.import_module(module)
    except ImportError:
        return {"version": None, "problem": "not installed", "install": install}
    except OSError as error:  # a shared library that it needs is missing
        return {"version": _version(library), "problem": str(error), "install": f"{install} --force-reinstall"}
    return {"version": _version(library), "problem": None, "install": None}
