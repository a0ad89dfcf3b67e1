"""How well a field reproduces its signal."""

import math

import numpy as np
import torch

from inr.field import Field
from inr.signals import Signal, snr, ssim


def evaluate(field: Field, signal: Signal, *, block: int = 16_384) -> dict[str, float]:
    """Measure a field against its whole signal.

    Predictions are clipped to the signal's range, which is known beforehand, but not rounded to its type.

    Returns:
        psnr in dB over all samples and channels, every channel on its own range where they differ; for pictures
        also ssim, for sounds snr in dB.
    """
    metrics = {"psnr": whole_psnr(field, signal, block=block)}
    if signal.domain.kind not in ("image", "audio"):
        return metrics
    values = predictions(field, signal, block=block)
    reference = signal.array.reshape(-1, signal.channels)
    if signal.domain.kind == "audio":
        metrics["snr"] = snr(reference, values)
    if signal.domain.kind == "image" and signal.domain.shape is not None:
        shape = (*signal.domain.shape, signal.channels)
        similarity = ssim(reference.reshape(shape), values.reshape(shape), signal.domain.values.data_range)
        if similarity is not None:
            metrics["ssim"] = similarity
    return metrics


def whole_psnr(field: Field, signal: Signal, *, block: int = 16_384) -> float:
    """PSNR in dB of the clipped field on the whole signal, in normalised values, whose range is 2."""
    squares = 0.0
    with torch.no_grad():
        for coords, values in signal.blocks(block):
            squares += float((field(coords).clamp(-1, 1) - values).double().square().sum())
    mean = squares / (signal.size * signal.channels)
    return 10 * math.log10(4 / mean) if mean > 0 else math.inf


def predictions(field: Field, signal: Signal, *, block: int = 16_384) -> np.ndarray:
    """The field at every sample of the signal: float32 (size, C), own units, clipped to the signal's range."""
    values = np.empty((signal.size, signal.channels), dtype=np.float32)
    start = 0
    with torch.no_grad():
        for coords, _ in signal.blocks(block):
            values[start : start + len(coords)] = field.in_units(field(coords).clamp(-1, 1)).numpy()
            start += len(coords)
    return values
