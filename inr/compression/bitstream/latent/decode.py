"""From sections of bytes to latents, and from latents to pixels."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.latent.entropy import LEAST_CONTEXT_BITS, MOST_CONTEXT_BITS, EntropyNetwork
from inr.compression.bitstream.latent.fixed_point import padded
from inr.compression.bitstream.latent.fronts import CHUNK, decode_grid, feature_rows, sections
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.latent.pixels import BAND, picture, picture_bands
from inr.compression.bitstream.latent.range_coder import check_end, decoder_state
from inr.compression.bitstream.latent.synthesis import SynthesisNetwork

if TYPE_CHECKING:
    from inr.compression.bitstream.latent.parameters import QuantisedParameters

# Numbers of 8 bytes may be needed. What does not grow with a picture: tables, and activations of a chunk.
_WORD, _FIXED = 8, 4 << 20
# Bytes for every sample of a band of pixels, while it is mapped to samples: three of 8 for half of them at a time.
_MAPPED = 12


def memory_needed(layout: Layout, threads: int = 1) -> int:
    """Bytes that decoding takes at most, beside the samples that it gives.

    The latents; and while they are decoded, features for those rows that a front crosses; while pixels are made, planes
    of a quarter of the resolution and below, and of each thread one band of rows with the planes that it reads.

    Args:
        layout: of the picture.
        threads: that make pixels.
    """
    height, width, channels, sizes = layout.height, layout.width, layout.channels, layout.sizes
    finest, half = layout.grids[-1], -(-width // 2)
    features = (
        padded(layout.levels + len(layout.grids))
        + padded(sizes.features)
        + sizes.features * feature_rows(layout, finest)
    )
    entropy = _WORD * features * (half + 64) + _WORD * (20 * (height + CHUNK) + 64 * CHUNK)
    planes = sum(
        (layout.levels - level) * -(-height >> level) * -(-width >> level) for level in range(2, min(layout.levels, 4))
    )
    band = min(BAND, height)
    rows = min(BAND + 2 * sizes.convolutions, height)
    of_band = padded(layout.levels) + padded(sizes.hidden) + padded(channels) + 2 * channels * rows + 4
    thread = (
        _WORD * (of_band * (width + 64) + layout.levels * (rows // 2 + 6) * half)
        + (4 + _MAPPED) * channels * band * width
    )
    return 4 * layout.latents + max(entropy, _WORD * planes + min(threads, -(-height // BAND)) * thread) + _FIXED


def decode_latents(layout: Layout, q: "QuantisedParameters", parts: Sequence[bytes | memoryview]) -> np.ndarray:
    """The latents of all grids.

    Args:
        layout: of the picture.
        q: its network parameters.
        parts: the sections in order, as `encode_latents` wrote them, as many as `sections` tells, or fewer: latents
            of grids whose section is missing are 0. The first one begins with a byte, how many bits c latents are
            clipped to as contexts.

    Returns:
        int32 (latents,).

    Raises:
        InrError: bytes that no encoder has written; `decode_section` tells which section.
    """
    latents = np.zeros(layout.latents, np.int32)
    network = entropy_network(layout, q, parts[0])
    for index, part in enumerate(parts):
        decode_section(network, index, part, latents)
    return latents


def entropy_network(layout: Layout, q: "QuantisedParameters", first: bytes | memoryview) -> EntropyNetwork:
    """The entropy model of a picture, by its first section.

    Raises:
        InrError: a damaged section, or parameters out of range.
    """
    if not len(first) or not LEAST_CONTEXT_BITS <= first[0] <= MOST_CONTEXT_BITS:
        raise InrError("it does not say how its latents are clipped")
    return EntropyNetwork.of(layout, q, first[0])


def decode_section(network: EntropyNetwork, index: int, part: bytes | memoryview, latents: np.ndarray) -> None:
    """Decode one section; all before it must have been decoded.

    Args:
        network: the entropy model.
        index: which section.
        part: its bytes.
        latents: of all grids, int32 (latents,); those of the section are set, to 0 where it is damaged.

    Raises:
        InrError: bytes that no encoder has written.
    """
    data = np.frombuffer(part, np.uint8)[index == 0 :]
    data.flags.writeable = False  # of one kind for the compiled code, whatever holds the bytes
    run = sections(network.layout)[index]
    state = decoder_state(data)
    try:
        for grid in run:
            decode_grid(network, grid, state, data, latents)
        check_end(state, data)
    except InrError:
        latents[run[0].start : run[-1].stop] = 0
        raise


def decode_picture(
    layout: Layout, q: "QuantisedParameters", latents: np.ndarray, *, fraction_bits: int, threads: int = 1,
    rows: tuple[int, int] | None = None,
) -> np.ndarray:  # fmt: skip
    """The picture that latents stand for, the same on every machine and for every number of threads.

    Args:
        layout: of the picture.
        q: its network parameters.
        latents: int32 (latents,).
        fraction_bits: of the output, from 8 to 24; 12 suit pictures of 8 bits.
        threads: that share the work.
        rows: the first row of pixels to make, and the one after the last; all if None.

    Returns:
        int32 (channels, rows, width), from 0 to 2^fraction_bits.

    Raises:
        InrError: parameters so large that sums would not be exact.
    """
    return picture(SynthesisNetwork.of(layout, q, latents, fraction_bits), latents, threads=threads, rows=rows)


def decode_bands(
    layout: Layout, q: "QuantisedParameters", latents: np.ndarray, write: Callable[[int, np.ndarray], None], *,
    fraction_bits: int, threads: int = 1,
) -> None:  # fmt: skip
    """The picture of `decode_picture` by bands of rows, so that not all of it is in memory.

    Args:
        layout, q, latents, fraction_bits, threads: as there.
        write: given the first row of each band, and it, int32 (channels, rows, width), by several threads.

    Raises:
        InrError: parameters so large that sums would not be exact.
    """
    picture_bands(SynthesisNetwork.of(layout, q, latents, fraction_bits), latents, write, threads=threads)
