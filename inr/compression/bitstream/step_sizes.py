"""Steps of quantisation as small integers: powers of 2^(1/4), the same float32 numbers on every machine.

Part of the file format: a changed number here makes files unreadable.
"""

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from inr._errors import InrError

# 2^(0/4) to 2^(3/4) to the nearest float32.
_MANTISSAS = np.array([0x3F800000, 0x3F9837F0, 0x3FB504F3, 0x3FD744FD], dtype=np.uint32).view(np.float32)
STEPS_PER_OCTAVE = len(_MANTISSAS)
MIN_STEP_INDEX, MAX_STEP_INDEX = -64 * STEPS_PER_OCTAVE, 64 * STEPS_PER_OCTAVE


def step_of(index: int) -> float:
    """The step of an index.

    Args:
        index: from -256 to 256.

    Returns:
        2^(index / 4), as the nearest float32.

    Raises:
        InrError: an index whose step is below 2^-64 or above 2^64.

    >>> from inr.compression.bitstream.step_sizes import step_of
    >>> step_of(-8)
    0.25
    """
    if not MIN_STEP_INDEX <= index <= MAX_STEP_INDEX:
        raise InrError(f"steps lie between 2^-64 and 2^64, got 2^({index}/4)")
    return float(np.ldexp(_MANTISSAS[index % STEPS_PER_OCTAVE], index // STEPS_PER_OCTAVE))


def to_values(integers: np.ndarray, index: int) -> Float32[Tensor, "..."]:
    """Integers of any shape times the step of an index, rounded once to float32."""
    return torch.from_numpy((integers.astype(np.float64) * step_of(index)).astype(np.float32))
