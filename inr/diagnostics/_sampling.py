"""What a sheet needs of a field: its values at samples of the signal, as a written file would hold them."""

import numpy as np
import torch
from jaxtyping import Float, Int

from inr.field import Execute, Field
from inr.signals import GridSignal, Signal, block_ranges, grid_coords

_SAMPLES_AT_ONCE = 65_536


def estimate(
    field: Field, signal: Signal, indices: Int[np.ndarray, "*shape"], execute: Execute | None = None
) -> Float[np.ndarray, "*shape c"]:
    """The field at samples, or cells, of its signal, as a written file would hold them: clipped to the signal's range.

    Args:
        field: a field fitted to the signal.
        signal: whose samples they are.
        indices: flat indices of samples, or of cells where the signal is on a grid; int64, of any shape.
        execute: what evaluates the field at coordinates; the field itself by default.

    Returns:
        Values (…, C) float32, in the signal's own units, NaN where a sample is missing. Where a field that diverged
        gives NaN, the middle of the range stands for it.

    >>> signal = inr.Signal.from_array(np.zeros((4, 5, 3), np.uint8))
    >>> field = inr.Field.build(signal.domain, network="mlp:depth=1,width=8")
    >>> inr.diagnostics.estimate(field, signal, np.arange(20).reshape(4, 5)).shape
    (4, 5, 3)
    """
    flat = torch.from_numpy(np.ascontiguousarray(indices).reshape(-1))
    shape = signal.domain.shape
    values = np.empty((len(flat), signal.channels), dtype=np.float32)
    with torch.no_grad():
        for start, stop in block_ranges(len(flat), _SAMPLES_AT_ONCE):
            part = flat[start:stop]
            coords = signal.coords(part) if shape is None else grid_coords(shape, part)
            predicted = field.measure(coords, execute=execute).nan_to_num().clamp(-1, 1)
            values[start:stop] = field.in_units(predicted).numpy()
    return _marked(values.reshape(*indices.shape, signal.channels), signal, indices)


def reference(signal: Signal, indices: Int[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape c"]:
    """The signal at flat indices, int64 of any shape: values (…, C) float32, in its own units, NaN where missing."""
    values = signal.array.reshape(-1, signal.channels)[indices].astype(np.float32)
    return _marked(values, signal, indices)


def _marked(values: np.ndarray, signal: Signal, indices: np.ndarray) -> np.ndarray:
    missing = signal.missing if isinstance(signal, GridSignal) else None
    if missing is not None:
        values[missing.ravel()[indices]] = np.nan
    return values
