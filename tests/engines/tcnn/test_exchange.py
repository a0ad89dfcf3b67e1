"""Fields to and from tiny-cuda-nn's configurations and vectors: the same function on both sides."""

import pytest
import torch

from inr import InrError
from inr.engines._tcnn._exchange import from_tcnn, to_tcnn
from tests.engines.tcnn import reference
from tests.engines.tcnn.fields import build, distance, signal

# of float32 weights multiplied and divided by ω, and of values computed in float32
ROUNDING = 5e-6


def run(config, flat, coords):
    """What tiny-cuda-nn computes."""
    network = reference.NetworkWithInputEncoding(
        config["n_input_dims"], config["n_output_dims"], config["encoding"], config["network"]
    )
    with torch.no_grad():
        network.params.copy_(flat)
        return network(coords)


def coordinates(in_dim, n=50):
    return torch.rand(n, in_dim, generator=torch.Generator().manual_seed(3)) * 2 - 1


@pytest.mark.parametrize("activation", ["relu", "sine:omega=5,first_omega=9"])
@pytest.mark.parametrize("width", [16, 21])
@pytest.mark.parametrize("in_dim", [1, 3])
def test_there_and_back(activation, width, in_dim):
    source = signal(in_dim)
    field = build(source, activation=activation, network=f"mlp:depth=2,width={width},bias=false")
    config, flat = to_tcnn(field)
    coords = coordinates(in_dim)
    assert distance(run(config, flat, coords), field(coords).detach()) < ROUNDING
    omegas = {} if activation == "relu" else {"omega": 5, "first_omega": 9}
    back = from_tcnn(config, flat, source.domain, **omegas)
    assert distance(back(coords).detach(), field(coords).detach()) < ROUNDING
    if width == 16:  # otherwise it has the units of the padding
        activated, theirs = back.config()["activation"], field.config()["activation"]
        assert {**activated, "init": None} == {**theirs, "init": None}
        assert back.config()["network"] == field.config()["network"]
        for name, tensor in back.named_parameters():
            torch.testing.assert_close(tensor, dict(field.named_parameters())[name], rtol=3e-7, atol=0)


@pytest.mark.parametrize("kind", ["auto", "fullyfused", "cutlass"])
def test_the_network_can_be_chosen(kind):
    field = build(signal(), activation="relu", network="mlp:width=32,bias=false")
    config, flat = to_tcnn(field, kind)
    assert config["network"]["otype"] == ("CutlassMLP" if kind == "cutlass" else "FullyFusedMLP")
    coords = coordinates(2)
    assert distance(run(config, flat, coords), field(coords).detach()) < ROUNDING


def learnt(activation="ReLU", units=32, depth=2, channels=3, **encoding):
    """A configuration and a vector in which everything is used, the padding too."""
    config = {
        "n_input_dims": 2,
        "n_output_dims": channels,
        "encoding": {"otype": "Identity", **encoding},
        "network": {
            "otype": "CutlassMLP",
            "activation": activation,
            "output_activation": "None",
            "n_neurons": units,
            "n_hidden_layers": depth,
        },
    }
    size = units * 16 + (depth - 1) * units**2 + reference.up(channels) * units
    return config, torch.randn(size, generator=torch.Generator().manual_seed(5)) / 4


@pytest.mark.parametrize("activation", ["ReLU", "Sine"])
@pytest.mark.parametrize("encoding", [{}, {"scale": 0.5}, {"scale": 3.0, "offset": -0.7}])
@pytest.mark.parametrize("span", [(-1.0, 1.0), (0.0, 1.0), (-2.0, 5.0)])
def test_constant_inputs_become_a_bias(activation, encoding, span):
    config, flat = learnt(activation, **encoding)
    field = from_tcnn(config, flat, signal().domain, span=span)
    coords = coordinates(2)
    low, high = span
    theirs = run(config, flat, low + (coords + 1) / 2 * (high - low))
    assert distance(field(coords).detach(), theirs) < ROUNDING
    assert field.config()["network"]["bias"] is True
    biases = {name: tensor for name, tensor in field.named_parameters() if name.endswith("bias")}
    assert biases.pop("network.layers.0.bias").any()
    assert not any(bias.any() for bias in biases.values())


def test_frequencies_do_not_change_the_function():
    config, flat = learnt("Sine")
    coords = coordinates(2)
    expected = run(config, flat, coords)
    for omegas in ({}, {"omega": 1.0}, {"omega": 7.0, "first_omega": 100.0}):
        field = from_tcnn(config, flat, signal().domain, **omegas)
        assert distance(field(coords).detach(), expected) < ROUNDING
        assert field.config()["activation"]["omega"] == omegas.get("omega", 30.0)


def test_defaults_are_those_of_tiny_cuda_nn():
    size = 128 * 16 + 4 * 128**2 + 16 * 128
    field = from_tcnn({}, torch.zeros(size), signal().domain)
    assert field.config()["activation"]["name"] == "relu"
    assert field.config()["network"] == {"name": "mlp", "depth": 5, "width": 128, "bias": False}


def test_names_are_read_in_any_case_and_16_bits_too():
    config, flat = learnt("sine")
    config["network"]["otype"] = "fullyfusedmlp"
    assert from_tcnn(config, flat.half(), signal().domain).config()["network"]["width"] == 32


def test_random_numbers_are_not_drawn():
    config, flat = learnt()
    state = torch.get_rng_state()
    from_tcnn(config, flat, signal().domain)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("network", {"activation": "Tanh"}, "fields have no activation 'Tanh'; Sine and ReLU work"),
        ("network", {"output_activation": "Sigmoid"}, "output_activation 'Sigmoid' is not None"),
        ("network", {"otype": "TransformerMLP"}, "network 'TransformerMLP' is not known here"),
        ("network", {"n_hidden_layers": 0}, "n_hidden_layers of a field is a whole number from 1 to 64, got 0"),
        ("network", {"n_neurons": "64"}, "n_neurons of a field is a whole number from 1 to 8192, got '64'"),
        ("encoding", {"otype": "HashGrid"}, "encoding 'HashGrid' is not the function of one here; Identity works"),
        (None, {"n_input_dims": 3}, "n_input_dims is 3, but the domain has 2 axes"),
        (None, {"n_output_dims": 1}, "n_output_dims is 1, but the domain has 3 channels"),
        ("network", {"n_neurons": 48}, r"vector is \(3840,\), got \(2048,\)"),
    ],
)
def test_what_a_field_cannot_be_is_refused(section, changes, message):
    config, flat = learnt()
    (config if section is None else config[section]).update(changes)
    with pytest.raises(InrError, match=message):
        from_tcnn(config, flat, signal().domain)


def test_what_tiny_cuda_nn_cannot_be_is_refused():
    for encoding in ("hash", "fourier"):
        field = build(signal(), encoding=encoding, activation="relu", network="mlp:width=16,bias=false")
        with pytest.raises(InrError, match=f"no encoding '{encoding}' as it is here; identity works"):
            to_tcnn(field)
    with pytest.raises(InrError, match="no biases; mlp:bias=false works"):
        to_tcnn(build(signal(), activation="relu", network="mlp:width=16"))
