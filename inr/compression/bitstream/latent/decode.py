"""From sections of bytes to latents, and from latents to pixels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.latent.entropy import LEAST_CONTEXT_BITS, MOST_CONTEXT_BITS, EntropyNetwork
from inr.compression.bitstream.latent.fixed_point import padded
from inr.compression.bitstream.latent.fronts import CHUNK, decode_grid, sections
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.latent.pixels import BAND, picture
from inr.compression.bitstream.latent.range_coder import check_end, decoder_state
from inr.compression.bitstream.latent.synthesis import SynthesisNetwork

if TYPE_CHECKING:
    from inr.compression.bitstream.latent.parameters import QuantisedParameters

# Numbers of 8 bytes may be needed. What does not grow with a picture: tables, and activations of a chunk.
_WORD, _FIXED = 8, 4 << 20


def memory_needed(layout: Layout, threads: int = 1) -> int:
    """Bytes that decoding takes at most, arrays of the result included.

    Args:
        layout: of the picture.
        threads: that make pixels.
    """
    height, width, channels = layout.height, layout.width, layout.channels
    half = -(-height // 2) * -(-width // 2)
    latents = 4 * layout.latents
    entropy = _WORD * (padded(layout.sizes.features) * half + 32 * height + 64 * (width + CHUNK))
    quarter = -(-height // 4) * -(-width // 4)
    planes = _WORD * layout.levels * (half + quarter)
    rows = padded(layout.levels) + padded(layout.sizes.hidden) + padded(channels) + 2 * channels * (BAND + 4) + 2
    pixels = 4 * channels * height * width + threads * _WORD * rows * (width + 64)
    return latents + max(entropy, planes + pixels) + _FIXED


def check_memory(layout: Layout, max_bytes: int, threads: int = 1) -> None:
    """Refuse a picture that takes too much memory, before any of it is decoded.

    Raises:
        InrError: more than `max_bytes` are needed.
    """
    needed = memory_needed(layout, threads)
    if needed > max_bytes:
        raise InrError(
            f"decoding {layout.width} x {layout.height} pixels takes {needed / 2**20:,.0f} MiB of memory, "
            f"more than the {max_bytes / 2**20:,.0f} allowed"
        )


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
