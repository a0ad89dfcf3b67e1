"""How well a field reproduces its signal."""

import numpy as np

from inr.field import Field
from inr.signals import Signal, psnr, snr, ssim


def evaluate(field: Field, signal: Signal, *, block: int = 16_384) -> dict[str, float]:
    """Measure a field against its whole signal.

    Predictions are clipped to the signal's range, as a written file would be, but not rounded to its type.

    Returns:
        psnr in dB over all samples and channels; for pictures also ssim, for sounds snr in dB.
    """
    values = predictions(field, signal, block=block)
    reference = signal.array.reshape(-1, signal.channels)
    metrics = {"psnr": psnr(reference, values, signal.domain.values.data_range)}
    if signal.domain.kind == "audio":
        metrics["snr"] = snr(reference, values)
    if signal.domain.kind == "image" and signal.domain.shape is not None:
        shape = (*signal.domain.shape, signal.channels)
        similarity = ssim(reference.reshape(shape), values.reshape(shape), signal.domain.values.data_range)
        if similarity is not None:
            metrics["ssim"] = similarity
    return metrics


def predictions(field: Field, signal: Signal, *, block: int = 16_384) -> np.ndarray:
    """The field at every sample of the signal: float32 (size, C), own units, clipped to the signal's range."""
    import torch

    values = np.empty((signal.size, signal.channels), dtype=np.float32)
    start = 0
    with torch.no_grad():
        for coords, _ in signal.blocks(block):
            stop = start + len(coords)
            estimate = field(coords.to(field.device)).clamp(-1, 1)
            values[start:stop] = field.in_units(estimate).cpu().numpy()
            start = stop
    return values
