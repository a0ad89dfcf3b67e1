"""What tells the file of a set from others, for whoever reads no more than its header."""

from collections.abc import Mapping
from typing import Any


def is_set(header: Mapping[str, Any]) -> bool:
    """Whether a file is one of a set, by its header."""
    return isinstance(header.get("set"), Mapping)
