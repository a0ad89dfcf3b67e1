"""How close fields come to a signal, measured by PyTorch alone: not by the code that is judged."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from inr.signals import Signal


@torch.no_grad()
def psnr(run: Callable[[Tensor], Tensor], signal: Signal, block: int = 16_384) -> float:
    """Measure a field on the whole signal, clipped to the signal's range and in double precision.

    Args:
        run: Evaluates normalised coordinates, (n, D) float32 to (n, C); a module, or an engine's executor.
        signal: What the field stands for.
        block: Points that are evaluated at once.

    Returns:
        PSNR in dB.
    """
    total = sum(
        float((run(coords).float().cpu().clamp(-1, 1) - values).double().square().sum())
        for coords, values in signal.blocks(block)
    )
    return 10 * math.log10(4 * signal.size * signal.channels / total)
