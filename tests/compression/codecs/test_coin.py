"""The codec "coin"."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
import torch

from inr import InrError, Signal
from inr.compression import FitSeries, compress_and_measure, decompress
from inr.compression.codecs import codecs
from inr.compression.encoder.least_loss import LeastLoss
from inr.container import varint
from inr.fitting import Budget, Fitter, Setup

pytestmark = pytest.mark.quick

GIB = 1 << 30
# layers, units and weights of the published networks
PUBLISHED = [(5, 20, 1803), (5, 30, 3903), (10, 28, 7479), (10, 40, 15003), (13, 49, 29697)]


def picture(height: int = 12, width: int = 10) -> Signal:
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    pixels = np.stack([x, y, 0.5 + 0.5 * np.sin(4 * x * y)], axis=-1)
    return Signal.from_array((255 * pixels).astype(np.uint8), kind="image")


def encoded(signal: Signal, max_bytes: int, steps: int = 1, **options) -> bytes:
    (payload,) = codecs.build("coin").encode(signal, max_bytes, steps=steps, engine="eager", **options)
    assert payload.name == "base"
    assert payload.base
    return payload.data


def decoded(signal: Signal, data: bytes, max_bytes: int = GIB):
    return codecs.build("coin").decode(signal.domain, {"base": memoryview(data)}, max_bytes=max_bytes)


@pytest.mark.parametrize(("depth", "width", "weights"), PUBLISHED)
def test_published_networks_have_their_published_sizes(depth, width, weights):
    signal = picture(3, 3)
    data = encoded(signal, 2 * weights + 2)
    assert len(data) == 2 * weights + 2
    assert data[:2] == bytes([depth, width])
    field = decoded(signal, data)
    assert field.parameter_count == weights
    config = field.config()
    assert (config["encoding"]["name"], config["network"]["bias"]) == ("identity", True)
    constants = field.network.activation.constants
    assert (constants("first"), constants("hidden")) == ({"omega": 30.0}, {"omega": 30.0})


@pytest.mark.parametrize("max_bytes", [40, 99, 1000, 3607, 14_000, 14_961, 50_000, 60_001])
def test_networks_are_as_wide_as_the_bytes_allow(max_bytes):
    signal = picture(3, 3)
    data = encoded(signal, max_bytes)
    depth, width = data[:2]
    assert len(data) <= max_bytes
    assert depth == (5 if len(data) < 14_000 else 10 if len(data) < 50_000 else 13)
    wider = (depth - 1) * (width + 1) ** 2 + (5 + depth) * (width + 1) + 3
    assert 2 * wider + 2 > max_bytes


def test_too_little_room_gives_the_least_network():
    assert len(encoded(picture(3, 3), 1)) == 2 + 2 * 17


def test_weights_are_those_of_the_fit_in_16_bits():
    signal = picture()
    data = encoded(signal, 400, steps=1, seed=3)
    fitter = Fitter(
        signal, Setup("identity", "sine", f"mlp:depth={data[0]},width={data[1]}", signal.size, 1, learning_rate=2e-4,
              lattice_only=True),
        Budget(steps=1), engine="eager", seed=3,
    )  # fmt: skip
    *_, _ = fitter.run()
    ours, theirs = decoded(signal, data).state_dict(), fitter.field.state_dict()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor.half().float(), rtol=0, atol=0)


def test_of_the_second_half_the_best_weights_are_kept():
    signal = picture()
    setup = Setup("identity", "sine", "mlp:depth=2,width=16", signal.size, 40, schedule="constant", learning_rate=2e-2)
    setup = dataclasses.replace(setup, lattice_only=True)
    kept = LeastLoss(whole=True)
    fitter = Fitter(signal, setup, Budget(steps=40), engine="eager", parametrisation=kept)
    losses = [event.loss for event in fitter.run() if event.kind == "step"]
    best = kept.best
    expected = min(losses[20:])
    field = fitter.field
    field.load_state_dict(dict(best))
    everything = torch.arange(signal.size)
    with torch.no_grad():
        loss = float((field(signal.coords(everything)) - signal.values(everything)).square().mean())
    assert loss == pytest.approx(expected, rel=1e-5)


def test_files_come_back():
    signal = picture(24, 20)
    found = compress_and_measure(signal, codec="coin", bytes=900, steps=400, engine="eager")
    assert found.missed is None
    assert len(found.data) <= 900
    samples = decompress(found.data, engine="eager")
    assert samples.dtype == np.uint8
    deviation = 20 * np.log10(255 / signal.array.astype(float).std())
    assert found.psnr > deviation + 3


def test_equal_fits_give_equal_bytes():
    signal = picture()
    data = encoded(signal, 400, steps=20)
    assert data == encoded(signal, 400, steps=20)
    assert data != encoded(signal, 400, steps=20, seed=1)


def test_large_signals_are_learned_in_batches():
    signal = Signal.from_array(np.zeros((257, 256), np.uint8), kind="image")
    seen = []
    encoded(signal, 40, steps=2, fits=FitSeries(on_event=seen.append))
    assert seen[-1].points == 2 * 2**14
    assert (seen[0].learning_rate, seen[-1].learning_rate) == (2e-4, 2e-4)


def test_sounds_may_have_a_higher_frequency():
    signal = Signal.from_array(np.sin(np.arange(50.0)), kind="audio", sample_rate=8000)
    codec = codecs.build("coin:first_omega=3000")
    (payload,) = codec.encode(signal, 60, steps=1, engine="eager")
    field = codec.decode(signal.domain, {"base": memoryview(payload.data)}, max_bytes=GIB)
    assert field.network.activation.first_omega == 3000


PREFACE = varint(5) + varint(2)
WEIGHTS = 4 * 2**2 + 10 * 2 + 3


def halves(*numbers: float) -> bytes:
    return np.resize(np.array(numbers, "<f2"), WEIGHTS).tobytes()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut"),
        (varint(5), "cut"),
        (varint(0) + varint(2), "0 layers"),
        (varint(65) + varint(2), "65 layers"),
        (varint(5) + varint(0), "0 units"),
        (varint(5) + varint(4097), "4097 units"),
        (varint(2**40) + varint(2**40), "layers"),
        (varint(64) + varint(4096) + bytes(100), "not 100 / 2"),
        (PREFACE + halves(0)[:-1], "weights, not"),
        (PREFACE + halves(0) + b"\0", "weights, not"),
        (PREFACE + halves(0, np.nan), "finite"),
        (PREFACE + halves(0, -np.inf), "finite"),
    ],
)
def test_crafted_payloads_are_refused_before_anything_is_allocated(data, message):
    signal = picture()
    decoded(signal, PREFACE + halves(0.5))  # imports what it needs
    tracemalloc.start()
    with pytest.raises(InrError, match=message):
        decoded(signal, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_the_limit_holds():
    decoded(picture(), PREFACE + halves(0.5), max_bytes=4 * WEIGHTS)
    with pytest.raises(InrError, match="more than the limit"):
        decoded(picture(), PREFACE + halves(0.5), max_bytes=4 * WEIGHTS - 1)
