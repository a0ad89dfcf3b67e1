"""The multilayer perceptron, real and in two planes."""

import pickle

import pytest
import torch

from inr import InrError
from inr.activations import Gabor, ReLU, Sine, activations
from inr.networks import MLP, ComplexAffine, networks


def test_complex_affine_is_the_complex_product():
    torch.manual_seed(0)
    layer = ComplexAffine(5, 7).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    z = torch.randn(11, 5, dtype=torch.complex128)
    weight = torch.complex(layer.weight_real, layer.weight_imag)
    bias = torch.complex(layer.bias_real, layer.bias_imag)
    real, imag = layer(z.real, z.imag)
    torch.testing.assert_close(torch.complex(real, imag), z @ weight.T + bias, rtol=1e-12, atol=1e-12)


def test_real_output_is_the_real_part():
    torch.manual_seed(0)
    layer = ComplexAffine(5, 3, real_output=True)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    z = torch.randn(4, 5, dtype=torch.complex64)
    weight = torch.complex(layer.weight_real, layer.weight_imag)
    torch.testing.assert_close(layer(z.real, z.imag)[0], (z @ weight.T).real + layer.bias_real)


def test_wire_is_the_network_written_with_complex_tensors():
    torch.manual_seed(0)
    network = MLP(2, 3, Gabor(omega=10.0, scale=10.0), depth=3, width=9).double()
    coords = torch.rand(50, 2, dtype=torch.float64) * 2 - 1
    first, *hidden, last = network.layers
    h = coords @ first.weight.T + first.bias
    h = torch.exp(10j * h - (10 * h).abs() ** 2)
    for layer in hidden:
        weight = torch.complex(layer.weight_real, layer.weight_imag)
        h = h @ weight.T + torch.complex(layer.bias_real, layer.bias_imag)
        h = torch.exp(10j * h - (10 * h).abs() ** 2)
    expected = (h @ torch.complex(last.weight_real, last.weight_imag).T).real + last.bias_real
    torch.testing.assert_close(network(coords), expected, rtol=1e-10, atol=1e-10)


def parameters(network: torch.nn.Module, skip_first: bool = False) -> int:
    layers = list(network.layers)[skip_first:]
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


def test_181_complex_units_cost_what_256_real_ones_do():
    wire = parameters(MLP(2, 3, Gabor(), depth=3, width=181), skip_first=True)
    siren = parameters(MLP(2, 3, Sine(), depth=3, width=256), skip_first=True)
    assert wire == pytest.approx(siren, rel=0.02)


def test_siren_parameter_count():
    # 2*256+256 + 3*(256^2+256) + 256*3+3, the recipe's 256x3
    assert parameters(MLP(2, 3, Sine(), depth=4, width=256)) == 768 + 3 * 65_792 + 771


@pytest.mark.parametrize(
    ("name", "bias"),
    [
        *((name, True) for name in activations.names()),
        *(pytest.param(name, False, marks=[pytest.mark.long] * (name != "sine")) for name in activations.names()),
    ],
)
def test_gradients_agree_with_finite_differences(name, bias):
    torch.manual_seed(0)
    network = MLP(2, 2, activations.build(name), depth=2, width=5, bias=bias).double()
    features = torch.rand(6, 2, dtype=torch.float64, requires_grad=True)
    names, tensors = zip(*network.named_parameters(), strict=True)

    def evaluate(inputs, *weights):
        return torch.func.functional_call(network, dict(zip(names, weights, strict=True)), (inputs,))

    assert torch.autograd.gradcheck(evaluate, (features, *tensors), eps=1e-7, atol=1e-4)


def test_configuration_and_pickle():
    network = networks.build("mlp:depth=2,width=8", 3, 2, ReLU())
    again = networks.build(network.config(), 3, 2, ReLU())
    assert again.config() == network.config()
    assert [p.shape for p in again.parameters()] == [p.shape for p in network.parameters()]
    copy = pickle.loads(pickle.dumps(network))
    features = torch.rand(4, 3)
    torch.testing.assert_close(copy(features), network(features), rtol=0, atol=0)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_any_number_of_rows(rows):
    assert MLP(2, 3, Gabor(), depth=1, width=4)(torch.zeros(rows, 2)).shape == (rows, 3)


def test_sizes_that_make_no_network():
    with pytest.raises(InrError, match="depth must be 1 to 64, got 0"):
        MLP(2, 3, Sine(), depth=0)
    with pytest.raises(ValueError, match="at least one input"):
        MLP(0, 3, Sine())
