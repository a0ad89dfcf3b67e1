"""Files that begin from known weights: fewer bytes for what is alike, and nothing without those weights."""

import numpy as np
import pytest
import torch

import inr
from inr import InrError, compression
from inr.compression import reference_weights as _initial

OPTIONS = {"steps": 150, "engine": "cpu:threads=1"}


def picture(shift):
    y, x = np.mgrid[0:24, 0:32] / 32
    x = x + shift
    planes = np.stack([np.sin(9 * x + 4 * y), np.cos(14 * y * x), np.sin(3 * x - 7 * y * y)], axis=-1)
    return inr.Signal.from_array((127.5 + 100 * planes).clip(0, 255).astype(np.uint8), kind="image")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    path = tmp_path_factory.mktemp("initial") / "first.inr"
    path.write_bytes(inr.compress(picture(0), bytes=900, steps=600, engine="cpu:threads=1"))
    return path


def test_what_is_alike_takes_fewer_bytes(first):
    name = compression.initial_weights(first)
    second = picture(0.02)
    alone = compression.compress_and_measure(second, bytes=300, **OPTIONS)
    after = compression.compress_and_measure(second, codec=f"mlp:initial={name}", bytes=300, **OPTIONS)
    assert len(after.data) <= 300
    assert after.psnr > alone.psnr + 2
    decoded = compression.decode(after.data)
    assert decoded.network.config() == inr.load(first).network.config()


def test_weights_are_their_differences_from_the_initial_ones(first):
    name = compression.initial_weights(first)
    origin = dict(inr.load(first).named_parameters())
    # so small a file has room for no difference
    made = compression.compress_and_measure(picture(0.5), codec=f"mlp:initial={name}", bytes=40, **OPTIONS)
    for other, tensor in compression.decode(made.data).named_parameters():
        assert torch.equal(tensor, origin[other])


def test_names_tell_weights_and_nothing_else(first):
    field = inr.load(first)
    name = compression.initial_weights(first)
    assert compression.initial_weights(field) == name
    with torch.no_grad():
        next(field.parameters())[0, 0] += 1e-3
    assert compression.initial_weights(field) != name


def test_without_its_initial_weights_a_file_is_refused_and_says_what_it_needs(first, monkeypatch):
    name = compression.initial_weights(first)
    data = inr.compress(picture(0.02), codec=f"mlp:initial={name}", bytes=300, **OPTIONS)
    monkeypatch.setattr(_initial, "_known", {})
    with pytest.raises(InrError, match=f"initial weights {name}: give their file"):
        inr.decompress(data)
    compression.initial_weights(first)
    assert inr.decompress(data).shape == (24, 32, 3)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"encoding": "hash", "network": "mlp:depth=1,width=8"}, "initial weights are of encoding hash"),
        ({"network": "mlp:depth=1,width=8"}, "for this signal it has to be fourier:kind=positional"),
    ],
)
def test_weights_of_another_network_are_refused(parts, message):
    name = compression.initial_weights(inr.Field.build(picture(0).domain, **parts))
    with pytest.raises(InrError, match=message):
        inr.compress(picture(0), codec=f"mlp:initial={name}", bytes=300, **OPTIONS)
