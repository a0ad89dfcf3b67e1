"""Pixels from latents, in exact integers."""

import hashlib
import tracemalloc

import numpy as np
import pytest
import torch

from inr import InrError
from inr.compression.bitstream.latent.decode import decode_bands, decode_picture, memory_needed
from inr.compression.bitstream.latent.layout import PRESETS, Layout
from inr.compression.bitstream.latent.pixels import picture
from inr.compression.bitstream.latent.synthesis import SynthesisNetwork, picture_float64
from inr.compression.encoder.latent.eager import decoded
from tests.compression.latent.drawn import SIZES, drawn_latents, drawn_parameters
from tests.tables import mostly_long

# with 20 bits integers are of 64 bits, for which kernels are made anew
NARROW_AND_WIDE = [12, pytest.param(20, marks=pytest.mark.long)]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fraction_bits", NARROW_AND_WIDE)
def test_compiled_integers_are_those_of_the_specification(
    preset: str, size: tuple[int, int], fraction_bits: int
) -> None:
    layout = Layout(*size, 3, preset)
    q, latents = drawn_parameters(layout, 1), drawn_latents(layout, 2, outliers=0)
    network = SynthesisNetwork.of(layout, q, latents, fraction_bits)
    assert network.wide == (fraction_bits == 20)
    found = picture(network, latents)
    assert (found == picture_float64(network, latents)).all()
    assert (found == picture(network, latents, threads=2)).all()
    start, stop = size[0] // 3, size[0] // 2 + 1
    assert (found[:, start:stop] == picture(network, latents, rows=(start, stop))).all()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("fraction_bits", "tolerance"), mostly_long([(12, 4e-4), (16, 3e-5), (20, 2e-6)]))
def test_integers_agree_with_floating_point(preset: str, channels: int, fraction_bits: int, tolerance: float) -> None:
    # root mean square; measured: 1.5e-4 at 12 bits, 7.4e-6 at 16 and 5e-7 at 20
    layout = Layout(61, 37, channels, preset)
    q, latents = drawn_parameters(layout, 3), drawn_latents(layout, 4, outliers=0)
    parameters = {name: torch.tensor(q.integers[name] * 0.5 ** q.exponents[name]) for name in layout.tensors}
    real = decoded(layout, parameters, torch.tensor(latents).double()).clamp(0, 1).numpy()
    found = decode_picture(layout, q, latents, fraction_bits=fraction_bits) / 2**fraction_bits
    assert np.sqrt(((found - real) ** 2).mean()) < tolerance
    assert 0 < np.median(found) < 1


@pytest.mark.long
def test_large_latents_and_fine_steps_take_int64() -> None:
    layout = Layout(33, 40, 3, "mop")
    q, latents = drawn_parameters(layout, 5, exponent=14), drawn_latents(layout, 6, scale=1000)
    network = SynthesisNetwork.of(layout, q, latents, 12)
    assert network.wide
    assert (picture(network, latents) == picture_float64(network, latents)).all()


def test_sums_that_float64_could_not_hold_are_refused() -> None:
    layout = Layout(40, 40, 3, "hop")
    q = drawn_parameters(layout, 7, exponent=14)
    q.integers["synthesis.0.weight"][:] = 1 << 14
    latents = np.full(layout.latents, 1 << 19, np.int32)
    with pytest.raises(InrError, match="too large"):
        decode_picture(layout, q, latents, fraction_bits=24)


def test_fraction_bits_out_of_range_are_refused() -> None:
    layout = Layout(4, 4, 1, "lop")
    with pytest.raises(InrError, match="8 to 24 fraction bits"):
        decode_picture(layout, drawn_parameters(layout, 1), np.zeros(layout.latents, np.int32), fraction_bits=30)


@pytest.mark.parametrize(
    ("fraction_bits", "digest"),
    [(12, "b3807e486f288beb"), pytest.param(20, "c7fbf529bdecbb32", marks=pytest.mark.long)],
)
def test_stored_pixels(fraction_bits: int, digest: str) -> None:
    layout = Layout(45, 70, 3, "hop")
    q, latents = drawn_parameters(layout, 8), drawn_latents(layout, 9, outliers=0)
    found = decode_picture(layout, q, latents, fraction_bits=fraction_bits)
    assert hashlib.sha256(found.astype("<i4").tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize(("fraction_bits", "most"), [(12, 2.0), pytest.param(20, 1.3, marks=pytest.mark.long)])
def test_decoding_takes_no_more_memory_than_told(fraction_bits: int, most: float) -> None:
    # the bound reckons with int64, which few files of 8 bits need; latents count for more in large pictures
    layout = Layout(700, 900, 3, "hop")
    q, latents = drawn_parameters(layout, 10), drawn_latents(layout, 11, outliers=0)
    decode_picture(layout, q, latents, fraction_bits=fraction_bits, rows=(0, 1))  # compiled
    tracemalloc.start()
    try:
        kept = latents.copy()  # as a decoder has them
        decode_bands(layout, q, kept, lambda top, band: None, fraction_bits=fraction_bits)
        # tables, of which there are up to 4 MiB, are made already
        assert memory_needed(layout) / most < tracemalloc.get_traced_memory()[1] + (4 << 20) < memory_needed(layout)
    finally:
        tracemalloc.stop()


def test_fifty_megapixels_decode_within_a_gibibyte() -> None:
    for height, width in ((5773, 8660), (8660, 5773), (7071, 7071)):
        assert memory_needed(Layout(height, width, 3, "hop"), threads=4) + 3 * height * width < 800 << 20
