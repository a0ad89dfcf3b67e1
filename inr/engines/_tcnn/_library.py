"""Finding the library `tinycudann`, whose import fails in more ways than one.

It raises ImportError where it is not installed or does not match torch, OSError ("Unknown compute capability", "Could
not find compatible tinycudann extension") where there is no CUDA device or none that it was built for, and whatever
else its set-up code runs into.
"""

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from inr.engines._gpu import has_gpu

_NAME = "tinycudann"


def find() -> ModuleType | str:
    """The library, or why it cannot be used and how to get it, in one line."""
    try:
        library = importlib.import_module(_NAME)
    except Exception as error:  # its import runs code of its own: any failure of it is an engine that is not there
        absent = isinstance(error, ModuleNotFoundError) and error.name == _NAME
        return _problem(f"{_NAME} is not installed" if absent else f"{_NAME} does not import: {one_line(error)}")
    if not hasattr(library, "Network"):  # a folder of that name on the path imports too
        return _problem(f"what imports as {_NAME} is not tiny-cuda-nn ({_place(library)})")
    return library


def facts(library: ModuleType) -> dict[str, Any]:
    """Version, place, device and run-time compilation, as plain JSON."""
    return {
        "version": _version(),
        "library": _place(library),
        "device": torch.cuda.get_device_name() if has_gpu() else "cpu",
        "run-time compilation": supports_jit(library),
    }


def supports_jit(library: ModuleType) -> bool:
    """Whether the library compiles fused kernels at run time: versions from 2.0, in 16-bit builds."""
    asked = getattr(library, "supports_jit_fusion", None)
    return asked is not None and bool(asked())


def one_line(error: Exception) -> str:
    """What an error says, short enough for a message."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def _problem(what: str) -> str:
    python = Path(sys.executable).name
    here = "" if has_gpu() else ", and torch sees none here"
    return (
        f"{what}; it needs an NVIDIA GPU{here}. To get it: conda install -c conda-forge tiny-cuda-nn (Linux), or, with "
        f"nvcc and a folder of its sources, submodules included, {python} -m pip install --no-build-isolation "
        f"FOLDER/bindings/torch"
    )


def _version() -> str:
    try:
        return version(_NAME)
    except PackageNotFoundError:
        return "unknown"


def _place(library: ModuleType) -> str:
    return getattr(library, "__file__", None) or str(next(iter(getattr(library, "__path__", [])), "no file"))
