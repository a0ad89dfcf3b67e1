"""How latents are clipped where the entropy model reads them."""

from typing import TYPE_CHECKING

import numpy as np

from inr.compression.bitstream.latent.entropy import LEAST_CONTEXT_BITS, MOST_CONTEXT_BITS, EntropyNetwork
from inr.compression.bitstream.latent.layout import Layout

if TYPE_CHECKING:
    from inr.compression.bitstream.latent.parameters import QuantisedParameters

# Fraction bits of activations that clipping must leave, where there are larger latents than that.
_WANTED_BITS = 8


def context_bits(layout: Layout, q: "QuantisedParameters", latents: np.ndarray) -> int:
    """The fewest bits c that hold all latents in [-2^c, 2^c - 1], if sums then have 8 fraction bits in int32.

    Clipping outliers costs bits, not correctness, so more than 6 bits are only taken while the sums have room.
    """
    largest = int(max(latents.max(initial=0), -latents.min(initial=0) - 1))
    wanted = min(max(largest.bit_length(), LEAST_CONTEXT_BITS), MOST_CONTEXT_BITS)
    for bits in range(wanted, 6, -1):
        network = EntropyNetwork.of(layout, q, bits)
        if not network.wide and network.bits >= _WANTED_BITS:
            return bits
    return min(wanted, 6)
