"""What tells the data of one reconstruction from those of another."""

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from inr.fitting import fingerprint
from inr.signals import Signal


def identity(given: Any) -> Any:
    """Data and options as plain JSON, which is equal for equal ones: numbers and words, and checksums of all else.

    Args:
        given: a number, a word, an array, a signal, the path of a file, or several of them as a mapping or a sequence.
    """
    if given is None or isinstance(given, bool | int | float):
        return given
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        return zlib.crc32(path.read_bytes()) if path.is_file() else str(given)
    if isinstance(given, Mapping):
        return {str(name): identity(each) for name, each in given.items()}
    if isinstance(given, list | tuple):
        return [identity(each) for each in given]
    if isinstance(given, Signal):
        return fingerprint(given)
    array = np.asarray(given)
    return zlib.crc32(np.ascontiguousarray(array).data, zlib.crc32(f"{array.dtype} {array.shape}".encode()))
