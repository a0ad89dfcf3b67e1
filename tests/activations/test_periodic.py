"""HOSC, H-SIREN, SPDER, sinc and Snake: formulas, limits, closed forms of their authors."""

import math

import numpy as np
import pytest
import torch

from inr.activations import HOSC, SPDER, HSiren, ReLU, Sinc, Sine, Snake, partial
from inr.activations._snake import variance
from inr.networks import MLP

LINE = torch.linspace(-1.3, 1.3, 2001, dtype=torch.float64)


def test_hosc_is_bounded_and_its_slope_is_the_papers():
    activation = HOSC(beta=3.0, omega=30.0)
    (value,) = activation((LINE,))
    assert value.abs().max() < 1
    (slope,) = partial(activation, 0)(LINE, beta=3.0, omega=30.0)
    torch.testing.assert_close(slope, 3 * 30 * torch.cos(30 * LINE) * (1 - value**2), rtol=1e-9, atol=1e-9)
    assert slope.abs().max() <= 3 * 30 * (1 + 1e-12)  # the Lipschitz constant beta omega


def test_hosc_is_a_sine_for_small_and_a_square_wave_for_large_sharpness():
    sine = torch.sin(30 * LINE)
    torch.testing.assert_close(HOSC(beta=1e-4)((LINE,))[0] / 1e-4, sine, rtol=0, atol=1e-8)
    clear = sine.abs() > 0.1
    torch.testing.assert_close(HOSC(beta=200.0)((LINE,))[0][clear], sine.sign()[clear], rtol=0, atol=1e-12)


def test_h_siren_has_a_hyperbolic_first_layer_and_sines_after_it():
    activation = HSiren(omega=30.0)
    torch.testing.assert_close(
        activation((LINE,), "first")[0], torch.sin(30 * torch.sinh(2 * LINE)), rtol=0, atol=1e-11
    )
    assert torch.equal(activation((LINE,))[0], torch.sin(30 * LINE))
    constants = activation.constants("first")
    (slope,) = partial(activation, 0)(LINE, **constants)
    expected = 60 * torch.cosh(2 * LINE) * torch.cos(30 * torch.sinh(2 * LINE))
    torch.testing.assert_close(slope, expected, rtol=0, atol=1e-8)
    assert HSiren(first_omega=7.0).constants("first") == {"omega": 7.0, "first": 1.0}
    assert HSiren(first_omega=7.0).constants("hidden") == {"omega": 30.0, "first": 0.0}


@pytest.mark.parametrize("activation", [HOSC(omega=20.0), HSiren(omega=20.0), SPDER(omega=20.0)])
def test_weights_are_those_of_siren(activation):
    torch.manual_seed(0)
    ours = MLP(2, 3, activation, depth=3, width=16).state_dict()
    torch.manual_seed(0)
    sirens = MLP(2, 3, Sine(omega=20.0), depth=3, width=16).state_dict()
    assert all(torch.equal(ours[name], sirens[name]) for name in sirens)


def test_spder_is_a_damped_sine():
    (value,) = SPDER(omega=30.0)((LINE,))
    torch.testing.assert_close(value, torch.sin(30 * LINE) * (30 * LINE).abs().sqrt(), rtol=0, atol=1e-12)
    torch.testing.assert_close(SPDER()((-LINE,))[0], -value, rtol=0, atol=0)


def test_spder_and_its_slope_are_0_at_0():
    zero = torch.zeros(1, requires_grad=True)
    (value,) = SPDER()((zero,))
    (slope,) = torch.autograd.grad(value, zero)
    assert value.item() == slope.item() == 0
    for order in (1, 2, 3):
        assert partial(SPDER(), *[0] * order)(torch.zeros(1), omega=30.0)[0].isfinite()


def sinc_by_moments(u, order):
    """sin(u)/u is the integral of cos(u t) over t in [0, 1]; so are its derivatives, of t^k cos(u t + k pi/2)."""
    nodes, weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(60))
    t, weights = (nodes + 1) / 2, weights / 2
    return (weights * t**order * torch.cos(u[:, None] * t + order * math.pi / 2)).sum(1)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_sinc_and_its_derivatives_keep_their_digits_everywhere(order):
    """Near 0, on both sides of where the series ends, and far out."""
    u = torch.tensor([0, 1e-300, -1e-9, 1e-3, -0.5, 0.999999, -1.000001, 2.0, -7.0, 30.0], dtype=torch.float64)
    activation = Sinc(omega=1.0)
    expected = sinc_by_moments(u, order)
    (symbolic,) = partial(activation, *[0] * order)(u, omega=1.0)
    torch.testing.assert_close(symbolic, expected, rtol=0, atol=1e-14)
    z = u.clone().requires_grad_()
    (value,) = activation((z,))
    for _ in range(order):
        (value,) = torch.autograd.grad(value.sum(), z, create_graph=True)
    torch.testing.assert_close(value.detach(), expected, rtol=0, atol=1e-13)


def test_sinc_is_1_at_0_and_shifted_copies_add_up():
    assert Sinc(omega=10.0)((torch.zeros(3),))[0].tolist() == [1, 1, 1]
    # the partition of unity that its theory rests on: the sum over whole k of sinc(pi (x - k))
    x = torch.linspace(0, 1, 9, dtype=torch.float64)[:, None]
    copies = Sinc(omega=math.pi)((x - torch.arange(-20_000, 20_001, dtype=torch.float64),))[0].sum(1)
    torch.testing.assert_close(copies, torch.ones(9, dtype=torch.float64), rtol=0, atol=1e-4)


@pytest.mark.parametrize("a", [0.2, 1.0, 5.0])
def test_snake_in_both_forms_and_monotone(a):
    (value,) = Snake(a=a)((LINE,))
    torch.testing.assert_close(value, LINE + (1 - torch.cos(2 * a * LINE)) / (2 * a), rtol=0, atol=1e-12)
    (slope,) = partial(Snake(a=a), 0)(LINE, a=a)
    torch.testing.assert_close(slope, 1 + torch.sin(2 * a * LINE), rtol=0, atol=1e-12)
    assert slope.min() >= 0
    period = math.pi / a
    torch.testing.assert_close(Snake(a=a)((LINE + period,))[0], value + period, rtol=0, atol=1e-12)


def test_snake_becomes_the_identity():
    z = torch.linspace(-1, 1, 101, dtype=torch.float64)
    assert (Snake(a=1e-4)((z,))[0] - z).abs().max() <= 1.01e-4  # a z^2 at most
    assert (Snake(a=1e-7)((z,))[0] - z).abs().max() < 1e-6


@pytest.mark.parametrize(("a", "known"), [(0.2, 1.068), (0.5, 1.200), (0.5605, 1.2036), (1.0, 1.120), (5.0, 1.005)])
def test_the_variance_of_snake_at_normal_values(a, known):
    z = torch.randn(10**6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (value,) = Snake(a=a)((z,))
    assert variance(a) == pytest.approx(known, abs=6e-4)
    assert value.var().item() == pytest.approx(variance(a), rel=0.01)
    assert value.mean().item() == pytest.approx((1 - math.exp(-2 * a * a)) / (2 * a), abs=0.005)
    written_out = 1 + (1 + math.exp(-8 * a * a) - 2 * math.exp(-4 * a * a)) / (8 * a * a)
    assert variance(a) == pytest.approx(written_out, rel=1e-12)


def test_the_variance_of_snake_at_the_ends():
    assert variance(1e-9) == 1
    assert variance(1e200) == 1


def test_snake_is_drawn_with_its_variance_taken_out():
    torch.manual_seed(0)
    first, hidden, last = MLP(2, 3, Snake(a=0.5), depth=2, width=400).layers
    assert 0.97 * math.sqrt(3 / 2) < first.weight.abs().max() <= math.sqrt(3 / 2)
    bound = math.sqrt(3 / 400 / variance(0.5))
    for layer in (hidden, last):
        assert 0.97 * bound < layer.weight.abs().max() <= bound
    assert not any(layer.bias.any() for layer in (first, hidden, last))


def test_snake_keeps_the_spread_over_inputs_with_depth():
    """What a unit varies by as inputs do; the mean of Snake's values joins its offset, which is no spread."""
    torch.manual_seed(0)
    network = MLP(64, 1, Snake(a=0.5), depth=10, width=512)
    planes, spread = (torch.randn(4000, 64),), []
    with torch.no_grad():
        for index, layer in enumerate(network.layers[:-1]):
            planes = layer(*planes)
            spread.append(planes[0].std(0).square().mean().sqrt().item())
            planes = network.activation(planes, network.position(index))
    assert all(0.75 < deviation < 1.25 for deviation in spread), spread


def extrapolation_error(activation, steps=5000):
    """Of y = sin(x), learned on [-10, 10], mean squared on [10, 20]."""
    torch.manual_seed(0)
    network = MLP(1, 1, activation, depth=2, width=64)
    x, beyond = torch.linspace(-10, 10, 400)[:, None], torch.linspace(10, 20, 200)[:, None]
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        (network(x) - torch.sin(x)).square().mean().backward()
        optimiser.step()
    with torch.no_grad():
        return (network(beyond) - torch.sin(beyond)).square().mean().item()


@pytest.mark.long
def test_snake_extrapolates_a_sine_better_than_relu():
    assert extrapolation_error(Snake(a=1.0)) < 0.3 * extrapolation_error(ReLU())
