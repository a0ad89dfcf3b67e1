"""Latents to bytes and back, in exact integers."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from inr import InrError
from inr.compression.bitstream.latent.decode import decode_latents, decode_section, entropy_network, memory_needed
from inr.compression.bitstream.latent.entropy import EntropyNetwork, means_and_scales_float64
from inr.compression.bitstream.latent.fronts import means_and_scales, sections, slope
from inr.compression.bitstream.latent.layout import CONTEXT, PRESETS, Layout
from inr.compression.bitstream.latent.tables import LATENT_LIMIT, SCALES, TOTAL_BITS, tables
from inr.compression.encoder.latent.eager import entropy_inputs, entropy_model, laplace_bits, latent_bits
from inr.compression.encoder.latent.write import encode_latents, estimated_bits, symbol_bits
from tests.compression.latent.drawn import SIZES, drawn_latents, drawn_parameters
from tests.tables import mostly_long


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", SIZES)
def test_latents_come_back_from_their_bytes(preset: str, size: tuple[int, int]) -> None:
    layout = Layout(*size, 3, preset)
    q, latents = drawn_parameters(layout, 1), drawn_latents(layout, 2)
    parts = encode_latents(layout, q, latents)
    assert (decode_latents(layout, q, parts) == latents).all()
    estimate = estimated_bits(layout, q, latents).sum() / 8
    assert sum(map(len, parts)) <= 1.01 * estimate + 64
    for index in range(1, len(parts)):  # a prefix gives what stands in it
        found = decode_latents(layout, q, parts[:index])
        start = sections(layout)[index][0].start
        assert (found[:start] == latents[:start]).all()
        assert not found[start:].any()


@pytest.mark.parametrize("log_scale", [-5.0, -2.0, 2.0, 3.0, 5.0])
@pytest.mark.parametrize("largest", [1, 40, 3000, LATENT_LIMIT - 1])
def test_any_scale_codes_any_latent(log_scale: float, largest: int) -> None:
    layout = Layout(16, 12, 1, "mop")
    q = drawn_parameters(layout, 3, log_scale=log_scale)
    latents = np.random.default_rng(4).integers(-largest, largest + 1, layout.latents).astype(np.int32)
    latents[:2] = -largest, largest
    parts = encode_latents(layout, q, latents)
    assert (decode_latents(layout, q, parts) == latents).all()
    assert sum(map(len, parts)) <= 1.01 * estimated_bits(layout, q, latents).sum() / 8 + 64


def test_latents_out_of_range_are_refused() -> None:
    layout = Layout(4, 4, 1, "lop")
    latents = np.zeros(layout.latents, np.int32)
    latents[3] = -LATENT_LIMIT
    with pytest.raises(ValueError, match="below 2\\^20"):
        encode_latents(layout, drawn_parameters(layout, 1), latents)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("exponent", mostly_long([7, 19]))  # of which the second takes integers of 64 bits
def test_compiled_integers_are_those_of_the_specification(preset: str, exponent: int) -> None:
    layout = Layout(61, 37, 3, preset)
    q, latents = drawn_parameters(layout, 5, exponent), drawn_latents(layout, 6)
    network = EntropyNetwork.of(layout, q, 6)
    assert network.wide == (exponent == 19)
    for grid in layout.grids:
        compiled = means_and_scales(network, latents, grid)
        for one, other in zip(compiled, means_and_scales_float64(network, latents, grid), strict=True):
            assert (one == other).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_integers_agree_with_floating_point(preset: str) -> None:
    # means within 1/64 (measured: 0.012), ln b within half a step of 1/16 and 1/64 (measured: 0.041)
    layout = Layout(61, 37, 3, preset)
    q, latents = drawn_parameters(layout, 7), drawn_latents(layout, 8, outliers=0)
    network = EntropyNetwork.of(layout, q, 5)
    parameters = {name: torch.tensor(q.integers[name] * 0.5 ** q.exponents[name]) for name in layout.tensors}
    for grid in layout.grids:
        mean, scale = means_and_scales(network, latents, grid)
        real = entropy_model(parameters, entropy_inputs(layout, parameters, torch.tensor(latents).double(), grid))
        assert np.abs(mean.reshape(-1) / 64 - real[0].numpy()).max() < 1 / 64
        assert np.abs((scale.reshape(-1) - 80) / 16 - real[1].numpy()).max() < 1 / 32 + 1 / 64


def test_rounding_probabilities_costs_little() -> None:
    # latents drawn from the model itself: 0.1 % (measured: 0.03 %)
    layout = Layout(64, 64, 3, "hop")
    q, draw = drawn_parameters(layout, 9, log_scale=-1), np.random.default_rng(0)
    parameters = {name: torch.tensor(q.integers[name] * 0.5 ** q.exponents[name]) for name in layout.tensors}
    latents = np.rint(draw.laplace(0, np.exp(-1), layout.latents)).astype(np.int32)
    exact = latent_bits(layout, parameters, torch.tensor(latents).double()).sum().item()
    assert estimated_bits(layout, q, latents).sum() < 1.001 * exact


def test_bits_of_symbols_are_those_of_laplace() -> None:
    # what is off (measured: 0.125 bits) comes of wide distributions being held by 1/16 of their mean
    mean, scale = (np.array(part).reshape(-1) for part in np.meshgrid([-129, 0, 7, 32], [8, 48, 80, 100, 120, 150]))
    for value in (-2, 0, 1, 5):
        found = symbol_bits(np.full(mean.shape, value), mean, scale)
        real = laplace_bits(
            torch.full(mean.shape, value).double(), torch.tensor(mean / 64), torch.tensor((scale - 80) / 16)
        )
        likely = real.numpy() < 13
        assert np.abs(found - real.numpy())[likely].max() < 0.15


def test_every_distribution_is_one() -> None:
    known = tables()
    for scale in range(SCALES):
        fractions, length = 64 >> known.coarseness[scale], 2 * known.reaches[scale] + 2
        rows = known.cumulative[known.starts[scale] :][: fractions * length].reshape(fractions, length)
        assert (rows[:, 0] == 0).all()
        assert (np.diff(rows) >= 1).all()
        assert (rows[:, -1] < 1 << TOTAL_BITS).all()


def test_tables_are_part_of_the_format() -> None:
    digest = hashlib.sha256(b"".join(array.astype("<i4").tobytes() for array in tables())).hexdigest()
    assert digest[:16] == "1d8ab96633e23eec"


@pytest.mark.parametrize(("preset", "least"), [("lop", 2), ("mop", 2), ("hop", 3)])
def test_fronts_are_as_steep_as_contexts_need(preset: str, least: int) -> None:
    contexts = PRESETS[preset].contexts
    assert slope(contexts) == least
    assert all(right + least * down < 0 for down, right in CONTEXT[:contexts])
    assert not all(right + (least - 1) * down < 0 for down, right in CONTEXT[:contexts])


@pytest.mark.parametrize("preset", PRESETS)
def test_no_latent_changes_the_model_of_those_before(preset: str) -> None:
    layout = Layout(17, 21, 3, preset)
    q, latents = drawn_parameters(layout, 10), drawn_latents(layout, 11)
    network = EntropyNetwork.of(layout, q, 6)
    before = [means_and_scales(network, latents, grid) for grid in layout.grids]
    for place in range(3, layout.latents, 37):
        changed = latents.copy()
        changed[place] += 7
        for grid, known in zip(layout.grids, before, strict=True):
            count = min(max(place + 1 - grid.start, 0), grid.size)
            for one, other in zip(means_and_scales(network, changed, grid), known, strict=True):
                assert (one.reshape(-1)[:count] == other.reshape(-1)[:count]).all()


def test_stored_bytes_decode() -> None:
    layout = Layout(9, 13, 3, "hop")
    q, latents = drawn_parameters(layout, 12), drawn_latents(layout, 13, 0.7)
    parts = encode_latents(layout, q, latents)
    assert [part.hex() for part in parts] == STORED
    assert (decode_latents(layout, q, [bytes.fromhex(part) for part in STORED]) == latents).all()


STORED = [
    "08dbd8",
    "51aa7f4f",
    "ca05f19be0ad807b5b",
    "7c16af27e41829f556b5e6acee4e5eb1ca23a0dc7ef5b038471dd32f17d80c92707c36cd5fa2d4de1b2af607c402",
]


def _damaged(part: bytes, draw: np.random.Generator) -> bytes:
    kind = draw.integers(4)
    if kind == 0:
        return draw.bytes(int(draw.integers(0, 3 * len(part) + 2)))
    if kind == 1:
        return part[: draw.integers(len(part))]
    changed = bytearray(part)
    for _ in range(int(draw.integers(1, 4))):
        changed[draw.integers(len(part))] ^= 1 << draw.integers(8)
    return bytes(changed) if kind == 2 else bytes(changed) + draw.bytes(3)


@pytest.mark.parametrize("preset", PRESETS)
def test_damage_is_refused_or_means_other_latents(preset: str) -> None:
    # bytes hardly say more than their symbols, so that few of them mean nothing: the file's checksums notice damage
    layout = Layout(33, 29, 3, preset)
    q, latents = drawn_parameters(layout, 14), drawn_latents(layout, 15)
    parts, draw = encode_latents(layout, q, latents), np.random.default_rng(16)
    network, refused = entropy_network(layout, q, parts[0]), 0
    for _ in range(200):
        index = int(draw.integers(len(parts)))
        first, rest = parts[index][: index == 0], parts[index][index == 0 :]
        damaged, found, run = _damaged(rest, draw), latents.copy(), sections(layout)[index]
        try:
            decode_section(network, index, first + damaged, found)
        except InrError:
            refused += 1
            assert not found[run[0].start : run[-1].stop].any()
        else:
            assert damaged == rest or (found != latents).any()
            assert np.abs(found).max() < LATENT_LIMIT
    assert refused > 150


@pytest.mark.parametrize("first", [b"", b"\0", b"\xff"])
def test_a_first_section_that_says_nothing_is_refused(first: bytes) -> None:
    layout = Layout(5, 6, 3, "lop")
    with pytest.raises(InrError, match="clipped"):
        decode_latents(layout, drawn_parameters(layout, 17), [first])


def test_memory_is_bounded_before_anything_is_decoded() -> None:
    assert memory_needed(Layout(1 << 15, 1 << 15, 3, "hop")) > 1 << 30
    assert memory_needed(Layout(512, 768, 3, "hop"), threads=2) <= 1 << 26


def test_decoding_imports_neither_torch_nor_what_encodes() -> None:
    code = (
        "import sys, inr.compression.bitstream.latent.decode\n"
        "print([name for name in sys.modules if name == 'torch' or name.startswith('inr.compression.encoder')])"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"
