"""Random bits as a function of a number: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), for compiled kernels."""

import numpy as np

from inr.jit._compile import inline

GOLDEN_STEP = np.uint64(0x9E3779B97F4A7C15)
"""2^64 by the golden ratio: multiples of it, a Weyl sequence, fill 64 bits evenly."""


@inline
def mix_bits(bits: np.uint64) -> np.uint64:
    """A word of which every bit depends on every bit of the one given; for `kernel`s and `Stage`s to call."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
