"""From latents to sections of bytes."""

from typing import TYPE_CHECKING

import numpy as np

from inr.compression.bitstream.latent.entropy import LEAST_CONTEXT_BITS, MOST_CONTEXT_BITS, EntropyNetwork
from inr.compression.bitstream.latent.fronts import encode_grid, means_and_scales, sections, slope
from inr.compression.bitstream.latent.layout import Grid, Layout
from inr.compression.bitstream.latent.range_coder import encoder_state, finish
from inr.compression.bitstream.latent.tables import LATENT_LIMIT, MEAN_BITS, TOTAL_BITS, tables

if TYPE_CHECKING:
    from inr.compression.bitstream.latent.parameters import QuantisedParameters

# Fraction bits of activations that contexts of more than so many bits must leave.
_WANTED_BITS, _USUAL_CONTEXT_BITS = 8, 6


def encode_latents(layout: Layout, q: "QuantisedParameters", latents: np.ndarray) -> list[bytes]:
    """The latents of all grids as bytes.

    Args:
        layout: of the picture.
        q: its network parameters.
        latents: int32 (latents,), magnitudes below 2^20.

    Returns:
        As many sections as `sections` tells, coarse to fine.

    Raises:
        ValueError: latents out of range.
        InrError: parameters too large for exact sums.
    """
    if latents.size and np.abs(latents.astype(np.int64)).max() >= LATENT_LIMIT:
        raise ValueError("latents must be below 2^20 in magnitude")
    latents = np.require(latents, np.int32, ["C", "W"])
    network = EntropyNetwork.of(layout, q, context_bits(layout, q, latents))
    written = []
    for run in sections(layout):
        models = [(grid, *means_and_scales(network, latents, grid)) for grid in run]
        written.append(_section(slope(layout.sizes.contexts), latents, models))
    return [bytes([network.context_bits]) + written[0], *written[1:]]


def _section(steepness: int, latents: np.ndarray, models: list[tuple[Grid, np.ndarray, np.ndarray]]) -> bytes:
    """The bytes of grids, each with the indices of its latents' means and scales."""
    room = 256 + sum(grid.size for grid, *_ in models) // 2
    while True:
        data, state = np.zeros(room, np.uint8), encoder_state()
        if all(
            encode_grid(
                steepness, latents[grid.start : grid.stop].reshape(grid.height, grid.width), mean, scale, state, data
            )
            for grid, mean, scale in models
        ):
            return finish(state, data)
        room *= 2


def context_bits(layout: Layout, q: "QuantisedParameters", latents: np.ndarray) -> int:
    """The fewest bits c that hold all latents in [-2^c, 2^c - 1], if sums then have 8 fraction bits in int32.

    Clipping outliers costs bits, not correctness, so more than 6 bits are only taken while the sums have room.
    """
    largest = int(max(latents.max(initial=0), -latents.min(initial=0) - 1))
    wanted = min(max(largest.bit_length(), LEAST_CONTEXT_BITS), MOST_CONTEXT_BITS)
    for bits in range(wanted, _USUAL_CONTEXT_BITS, -1):
        network = EntropyNetwork.of(layout, q, bits)
        if not network.wide and network.bits >= _WANTED_BITS:
            return bits
    return min(wanted, _USUAL_CONTEXT_BITS)


def estimated_bits(layout: Layout, q: "QuantisedParameters", latents: np.ndarray) -> np.ndarray:
    """Bits that each latent takes, by the frequencies that it is coded with; float64 (latents,)."""
    latents = np.require(latents, np.int32, ["C", "W"])
    network = EntropyNetwork.of(layout, q, context_bits(layout, q, latents))
    found = []
    for grid in layout.grids:
        mean, scale = means_and_scales(network, latents, grid)
        found.append(symbol_bits(latents[grid.start : grid.stop], mean.reshape(-1), scale.reshape(-1)))
    return np.concatenate(found)


def symbol_bits(values: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Bits of latents by the indices of their means and scales; int32 (n,) each, float64 (n,)."""
    known = tables()
    reach, shift = known.reaches[scale], known.shifts[scale]
    coarse = known.coarseness[scale]
    place = ((mean + (1 << MEAN_BITS >> 1)) >> shift) + (1 << coarse >> 1)
    row = known.starts[scale] + ((place & ((1 << MEAN_BITS) - 1)) >> coarse) * (2 * reach + 2)
    index = (values >> shift) - (place >> MEAN_BITS) + reach
    excess = np.where(index < 0, -index - 1, index - 2 * reach - 1)
    escaped = excess >= 0
    chosen = np.where(escaped, 2 * reach + 1, index)
    above = np.where(escaped, 1 << TOTAL_BITS, known.cumulative[row + np.minimum(chosen + 1, 2 * reach + 1)])
    bits = TOTAL_BITS - np.log2(above - known.cumulative[row + chosen]) + shift
    order = reach >> 4
    length = np.floor(np.log2(np.maximum(excess + (1 << order), 1)))
    return bits + np.where(escaped, 2 + 2 * length - order, 0)
