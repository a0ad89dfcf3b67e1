"""Whether Triton's kernels can run here."""

import importlib.util
import os
import platform
import sys
from pathlib import Path
from typing import Any

import torch

from inr.engines._gpu import has_gpu

_MIN_CAPABILITY = (8, 0)  # the first whose tensor cores take all operands


def interpreting() -> bool:
    """Whether kernels are interpreted, number by number, on the processor: for tests, and thousands of times slower."""
    return os.environ.get("TRITON_INTERPRET", "0") == "1"


def device() -> torch.device:
    """Where kernels run."""
    return torch.device("cpu" if interpreting() else "cuda")


def problem() -> str | None:
    """Why kernels cannot run here, and what would change that, in one line; None where they can."""
    if importlib.util.find_spec("triton") is None:
        if platform.system() != "Linux":
            return f"Triton has no version for {platform.system()}"
        return f"Triton is not installed: {Path(sys.executable).name} -m pip install 'inr[gpu]'"
    if interpreting():
        return None
    if torch.version.cuda is None:
        return "this build of torch has no CUDA: install the one that pytorch.org names for your driver"
    if not has_gpu():
        return "torch sees no NVIDIA GPU here: is there one, and does nvidia-smi show its driver?"
    if torch.cuda.get_device_capability() < _MIN_CAPABILITY:
        found = ".".join(map(str, torch.cuda.get_device_capability()))
        return f"{torch.cuda.get_device_name()} has compute capability {found}, kernels need 8.0 (Ampere) or newer"
    return None


def facts() -> dict[str, Any]:
    """Version and device."""
    import triton

    if interpreting():
        return {"version": triton.__version__, "device": "interpreted on the processor, for tests"}
    found = torch.cuda.get_device_properties(0)
    return {
        "version": triton.__version__,
        "device": f"{found.name}, compute capability {found.major}.{found.minor}",
        "multiprocessors": found.multi_processor_count,
    }
