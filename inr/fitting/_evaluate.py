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
    if signal.domain.kind not in ("image", "audio"):
        return {"psnr": whole_psnr(field, signal, block=block)}
    values = np.empty(signal.array.shape, dtype=np.float32)
    metrics = {"psnr": whole_psnr(field, signal, block=block, into=values.reshape(signal.size, signal.channels))}
    if signal.domain.kind == "audio":
        metrics["snr"] = snr(signal.array, values)
    else:
        similarity = ssim(signal.array, values, signal.domain.values.data_range)
        if similarity is not None:
            metrics["ssim"] = similarity
    return metrics


def whole_psnr(field: Field, signal: Signal, *, block: int = 16_384, into: np.ndarray | None = None) -> float:
    """PSNR in dB of the clipped field on the whole signal, in normalised values, whose range is 2.

    Args:
        into: float32 (size, C) that takes the clipped field in own units, for further measures of the same pass.
    """
    squares, start = 0.0, 0
    with torch.no_grad():
        for coords, values in signal.blocks(block):
            estimate = field(coords).clamp(-1, 1)
            squares += float((estimate - values).double().square().sum())
            if into is not None:
                into[start : start + len(coords)] = field.in_units(estimate).numpy()
            start += len(coords)
    mean = squares / (signal.size * signal.channels)
    return 10 * math.log10(4 / mean) if mean > 0 else math.inf
