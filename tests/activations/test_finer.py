"""FINER and FINER++: their formulas, derivatives, biases, and the spread of values with depth."""

import math

import pytest
import torch

from inr import InrError
from inr.activations import Finer, FinerGabor, FinerGaussian, Sine, partial
from inr.networks import MLP

LINE = torch.linspace(-1.3, 1.3, 2001, dtype=torch.float64)


def test_finer_is_the_formula_and_odd():
    activation = Finer(omega=30.0)
    (value,) = activation((LINE,))
    torch.testing.assert_close(value, torch.sin(30 * (LINE.abs() + 1) * LINE), rtol=0, atol=1e-12)
    torch.testing.assert_close(activation((-LINE,))[0], -value, rtol=0, atol=0)


def test_finer_is_a_sine_near_zero():
    near = torch.tensor([1e-4, -3e-5, 1e-6, 0.0], dtype=torch.float64)
    difference = (Finer()((near,))[0] - torch.sin(30 * near)).abs()
    assert (difference <= 30 * near**2 * (1 + 1e-6)).all()  # to second order


def test_the_gradient_of_finer_is_exact_not_detached():
    z = LINE.clone().requires_grad_()
    Finer(omega=30.0)((z,))[0].sum().backward()
    exact = 30 * (2 * LINE.abs() + 1) * torch.cos(30 * (LINE.abs() + 1) * LINE)
    torch.testing.assert_close(z.grad, exact, rtol=0, atol=1e-10)
    (symbolic,) = partial(Finer(), 0)(LINE, omega=30.0)
    torch.testing.assert_close(symbolic, exact, rtol=0, atol=1e-10)


def test_finer_gaussian_is_the_bump_of_a_finer_sine():
    (value,) = FinerGaussian(scale=3.0, omega=10.0)((LINE,))
    torch.testing.assert_close(
        value, torch.exp(-((3 * torch.sin(10 * (LINE.abs() + 1) * LINE)) ** 2)), rtol=0, atol=1e-12
    )
    assert value.min() >= math.exp(-9)  # periodic: no plain bump gets down and up again
    assert value.max() == 1


def test_finer_gabor_is_the_wavelet_of_a_complex_finer_sine():
    activation = FinerGabor(scale=2.0, wavelet_omega=4.0, omega=5.0)
    a, b = torch.randn(2, 2000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.3
    u = torch.sin(5 * torch.complex(a * (a.abs() + 1), b * (b.abs() + 1)))
    real, imag = activation((a, b))
    torch.testing.assert_close(
        torch.complex(real, imag), torch.exp(4j * u - (2 * u).abs() ** 2), rtol=1e-10, atol=1e-10
    )
    u = torch.sin(5 * a * (a.abs() + 1))
    real, imag = activation((a,), "first")
    torch.testing.assert_close(torch.complex(real, imag), torch.exp(4j * u - (2 * u) ** 2), rtol=1e-12, atol=1e-12)


def test_finer_gabor_is_bounded_by_the_wavelet_and_dies_far_out():
    line = torch.linspace(-3, 3, 301, dtype=torch.float64)
    a, b = (axis.reshape(-1) for axis in torch.meshgrid(line, line, indexing="ij"))
    modulus = torch.hypot(*FinerGabor()((a, b)))
    assert modulus.max() <= math.exp(4**2 / (4 * 2**2)) * (1 + 1e-12)
    assert not modulus[b.abs() > 1.5].any()


def test_finer_gabor_refuses_a_ratio_that_overflows():
    with pytest.raises(InrError, match=r"'finer-gabor': wavelet_omega/scale must be at most 3 .* try scale=40"):
        FinerGabor(wavelet_omega=40.0, scale=10.0)


@pytest.mark.parametrize(
    ("activation", "omega"),
    [(Finer(omega=20.0, first_bias=5.0), 20), (FinerGaussian(), 10), (FinerGabor(), 20), (Finer(), 30)],
)
def test_weights_are_sirens_and_first_biases_as_set(activation, omega):
    torch.manual_seed(0)
    first, hidden, last = MLP(2, 3, activation, depth=2, width=400).layers
    bias = activation.first_bias or 1 / math.sqrt(2)
    assert 0.95 * bias < first.bias.abs().max() <= bias
    assert 0.97 * 0.5 < first.weight.abs().max() <= 0.5
    for layer in (hidden, last):
        for name, parameter in layer.named_parameters():
            bound = math.sqrt(6 / 400) / omega if "weight" in name else 1 / 20
            assert parameter.abs().max() <= bound
            assert parameter.numel() < 400 or parameter.abs().max() > 0.97 * bound


def test_the_bias_range_is_for_the_first_layer_only():
    narrow, wide = (MLP(2, 1, Finer(first_bias=k), depth=2, width=64) for k in (0.1, 20.0))
    assert narrow.layers[0].bias.abs().max() < 0.1 < wide.layers[0].bias.abs().max()
    assert wide.layers[1].bias.abs().max() <= 1 / 8


def spreads(activation, width=256):
    """Standard deviations of the hidden layers' affine maps, all planes, layer by layer."""
    torch.manual_seed(0)
    network = MLP(2, 1, activation, depth=8, width=width)
    planes, found = (torch.rand(2000, 2) * 2 - 1,), []
    with torch.no_grad():
        for index, layer in enumerate(network.layers[:-1]):
            planes = layer(*planes)
            found.append(torch.cat(planes).std().item())
            planes = activation(planes, network.position(index))
    return found[1:]


def test_values_keep_their_spread_with_depth():
    # no more spread than SIREN's: phases are a little larger, and sines of larger phases no larger
    sine, finer = spreads(Sine()), spreads(Finer())
    assert all(here == pytest.approx(there, rel=0.1) for here, there in zip(finer, sine, strict=True))
    for activation in (FinerGaussian(), FinerGabor()):
        found = spreads(activation)
        assert max(found[1:]) < 1.3 * min(found[1:]), found


def test_a_first_frequency_of_its_own():
    activation = Finer(omega=30.0, first_omega=3000.0)
    z = LINE[::50] / 10
    torch.testing.assert_close(activation((z,), "first")[0], torch.sin(3000 * (z.abs() + 1) * z), rtol=0, atol=1e-9)
    torch.testing.assert_close(activation((z,))[0], torch.sin(30 * (z.abs() + 1) * z), rtol=0, atol=1e-12)
