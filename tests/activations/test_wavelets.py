"""WIRE's wavelets of two affine maps: formulas, whole networks written otherwise, and what they cost."""

import math

import pytest
import torch

from inr import InrError
from inr.activations import Gabor2D, RealGabor, Sine
from inr.activations._base import fan_in
from inr.networks import MLP


def planes(count):
    return torch.randn(count, 1000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.2


def test_the_real_wavelet_is_the_papers():
    z, v = planes(2)
    for position in ("first", "hidden"):
        (value,) = RealGabor(omega=7.0, scale=4.0)((z, v), position)
        torch.testing.assert_close(value, torch.cos(7 * z) * torch.exp(-((4 * v) ** 2)), rtol=0, atol=1e-12)
        assert value.abs().max() <= 1


def test_the_wavelet_of_two_complex_maps_is_the_papers():
    a, b, c, d = planes(4)
    z, v = torch.complex(a, b), torch.complex(c, d)
    expected = torch.exp(7j * z) * torch.exp(-(4.0**2) * (z.abs() ** 2 + v.abs() ** 2))
    activation = Gabor2D(omega=7.0, scale=4.0)
    torch.testing.assert_close(torch.complex(*activation((a, b, c, d))), expected, rtol=1e-12, atol=1e-12)
    first = torch.exp(7j * a - 16 * (a**2 + c**2))
    torch.testing.assert_close(torch.complex(*activation((a, c), "first")), first, rtol=1e-12, atol=1e-12)


def test_the_modulus_is_bounded_as_the_ratio_says():
    activation, zero = Gabor2D(omega=6.0, scale=4.0), torch.zeros(401)
    line = torch.linspace(-1, 1, 401)
    assert torch.hypot(*activation((line, zero, zero, zero))).max() <= 1
    largest = torch.hypot(*activation((zero, line, zero, zero))).max().item()
    assert largest == pytest.approx(math.exp(6**2 / (4 * 4**2)), rel=0.01)
    with pytest.raises(InrError, match=r"'gabor-2d': omega/scale must be at most 3.*40/10.*scale=40"):
        Gabor2D(omega=40.0, scale=10.0)


def test_a_network_of_two_complex_maps_written_with_complex_tensors():
    torch.manual_seed(0)
    network = MLP(2, 3, Gabor2D(omega=10.0, scale=10.0), depth=3, width=7).double()
    coords = torch.rand(50, 2, dtype=torch.float64) * 2 - 1

    def wave(z, v):
        return torch.exp(10j * z - 100 * (z.abs() ** 2 + v.abs() ** 2))

    first, *hidden, last = network.layers
    h = wave(coords @ first.weight[:7].T + first.bias[:7], coords @ first.weight[7:].T + first.bias[7:])
    for layer in hidden:
        weight = torch.complex(layer.weight_real, layer.weight_imag)
        bias = torch.complex(layer.bias_real, layer.bias_imag)
        h = wave(h @ weight[:7].T + bias[:7], h @ weight[7:].T + bias[7:])
    expected = (h @ torch.complex(last.weight_real, last.weight_imag).T).real + last.bias_real
    torch.testing.assert_close(network(coords), expected, rtol=1e-10, atol=1e-10)


def test_a_network_of_two_real_maps_written_by_hand():
    torch.manual_seed(0)
    network = MLP(2, 1, RealGabor(omega=5.0, scale=3.0), depth=2, width=6).double()
    h = coords = torch.rand(40, 2, dtype=torch.float64) * 2 - 1
    for layer in network.layers[:-1]:
        z, v = (h @ layer.weight[half].T + layer.bias[half] for half in (slice(6), slice(6, None)))
        h = torch.cos(5 * z) * torch.exp(-((3 * v) ** 2))
    last = network.layers[-1]
    torch.testing.assert_close(network(coords), h @ last.weight.T + last.bias, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("activation", "width"), [(RealGabor(), 181), (Gabor2D(), 128)])
def test_widths_that_cost_what_256_sines_do(activation, width):
    def hidden(network):
        return sum(parameter.numel() for layer in network.layers[1:-1] for parameter in layer.parameters())

    siren = hidden(MLP(2, 3, Sine(), depth=3, width=256))
    assert hidden(MLP(2, 3, activation, depth=3, width=width)) == pytest.approx(siren, rel=0.02)


@pytest.mark.parametrize("activation", [RealGabor(), Gabor2D()])
def test_both_maps_are_drawn_from_torchs_default(activation):
    torch.manual_seed(0)
    for layer in MLP(3, 2, activation, depth=2, width=300).layers[:-1]:
        for parameter in layer.parameters():
            bound = 1 / math.sqrt(fan_in(layer))
            for half in parameter.chunk(2):
                assert 0.97 * bound < half.abs().max() <= bound
