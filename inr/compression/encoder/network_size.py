"""How large a sine network is fitted for a number of bytes, and with what batches and learning rates."""

import math

from inr.compression.bitstream.network import feature_count
from inr.signals import Domain, GridSignal

# Bits of a weight under which networks of equal bytes did best: large ones, and those of at most so many bytes.
BITS_PER_WEIGHT, BITS_PER_WEIGHT_OF_SMALL, MAX_BYTES_OF_SMALL = 4.0, 6.2, 800
# Samples of a signal so small that a step is quick and learning rates are high.
MAX_SAMPLES_OF_SMALL = 1 << 14
_DEPTH = 3
_BATCH = 8_192


def network_size(domain: Domain, max_bytes: int, *, sphere: bool) -> tuple[int, int]:
    """Depth and width of the sine network whose coded weights take about so many bytes."""
    small = max_bytes <= MAX_BYTES_OF_SMALL
    weights = 8 * max_bytes / (BITS_PER_WEIGHT_OF_SMALL if small else BITS_PER_WEIGHT)
    inside = feature_count(domain, sphere=sphere)
    # weights = (depth - 1) w² + (inside + channels + depth) w + channels, the hidden layers counted with the first
    linear = inside + domain.channels + _DEPTH
    width = (math.sqrt(linear**2 + 4 * (_DEPTH - 1) * weights) - linear) / (2 * (_DEPTH - 1))
    return _DEPTH, max(int(width), 2)


def batch_size(signal: GridSignal) -> int:
    """Samples of a step."""
    return min(signal.size, _BATCH)


def learning_rate(signal: GridSignal) -> float:
    """The rate that suits signals of this size."""
    return 1e-3 if signal.size > 1 << 16 else 3e-3 if signal.size > MAX_SAMPLES_OF_SMALL else 5e-3


def step_count(signal: GridSignal) -> int:
    """Eighty passes over large signals; small ones get more, for their steps are fast."""
    return min(max(80 * signal.size // batch_size(signal), 8_000), 40_000)
