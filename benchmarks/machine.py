"""What a table of timings must say about where it was measured."""

import os
import platform
from pathlib import Path

import numpy
import torch

import inr


def describe() -> str:
    """Processor, cores and versions in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return (
        f"{model}, {os.cpu_count()} cores, {torch.get_num_threads()} threads; inr {inr.__version__}, "
        f"python {platform.python_version()}, torch {torch.__version__}, numpy {numpy.__version__}"
    )
