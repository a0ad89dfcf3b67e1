"""Tensors in modules that have to be imported without torch: reading a signal's file takes none.

`Tensor`, for annotations, is torch's wherever torch was imported before, as it is by the tests, which check
annotations, and by type checkers.
"""

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING or "torch" in sys.modules:
    from torch import Tensor as Tensor
else:
    Tensor = Any


def as_numpy(array: Any) -> np.ndarray:
    """An array, or a tensor of any device without its graph, as an array; the memory is shared where it can be."""
    return np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
