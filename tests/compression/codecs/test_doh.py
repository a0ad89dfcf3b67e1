"""The codec "doh": projections that are the same everywhere, their gradients, and files."""

import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
import torch

from inr import InrError, Signal
from inr.compression import FitSeries, compress_and_measure, decompress, encode_integers
from inr.compression.bitstream import random_projection
from inr.compression.bitstream.philox import bit_rows
from inr.compression.bitstream.random_projection import Projection, spreads
from inr.compression.codecs import codecs
from inr.compression.encoder.hypernetwork import Code
from inr.container import varint
from inr.engines import plan
from inr.field import Field
from inr.objectives import Regression
from inr.teaching import teachers

GIB = 1 << 30


def picture(height: int = 16, width: int = 14) -> Signal:
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    pixels = np.stack([x, y, 0.5 + 0.5 * np.sin(4 * x * y)], axis=-1)
    return Signal.from_array((255 * pixels).astype(np.uint8), kind="image")


def network(width: int, depth: int = 2, encoding: str = "identity") -> Field:
    return Field.build(picture(3, 3).domain, encoding=encoding, network=f"mlp:depth={depth},width={width}")


def code(latent: int) -> np.ndarray:
    """Integers of about the size that rounded codes have."""
    return np.arange(latent) * 7919 % 101 - 50


def crc(tensors: dict[str, torch.Tensor]) -> int:
    return zlib.crc32(b"".join(tensor.numpy().astype("<f4").tobytes() for tensor in tensors.values()))


def dense(field: Field, seed: int, latent: int) -> torch.Tensor:
    """All of s P as a matrix (weights, m)."""
    count = field.parameter_count
    bits = np.unpackbits(bit_rows(seed, 0, count, latent).astype("<u4").view(np.uint8), axis=1, bitorder="little")
    scales = [spreads(field)[name] / latent**0.5 * torch.ones(each.numel()) for name, each in field.named_parameters()]
    return torch.cat(scales)[:, None] * (2.0 * torch.from_numpy(bits[:, :latent].astype(np.float32)) - 1)


def test_every_machine_makes_these_weights():
    made = Projection(network(9), 2**32 - 1, 150).weights(code(150), 0.01)
    assert crc(made) == 387532062


@pytest.mark.parametrize("block", [1, 13, 1000, 1 << 18])
@pytest.mark.parametrize("latent", [1, 127, 128, 300])
def test_blocks_do_not_matter(block, latent):
    field = network(11)
    expected = Projection(field, 4, latent).weights(code(latent), 0.125)
    found = Projection(field, 4, latent, block=block, keep=block == 13).weights(code(latent), 0.125)
    assert crc(found) == crc(expected)


def test_weights_are_the_explicit_product():
    field = network(6)
    latent = 200
    made = Projection(field, 9, latent).weights(code(latent), 0.5)
    assert {name: tensor.shape for name, tensor in made.items()} == {
        name: tensor.shape for name, tensor in field.named_parameters()
    }
    flat = torch.cat([tensor.reshape(-1) for tensor in made.values()])
    expected = dense(field, 9, latent).double() @ torch.from_numpy(0.5 * code(latent))
    torch.testing.assert_close(flat.double(), expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))


def test_seeds_give_different_weights():
    field = network(6)
    first, second = (Projection(field, seed, 90).weights(code(90), 0.5) for seed in (0, 1))
    assert crc(first) != crc(second)


def test_large_integers_are_summed_exactly():
    field = network(6)
    large = np.full(1000, 2**31 - 1) - np.arange(1000) % 2
    sums = [np.empty(4, np.int64) for _ in range(2)]
    bits = bit_rows(0, 0, 4, 1000)
    random_projection._project(bits, np.concatenate([large, np.zeros(24, np.int64)]), sums[0])
    signs = np.unpackbits(bits.astype("<u4").view(np.uint8), axis=1, bitorder="little")[:, :1000].astype(np.int64)
    np.testing.assert_array_equal(sums[0], (2 * signs - 1) @ large)
    assert all(bool(tensor.isfinite().all()) for tensor in Projection(field, 0, 1000).weights(large, 65504.0).values())


def test_hidden_weights_have_the_variance_of_initial_ones():
    field = network(100, 3)
    made = Projection(field, 1, 1000).weights(np.where(code(1000) < 0, -1, 1), 1.0)
    for name in ("network.layers.1.weight", "network.layers.2.weight"):
        assert float(made[name].var()) == pytest.approx(2 / (100 * 30**2), rel=0.05)
        assert float(dict(field.named_parameters())[name].detach().var()) == pytest.approx(2 / (100 * 30**2), rel=0.05)


@pytest.mark.parametrize("encoding", ["identity", "fourier:kind=positional,frequencies=8,octaves=4"])
def test_every_tensor_has_the_variance_it_should_have(encoding):
    field = network(100, 3, encoding)
    made = Projection(field, 1, 1000).weights(np.where(code(1000) < 0, -1, 1), 1.0)
    for name, spread in spreads(field).items():
        ratio = float((made[name] / spread).square().mean())
        assert abs(ratio - 1) < 4 * (2 / made[name].numel()) ** 0.5


def test_the_transposed_product_is_the_transposed_one():
    field = network(20)
    latent = 333
    random = np.random.default_rng(0)
    integers = random.integers(-100, 100, latent)
    projection = Projection(field, 3, latent, block=99)
    grads = {name: torch.randn(tensor.shape) for name, tensor in field.named_parameters()}
    made = projection.weights(integers, 0.25)
    left = sum(float((made[name].double() * grads[name]).sum()) for name in grads)
    right = float(projection.transposed(grads).double() @ torch.from_numpy(0.25 * integers))
    size = sum(float((made[name].double() * grads[name]).abs().sum()) for name in grads)
    assert abs(left - right) < 1e-5 * size


def test_the_gradient_is_that_of_an_explicit_matrix():
    signal = picture(8, 8)
    field = Field.build(signal.domain, network="mlp:depth=2,width=6")
    latent = 40
    names = [name for name, _ in field.named_parameters()]
    sizes = [parameter.numel() for parameter in field.parameters()]
    integers = code(latent)
    z = torch.tensor(integers * 0.03125, dtype=torch.float32, requires_grad=True)
    pieces = (dense(field, 8, latent) @ z).split(sizes)
    tensors = {
        name: piece.view(shape.shape) for name, piece, shape in zip(names, pieces, field.parameters(), strict=True)
    }
    objective = Regression(signal)
    teacher = teachers.build("uniform")
    teacher.bind(signal, 1, signal.size, 0)
    batch = teacher.select(0, None)
    missed = torch.func.functional_call(field, tensors, (objective.coords(batch),)) - signal.values(batch.indices)
    missed.square().mean().backward()

    projection = Projection(field, 8, latent, keep=True)
    _, ready = plan(field, objective, "eager")
    result = ready.loss_and_grad(projection.weights(integers, 0.03125), batch)
    found = projection.transposed(result.grads)
    torch.testing.assert_close(found, z.grad, rtol=1e-3, atol=1e-4 * float(z.grad.abs().max()))


def test_codes_are_rounded_as_finely_as_they_fit():
    learned = Code(500, 0, 300)
    assert learned.rounded().std() > 2**23  # as good as not rounded
    learned.choose(0.985)
    size = len(encode_integers(learned.rounded()))
    assert 0.95 * 300 < size <= 300
    learned.numbers *= 2
    learned.fit_within_limit()
    assert len(encode_integers(learned.rounded())) <= 300
    assert np.float16(learned.step) == learned.step


def test_pictures_are_learned():
    signal = picture()
    events = []
    fits = FitSeries(on_event=events.append)
    found = compress_and_measure(signal, codec="doh", bytes=420, steps=150, engine="eager", fits=fits)
    assert [event.message for event in events[152:]] == ["coding", "decoding, to measure it"]
    events = events[:152]
    assert found.missed is None
    assert 0.9 * 420 < len(found.data) <= 420
    assert [event.kind for event in (events[0], events[1], events[-1])] == ["start", "step", "end"]
    assert (len(events), events[-1].reason, events[-1].step) == (152, "steps", 150)
    error = decompress(found.data, engine="eager").astype(float) - signal.array.reshape(16, 14, 3)
    assert 10 * np.log10(255**2 / np.square(error).mean()) == pytest.approx(found.psnr, abs=0.01)
    deviation = 20 * np.log10(255 / (signal.array - signal.array.mean(axis=(0, 1))).std())
    assert found.psnr > deviation + 5


def test_equal_fits_give_equal_bytes():
    first, second, other = (
        codecs.build("doh").encode(picture(6, 6), 120, steps=12, engine="eager", seed=seed)[0].data
        for seed in (0, 0, 1)
    )
    assert first == second
    assert first != other


@pytest.mark.parametrize("max_bytes", [1, 30, 60, 150])
def test_sections_are_within_their_bytes_where_that_is_possible(max_bytes):
    signal = picture(6, 6)
    codec = codecs.build("doh")
    (payload,) = codec.encode(signal, max_bytes, steps=3, engine="eager")
    assert len(payload.data) <= max(max_bytes, 30)
    field = codec.decode(signal.domain, {"base": memoryview(payload.data)}, max_bytes=GIB)
    assert field.domain == signal.domain


def test_fits_that_diverge_end_in_a_file(monkeypatch):
    monkeypatch.setattr("inr.compression.encoder.hypernetwork.LEARNING_RATE", 1e30)
    signal = picture(6, 6)
    events = []
    (payload,) = codecs.build("doh").encode(
        signal, 200, steps=50, engine="eager", fits=FitSeries(on_event=events.append)
    )
    assert [event.reason for event in events if event.kind == "end"] == ["diverged"]
    field = codecs.build("doh").decode(signal.domain, {"base": memoryview(payload.data)}, max_bytes=GIB)
    assert all(bool(tensor.isfinite().all()) for tensor in field.parameters())


def crafted(depth=2, width=4, latent=50, seed=1, step=0.5, integers: bytes | None = None) -> bytes:
    coded = encode_integers(np.zeros(min(latent, 1000), np.int64)) if integers is None else integers
    return varint(depth) + varint(width) + varint(latent) + struct.pack("<Ie", seed, step) + coded


def decoded(data: bytes, max_bytes: int = GIB) -> Field:
    return codecs.build("doh").decode(picture().domain, {"base": memoryview(data)}, max_bytes=max_bytes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut"),
        (crafted()[:6], "cut"),
        (crafted(depth=0), "0 layers"),
        (crafted(depth=65), "65 layers"),
        (crafted(width=4097), "4097 units"),
        (crafted(latent=0, integers=b""), "of 0 numbers"),
        (crafted(latent=2**20 + 1), "numbers"),
        (crafted(depth=64, width=4096, latent=1), "more than the limit"),
        (crafted(depth=10, width=1024, latent=2**20), "too long"),
        (crafted(depth=40, width=1024, latent=1), "too long"),
        (crafted(step=0.0), "step"),
        (crafted(step=-1.0), "step"),
        (crafted(step=np.inf), "step"),
        (crafted(step=np.nan), "step"),
        (crafted(integers=b""), "cut"),
        (crafted(integers=encode_integers(code(50)) + b"\1"), "end"),
    ],
)
def test_crafted_payloads_are_refused_at_once(data, message):
    decoded(crafted())  # imports what it needs
    begin = time.process_time()
    tracemalloc.start()
    with pytest.raises(InrError, match=message):
        decoded(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 21
    assert time.process_time() - begin < 1


def test_the_limit_holds():
    count = decoded(crafted(latent=20)).parameter_count
    decoded(crafted(latent=20), max_bytes=4 * count)
    with pytest.raises(InrError, match="more than the limit"):
        decoded(crafted(latent=20), max_bytes=4 * count - 1)


def test_a_seed_must_fit_the_file():
    with pytest.raises(InrError, match="seed"):
        codecs.build("doh").encode(picture(6, 6), 100, steps=1, engine="eager", seed=2**32)
