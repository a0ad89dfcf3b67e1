"""What tells the files of priors from others, for whoever reads no more than their headers."""

from collections.abc import Mapping
from typing import Any

BASE = "base"  # in a file's header, what tells a base from a field
CODES = "codes"  # in what a base knows of spreads, those of codes
CODED = "coded"  # the same of signals that are told from a base; and the section of their numbers


def is_base(header: Mapping[str, Any]) -> bool:
    """Whether a file is a base, by its header."""
    return BASE in header


def is_coded(header: Mapping[str, Any]) -> bool:
    """Whether a file holds signals that are told from a base, by its header."""
    return CODED in header
