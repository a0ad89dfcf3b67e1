"""Sheets of pictures, volumes and videos."""

import numpy as np
import torch

from inr.diagnostics._layout import Panel
from inr.diagnostics._pixels import LARGEST, error_picture, fitted, picture
from inr.field import Field
from inr.signals import Signal
from inr.signals._grid import block_ranges

# side of the full-resolution crops shown of pictures that had to be scaled down
_CROP = 512


def estimate(field: Field, signal: Signal, indices: np.ndarray) -> np.ndarray:
    """The field at flat indices (of any shape) of the signal: float32 (…, C), own units, clipped to its range."""
    flat = torch.from_numpy(indices.reshape(-1))
    values = np.empty((len(flat), signal.channels), dtype=np.float32)
    with torch.no_grad():
        for start, stop in block_ranges(len(flat), 65_536):
            predicted = field(signal.coords(flat[start:stop]).to(field.device)).clamp(-1, 1)
            values[start:stop] = field.in_units(predicted).cpu().numpy()
    return values.reshape(*indices.shape, signal.channels)


def picture_rows(field: Field, signal: Signal) -> list[list[Panel]]:
    """A picture: original, fit and error; of a large one also a crop at full resolution where the error is largest."""
    shape = signal.domain.shape
    assert shape is not None
    original = signal.array
    fit = estimate(field, signal, np.arange(signal.size).reshape(shape))
    rows = [_triple(original, fit, signal)]
    if max(shape) >= 2 * LARGEST:
        top, left = _worst(original, fit)
        window = (slice(top, top + _CROP), slice(left, left + _CROP))
        rows.append(
            _triple(original[window], fit[window], signal, f"pixels at {left}, {top}, where the error is largest")
        )
    return rows


def _triple(original: np.ndarray, fit: np.ndarray, signal: Signal, note: str = "") -> list[Panel]:
    domain = signal.domain
    height, width = original.shape[:2]
    error, factor = error_picture(fit - original.astype(np.float32), domain)
    return [
        Panel(fitted(picture(original, domain)), "original", note or f"{width} x {height}"),
        Panel(fitted(picture(fit, domain)), "fit"),
        Panel(fitted(error), "error", f"x{factor}"),
    ]


def _worst(original: np.ndarray, fit: np.ndarray) -> tuple[int, int]:
    """Top left corner of the crop with the largest squared error, among corners half a crop apart."""
    half = _CROP // 2
    height, width = original.shape[:2]
    corners = [
        (min(top, max(height - _CROP, 0)), min(left, max(width - _CROP, 0)))
        for top in range(0, height, half)
        for left in range(0, width, half)
    ]

    def energy(corner: tuple[int, int]) -> float:
        window = (slice(corner[0], corner[0] + _CROP), slice(corner[1], corner[1] + _CROP))
        return float(np.square(fit[window] - original[window].astype(np.float32)).sum())

    return max(corners, key=energy)
