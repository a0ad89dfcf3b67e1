"""Sine networks in the order that takes the fewest bytes: the same field, and as many bits less as there are orders."""

import math

import numpy as np
import pytest
import torch

from inr import Signal
from inr.compression.bitstream.network import Parts, decode_field, with_weights
from inr.compression.bitstream.weights import QuantisedTensor, decode_weights, values_of
from inr.compression.encoder.neuron_order import in_order, orderable, shorten_biases
from inr.compression.encoder.step_allocation import to_integers
from inr.compression.encoder.weights import encode_weights

DOMAIN = Signal.from_array(np.zeros((24, 32, 3), dtype=np.uint8)).domain


def built(activation="sine", network="mlp:depth=3,width=24", encoding="identity"):
    torch.manual_seed(0)
    return Parts(encoding, activation, network).build(DOMAIN)


def rounded(field, index=-32):
    """Weights as integers, all by one step."""
    return {name: QuantisedTensor(to_integers(tensor, index), index) for name, tensor in field.named_parameters()}


def put(field, found):
    return with_weights(field, values_of(found, None))


def coordinates():
    return torch.rand(500, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize(
    ("parts", "whether"),
    [
        ({}, True),
        ({"activation": "sine:omega=15,first_omega=3"}, True),
        ({"encoding": "fourier"}, True),
        ({"activation": "relu"}, False),
        ({"activation": "finer"}, False),
        ({"activation": "gabor"}, False),
        ({"network": "mlp:depth=2,width=8,bias=false"}, False),
        ({"encoding": "hash:levels=2,log2_size=6"}, False),
    ],
)
def test_only_networks_of_sines_with_biases_are_orderable(parts, whether):
    assert orderable(built(**parts)) is whether


@pytest.mark.parametrize("activation", ["sine", "sine:omega=15,first_omega=3"])
def test_the_field_stays_what_it_is(activation):
    field = built(activation)
    given = rounded(field)
    before = put(field, given)(coordinates())
    found = in_order(given)
    assert [*found] == [*given]
    # sums of 24 terms in another order, through three sines of frequency 30: some tens of float32's 6e-8 each
    torch.testing.assert_close(put(field, found)(coordinates()), before, rtol=0, atol=3e-5)
    assert in_order(found) is not found
    for name, each in found.items():
        assert each.step_index == given[name].step_index
        assert np.array_equal(in_order(found)[name].integers, each.integers)  # there is but one order
        if name.endswith("bias") and not name.startswith("network.layers.3"):
            assert each.integers[0] >= 0
            assert (np.diff(each.integers) >= 0).all()
        assert sorted(np.abs(each.integers).ravel()) == sorted(np.abs(given[name].integers).ravel())
    assert np.array_equal(found["network.layers.3.bias"].integers, given["network.layers.3.bias"].integers)


@pytest.mark.parametrize("activation", ["sine", "sine:omega=15,first_omega=3", "sine:omega=60"])
def test_biases_within_a_quarter_of_a_period_are_the_same_field(activation):
    field = built(activation)
    with torch.no_grad():
        for layer in range(3):
            field.get_parameter(f"network.layers.{layer}.bias").mul_(5)
    before = field(coordinates())
    shorten_biases(field)
    # 5 omega b is up to 100 here, of which float32 has 4e-6, and each layer makes some more of it
    torch.testing.assert_close(field(coordinates()), before, rtol=0, atol=3e-3)
    for layer in range(3):
        quarter = math.pi / 2 / field.network.activation.frequency(field.network.position(layer))
        assert field.get_parameter(f"network.layers.{layer}.bias").abs().max() <= quarter * (1 + 1e-6)


@pytest.mark.parametrize(("width", "index"), [(10, -24), (24, -32), (64, -36)])
def test_it_saves_the_bits_that_choose_an_order_and_signs(width, index):
    """Nearly log2(w!) + w of each hidden layer; biases are drawn evenly, so that differences have one known width."""
    given = rounded(built(network=f"mlp:depth=3,width={width}"), index)
    saved = 8 * (len(encode_weights(given)) - len(encode_weights(in_order(given))))
    free = 3 * (math.lgamma(width + 1) / math.log(2) + width)
    assert 0.75 * free < saved < 1.1 * free


@pytest.mark.parametrize("width", [3, 20, 70])
def test_ascending_biases_come_back(width):
    field = built(network=f"mlp:depth=2,width={width}")
    found = in_order(rounded(field))
    payload = encode_weights(found)
    assert payload[0] >= 17
    again = decode_weights(payload, {name: each.integers.shape for name, each in found.items()}, max_bytes=1 << 20)
    for name, each in found.items():
        assert again[name].step_index == each.step_index
        assert np.array_equal(again[name].integers, each.integers)
    read = decode_field(
        DOMAIN, Parts("identity", "sine", f"mlp:depth=2,width={width}"), memoryview(payload), max_bytes=1 << 20
    )
    assert torch.equal(read(coordinates()), put(field, found)(coordinates()))


def test_models_of_many_bytes_have_ascending_biases_too():
    """What no distribution reaches is coded by models of its own."""
    weights = {"w": QuantisedTensor(np.full((4, 2), 1 << 20), 0), "b": QuantisedTensor(np.array([0, 5, 5, 1 << 21]), 1)}
    weights |= {"v": QuantisedTensor(np.ones((1, 4), dtype=np.int64), 2), "c": QuantisedTensor(np.array([-7]), 3)}
    payload = encode_weights(weights)
    assert payload[0] == 17
    again = decode_weights(payload, {name: each.integers.shape for name, each in weights.items()}, max_bytes=1 << 20)
    assert all(np.array_equal(again[name].integers, each.integers) for name, each in weights.items())
