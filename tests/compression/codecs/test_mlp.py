"""The codec "mlp": layouts by bytes, round trips, and what makes no sense."""

import numpy as np
import pytest
import torch

from inr import InrError, Signal
from inr.compression.bitstream.network import sine_network
from inr.compression.codecs import codecs
from inr.compression.codecs.base import Payload
from inr.compression.encoder.network_size import network_size
from inr.container import varint

LIMIT = 1 << 26
SIGNALS = {
    "picture": Signal.from_array(np.random.default_rng(0).integers(0, 255, (14, 18, 3), dtype=np.uint8)),
    "sound": Signal.from_array(np.sin(np.arange(400) / 7), kind="audio", sample_rate=8000),
    "volume": Signal.from_array(np.random.default_rng(1).random((6, 7, 8)).astype(np.float32), kind="volume"),
    "globe": Signal.from_array(np.random.default_rng(2).random((10, 20)).astype(np.float32), kind="volume"),
    "video": Signal.from_array(np.zeros((3, 8, 9, 3), np.uint8) + np.arange(3, dtype=np.uint8), kind="video", fps=8),
}


def views(payloads):
    return {each.name: memoryview(each.data) for each in payloads}


@pytest.mark.parametrize("name", SIGNALS)
def test_every_kind_of_signal_comes_back(name):
    signal = SIGNALS[name]
    codec = codecs.build("mlp:sphere=true" if name == "globe" else "mlp")
    engine = "cpu:threads=1" if name == "picture" else "eager"  # others would have kernels of their own
    payloads = codec.encode(signal, 400, steps=10, engine=engine)
    assert [each.name for each in payloads] == ["base"]
    assert all(each.base for each in payloads)
    assert len(payloads[0].data) <= 400
    field = codec.decode(signal.domain, views(payloads), max_bytes=LIMIT)
    again = codec.decode(signal.domain, views(payloads), max_bytes=LIMIT)
    assert field.domain == signal.domain
    for parameter, other in zip(field.parameters(), again.parameters(), strict=True):
        assert torch.equal(parameter, other)
    assert field.render().shape == signal.array.shape


@pytest.mark.parametrize("max_bytes", [100, 400, 2_000, 7_000, 30_000])
def test_networks_are_as_wide_as_the_bytes_allow(max_bytes):
    domain = SIGNALS["picture"].domain
    depth, width = network_size(domain, max_bytes, sphere=False)
    count = sine_network(domain, depth, width, sphere=False).build(domain, "meta").parameter_count
    wider = sine_network(domain, depth, width + 1, sphere=False).build(domain, "meta").parameter_count
    assert 4 * count / 8 <= max_bytes or width == 2
    assert 6.6 * wider / 8 > max_bytes


def test_a_decoder_draws_nothing_from_the_global_generator():
    codec, signal = codecs.build("mlp"), SIGNALS["picture"]
    payloads = codec.encode(signal, 200, steps=5, engine="cpu:threads=1")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    codec.decode(signal.domain, views(payloads), max_bytes=LIMIT)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "cut"),
        (varint(0) + varint(4), "0 layers"),
        (varint(3) + varint(1 << 20), "units"),
        (varint(65) + varint(4), "65 layers"),
        (varint(64) + varint(4096) + bytes(50), "more than the limit"),
        (varint(2) + varint(4) + b"\x00garbage", "no model begins with 103"),
        (varint(2) + varint(4), "not laid out"),
    ],
)
def test_what_is_no_network_is_refused(payload, message):
    with pytest.raises(InrError, match=message):
        codecs.build("mlp").decode(SIGNALS["picture"].domain, views([Payload("base", payload)]), max_bytes=LIMIT)
