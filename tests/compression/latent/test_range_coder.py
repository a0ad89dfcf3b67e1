"""The range coder against its specification, and what it makes of damaged bytes."""

import numpy as np
import pytest

from inr import InrError
from inr.compression.bitstream.latent.range_coder import PlainDecoder, PlainEncoder, encode, encoder_state, finish
from inr.jit import kernel


@kernel
def encode_all(starts: np.ndarray, sizes: np.ndarray, bits: int, state: np.ndarray, data: np.ndarray) -> None:
    """Append symbols by their shares of 2^bits, both int64 (n,)."""
    for index in range(len(starts)):
        encode(state, data, starts[index], sizes[index], bits)


def _shares(count: int, bits: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares of 2^bits of random symbols, likely ones mostly."""
    draw = np.random.default_rng(seed)
    edges = np.sort(draw.choice(np.arange(1, 1 << bits), (count, 2)), axis=1)
    likely = draw.random(count) < 0.7
    starts, stops = np.where(likely, 0, edges[:, 0]), np.where(likely, (1 << bits) - 1, edges[:, 1] + 1)
    return starts, stops - starts


@pytest.mark.parametrize("count", [0, 1, 3, 1000])
@pytest.mark.parametrize("bits", [1, 5, 20])
def test_the_compiled_coder_writes_what_the_plain_one_writes(count: int, bits: int) -> None:
    starts, sizes = _shares(count, bits, seed=count)
    plain = PlainEncoder()
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        plain.encode(start, size, bits)
    state, data = encoder_state(), np.zeros(8 * count + 64, np.uint8)
    encode_all(starts, sizes, bits, state, data)
    written = finish(state, data)
    assert written == plain.finish()
    ideal = float((bits - np.log2(sizes)).sum()) / 8
    assert len(written) <= ideal * 1.0001 + 2
    reader = PlainDecoder(written)
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        assert start <= reader.share(bits) < start + size
        reader.consume(start, size, bits)
    reader.finish()


def test_carries_run_through_many_bytes() -> None:
    # the last of 2^8 shares, over and over, is a row of bytes 255; then something that carries
    plain, state, data = PlainEncoder(), encoder_state(), np.zeros(4096, np.uint8)
    starts = np.array([255] * 100 + [3] * 50)
    sizes = np.array([1] * 100 + [253] * 50)
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        plain.encode(start, size, 8)
    encode_all(starts, sizes, 8, state, data)
    assert finish(state, data) == plain.finish()


def test_other_ends_are_refused() -> None:
    starts, sizes = _shares(50, 12, seed=1)
    plain = PlainEncoder()
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        plain.encode(start, size, 12)
    written = plain.finish()
    for damaged in (written[:-1], written + b"\0", written + b"\1", written[:-1] + bytes([written[-1] ^ 1])):
        reader = PlainDecoder(damaged)
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
            reader.consume(start, size, 12)
        with pytest.raises(InrError, match="do not end"):
            reader.finish()
