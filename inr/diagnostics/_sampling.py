"""What a sheet needs of a field: its values at samples of the signal, as a written file would hold them."""

import numpy as np
import torch

from inr.field import Execute, Field
from inr.signals import Signal, block_ranges

_BLOCK = 65_536


def estimate(field: Field, signal: Signal, indices: np.ndarray, execute: Execute | None = None) -> np.ndarray:
    """The field at flat indices (of any shape) of the signal: float32 (…, C), own units, clipped to its range.

    It is evaluated by `execute`, or by itself.

    A field that diverged gives NaN, which is shown as the middle of the range.
    """
    run = execute or field
    flat = torch.from_numpy(np.ascontiguousarray(indices).reshape(-1))
    values = np.empty((len(flat), signal.channels), dtype=np.float32)
    with torch.no_grad():
        for start, stop in block_ranges(len(flat), _BLOCK):
            predicted = run(signal.coords(flat[start:stop]).to(field.device)).nan_to_num().clamp(-1, 1)
            values[start:stop] = field.in_units(predicted).cpu().numpy()
    return values.reshape(*indices.shape, signal.channels)


def reference(signal: Signal, indices: np.ndarray) -> np.ndarray:
    """The signal at flat indices (of any shape): float32 (…, C), own units."""
    return signal.array.reshape(-1, signal.channels)[indices].astype(np.float32)
