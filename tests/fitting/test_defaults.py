"""What goes with the parts that a user names."""

import numpy as np
import pytest

import inr
from inr._parts import parse_spec
from inr.fitting._defaults import default_setup


def setup(signal=None, **given):
    signal = signal or inr.Signal.from_array(np.zeros((64, 64, 3), np.uint8), kind="image")
    return default_setup(signal).with_parts(signal, **given)


@pytest.mark.parametrize(
    ("activation", "network"),
    [
        ("sine", "mlp:depth=4,width=256"), ("finer", "mlp:depth=4,width=256"), ("snake", "mlp:depth=4,width=256"),
        ("gabor", "mlp:depth=3,width=181"), ("finer-gabor", "mlp:depth=3,width=181"),
        ("real-gabor", "mlp:depth=3,width=181"), ("gabor-2d", "mlp:depth=3,width=128"),
    ],
)  # fmt: skip
def test_activations_that_stand_alone_get_bare_coordinates_and_a_network_of_equal_cost(activation, network):
    found = setup(activation=activation)
    assert found.encoding == {"name": "identity"}
    assert found.network == parse_spec(network)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "softplus", "tanh"])
def test_activations_that_need_an_encoding_keep_the_kinds_own(activation):
    found, plain = setup(activation=activation), setup()
    assert found.encoding == plain.encoding
    assert found.network == plain.network
    assert found.activation["name"] == activation


@pytest.mark.parametrize("activation", ["sine", "finer", "hosc"])
def test_sounds_have_a_fast_first_layer(activation):
    sound = inr.Signal.from_array(np.zeros(800, np.float32), kind="audio", sample_rate=8000)
    assert setup(sound, activation=activation).activation == {"name": activation, "first_omega": 3000.0}
    assert setup(sound, activation=f"{activation}:first_omega=50").activation["first_omega"] == 50
