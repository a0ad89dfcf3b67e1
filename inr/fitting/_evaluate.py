"""How well a field reproduces its signal."""

import math

import numpy as np
import torch

from inr.field import Execute, Field
from inr.signals import Signal, snr, ssim


def evaluate(field: Field, signal: Signal, *, execute: Execute | None = None, block: int = 16_384) -> dict[str, float]:
    """Measure a field against its whole signal.

    Predictions are clipped to the signal's range, which is known beforehand, but not rounded to its type.

    Args:
        field: what is measured.
        signal: what it should be.
        execute: what evaluates coordinates, float32 (n, d) to (n, c); the field itself by default.
        block: points evaluated at once.

    Returns:
        Numbers by name: psnr in dB over all samples and channels, every channel on its own range where they differ;
        for pictures also ssim, for sounds snr in dB.
    """
    if signal.domain.kind not in ("image", "audio"):
        return {"psnr": whole_psnr(field, signal, execute=execute, block=block)}
    values = np.empty(signal.array.shape, dtype=np.float32)
    into = values.reshape(signal.size, signal.channels)
    metrics = {"psnr": whole_psnr(field, signal, execute=execute, block=block, into=into)}
    if signal.domain.kind == "audio":
        metrics["snr"] = snr(signal.array, values)
    else:
        similarity = ssim(signal.array, values, signal.domain.values.data_range)
        if similarity is not None:
            metrics["ssim"] = similarity
    return metrics


@torch.no_grad()
def whole_psnr(
    field: Field,
    signal: Signal,
    *,
    execute: Execute | None = None,
    block: int = 16_384,
    into: np.ndarray | None = None,
) -> float:
    """PSNR in dB of the clipped field on the whole signal, in normalised values, whose range is 2.

    Args:
        field: what is measured.
        signal: what it should be.
        execute: what evaluates coordinates, float32 (n, d) to (n, c); the field itself by default.
        block: points evaluated at once.
        into: float32 (size, c) that takes the clipped field in own units, for further measures of the same pass.

    Returns:
        The PSNR; infinite where nothing differs.
    """
    run = execute or field
    squares, start = 0.0, 0
    for coords, values in signal.blocks(block):
        # by numpy: torch would wake threads of its own, which then stand in the way of an engine's
        estimate, target = np.clip(run(coords).float().cpu().numpy(), -1, 1), values.numpy()
        error = np.subtract(target, estimate, out=target).ravel()
        squares += float(np.square(error, dtype=np.float64).sum())
        if into is not None:
            into[start : start + len(coords)] = estimate
            field.domain.values.restore_(into[start : start + len(coords)])
        start += len(coords)
    mean = squares / (signal.size * signal.channels)
    return 10 * math.log10(4 / mean) if mean > 0 else math.inf
