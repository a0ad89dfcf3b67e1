"""The parts that suit pictures on which derivatives act, found by measurement on two processor cores."""

import math
from collections.abc import Sequence

from inr.fitting import Setup

_RATES = {"encoding": 1e-2, "network": 2e-3}
_MOST_ROWS = 18  # log2


def smooth_grid(shape: Sequence[int], *, finer: float, steps: int, batch: int, quintic: bool = False) -> Setup:
    """A multiresolution grid read by a small smooth network.

    Its coarse levels carry waves that squared derivatives hardly see, which a network of sines learns last.

    Args:
        shape: of the picture, (h, w).
        finer: vertices of the finest level for each pixel of the longer side. Interpolation has no slope at vertices,
            which levels of different steps make up for.
        steps: the horizon where no budget is given.
        batch: points of a step.
        quintic: whether second derivatives are read.
    """
    finest = max(round(finer * max(shape)), 8)
    rows = min(math.ceil(2 * math.log2(finest + 1)), _MOST_ROWS)
    kind = "quintic" if quintic else "smoothstep"
    encoding = f"hash:interpolation={kind},finest={finest},levels=16,coarsest=4,log2_size={rows}"
    return Setup(
        encoding, "tanh", "mlp:depth=1,width=32", batch=batch, steps=steps, teacher="sets", learning_rate=_RATES
    )


def sines(*, steps: int, batch: int) -> Setup:
    """A network of sines on the bare coordinates, which fills what is not known smoothly."""
    return Setup(
        "identity", "sine", "mlp:depth=3,width=128", batch=batch, steps=steps, teacher="sets", learning_rate=5e-4
    )
