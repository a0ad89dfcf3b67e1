"""How much memory there is to use."""

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup/memory.max")  # what a container may take, or "max"


def usable_memory() -> int | None:
    """Bytes of memory that the machine has, or that a container may take; None where the system does not tell."""
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
    try:
        return min(found, int(_CGROUP.read_text()))
    except (OSError, ValueError):
        return found
