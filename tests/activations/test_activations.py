"""Activations: one formula each, its derivatives, its initialisation."""

import math
from functools import cache
from itertools import combinations_with_replacement

import pytest
import torch

from inr import InrError
from inr.activations import Gabor, Gaussian, ReLU, Sine, activations, partial
from inr.networks import MLP

pytestmark = pytest.mark.quick

# away from the kink of relu at 0, where one-sided differences disagree
POINTS = torch.tensor([-0.93, -0.41, -0.12, 0.07, 0.3, 0.58, 0.99], dtype=torch.float64)


def grid(planes: int) -> tuple[torch.Tensor, ...]:
    return tuple(axis.reshape(-1) for axis in torch.meshgrid(*[POINTS * 0.3] * planes, indexing="ij"))


every_activation = pytest.mark.parametrize("name", activations.names())
# minutes of algebra
SLOW = {("finer-gabor", 2), ("finer-gabor", 3)}


def test_every_activation_says_what_it_is():
    for name in activations.names():
        info = activations.info(name)
        assert info.formula
        assert info.summary.endswith(".")
        assert info.source or name == "linear"
        assert all(param.description for param in info.params)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        pytest.param(name, order, marks=[pytest.mark.long] * ((name, order) in SLOW))
        for name in activations.names()
        for order in (1, 2, 3)
    ],
)
def test_symbolic_derivatives_agree_with_finite_differences(name, order):
    activation = activations.build(name)
    constants = activation.constants("hidden")
    planes = grid(activation.planes * activation.maps)
    step = 1e-5
    derivative = cache(lambda *wrt: partial(activation, *wrt))
    for wrt in combinations_with_replacement(range(len(planes)), order):
        lower = derivative(*wrt[:-1])
        shifted = [[p + sign * step if i == wrt[-1] else p for i, p in enumerate(planes)] for sign in (1, -1)]
        upper, under = lower(*shifted[0], **constants), lower(*shifted[1], **constants)
        for exact, high, low in zip(derivative(*wrt)(*planes, **constants), upper, under, strict=True):
            scale = exact.abs().max().item() + 1
            # central differences: truncation step^2 f'''/6, with f''' up to (omega 30)^2 times the derivative itself
            torch.testing.assert_close((high - low) / (2 * step), exact, rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.parametrize(("name", "order"), [("gabor-2d", 2), ("gabor", 3)])
def test_the_order_of_differentiation_is_no_matter(name, order):
    activation = activations.build(name)
    planes, constants = grid(activation.planes * activation.maps), activation.constants("hidden")
    wrt = [*[0] * (order - 1), 1]
    for one, other in zip(
        partial(activation, *wrt)(*planes, **constants), partial(activation, *wrt[::-1])(*planes, **constants),
        strict=True,
    ):  # fmt: skip
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9 * (1 + one.abs().max().item()))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * ((name, 2) in SLOW)) for name in activations.names()]
)
def test_the_first_derivative_that_jumps_is_what_smoothness_says(name):
    """Formulas have their corners at 0 of a plane."""
    activation = activations.build(name)
    constants = activation.constants("hidden")
    others = [torch.tensor([0.11], dtype=torch.float64)] * (activation.planes * activation.maps - 1)
    first = math.inf
    for order in reversed(range(3 if activation.planes == 2 else 4)):
        beside = [
            partial(activation, *[0] * order)(torch.tensor([side * 1e-12], dtype=torch.float64), *others, **constants)
            for side in (1, -1)
        ]
        if any((one - other).abs() > 1e-3 for one, other in zip(*beside, strict=True)):
            first = order
    assert first == activation.smoothness + 1


# sinh(2 z) is infinite from 44 on: a first layer of H-SIREN stays far below, as its limits say
REACH = {("h-siren", "first"): 40.0}


@every_activation
@pytest.mark.parametrize("position", ["first", "hidden"])
def test_nothing_overflows_into_what_is_no_number(name, position):
    """Values and gradients of planes up to 10^4, and at 0."""
    activation = activations.build(name)
    reach = REACH.get((name, position), 1e4)
    line = torch.tensor([0.0, 1e-30, 1e-3, 0.3, 1.0, 3.0, 9.0, 40.0, 300.0, 1e4]).clamp(max=reach)
    line = torch.cat((-line.flip(0), line))
    count = activation.maps * (1 if position == "first" else activation.planes)
    axes = [line if count < 3 else line[::3]] * count
    planes = tuple(axis.reshape(-1).requires_grad_() for axis in torch.meshgrid(*axes, indexing="ij"))
    values = activation(planes, position)
    assert all(not value.isnan().any() for value in values)
    for value in values:
        for gradient in torch.autograd.grad(value.sum(), planes, retain_graph=True, materialize_grads=True):
            assert not gradient.isnan().any()


@every_activation
def test_partial_of_order_zero_is_the_formula(name):
    activation = activations.build(name)
    planes = grid(activation.planes * activation.maps)
    for eager, symbolic in zip(
        activation(planes), partial(activation)(*planes, **activation.constants("hidden")), strict=True
    ):
        torch.testing.assert_close(eager, symbolic, rtol=1e-12, atol=1e-12)


@every_activation
def test_first_partials_agree_with_autograd(name):
    activation = activations.build(name)
    planes = tuple(plane.clone().requires_grad_(True) for plane in grid(activation.planes * activation.maps))
    outputs = activation(planes)
    for wrt, plane in enumerate(planes):
        exact = partial(activation, wrt)(*[p.detach() for p in planes], **activation.constants("hidden"))
        for output, expected in zip(outputs, exact, strict=True):
            (found,) = torch.autograd.grad(output.sum(), plane, retain_graph=True)
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@every_activation
def test_configuration_builds_an_equal_activation(name):
    activation = activations.build(name)
    again = activations.build(activation.config())
    assert again.config() == activation.config()
    planes = grid(activation.planes * activation.maps)
    torch.testing.assert_close(again(planes), activation(planes), rtol=0, atol=0)


def test_gabor_is_the_complex_wavelet_of_the_paper():
    activation = Gabor(omega=7.0, scale=4.0)
    a, b = torch.randn(2, 1000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    z = torch.complex(a, b)
    expected = torch.exp(1j * 7.0 * z - (4.0 * z).abs() ** 2)
    real, imag = activation((a, b))
    torch.testing.assert_close(torch.complex(real, imag), expected, rtol=1e-12, atol=1e-12)
    real, imag = activation((a,), "first")
    torch.testing.assert_close(torch.complex(real, imag), torch.exp(1j * 7.0 * a - (4.0 * a) ** 2), rtol=0, atol=1e-12)


def test_gabor_modulus_is_bounded_as_its_ratio_says():
    omega, scale = 6.0, 4.0
    activation = Gabor(omega=omega, scale=scale)
    real_line = torch.linspace(-2, 2, 4001, dtype=torch.float64)
    assert torch.hypot(*activation((real_line, torch.zeros_like(real_line)))).max() <= 1
    a, b = torch.meshgrid(torch.linspace(-1, 1, 401), torch.linspace(-1, 1, 401), indexing="ij")
    largest = torch.hypot(*activation((a, b))).max().item()
    assert largest == pytest.approx(math.exp(omega**2 / (4 * scale**2)), rel=0.01)


def test_gabor_refuses_a_ratio_that_overflows():
    with pytest.raises(InrError, match=r"omega/scale must be at most 3.*40/10.*scale=40"):
        Gabor(omega=40.0, scale=10.0)


def test_gaussian_in_the_papers_parameter():
    a = 0.05
    z = grid(1)[0]
    expected = torch.exp(-(z**2) / (2 * a**2))
    torch.testing.assert_close(Gaussian(scale=1 / (a * math.sqrt(2)))((z,))[0], expected, rtol=1e-12, atol=0)


def test_first_omega_is_used_by_the_first_layer_only():
    activation = Sine(omega=30.0, first_omega=3000.0)
    z = grid(1)[0]
    torch.testing.assert_close(activation((z,), "first")[0], torch.sin(3000 * z), rtol=0, atol=0)
    torch.testing.assert_close(activation((z,), "hidden")[0], torch.sin(30 * z), rtol=0, atol=0)


def hidden_deviations(bias: bool, width: int = 256) -> list[float]:
    """Standard deviation of omega (W h + b) before each hidden sine, 2-D coordinates uniform in the square."""
    torch.manual_seed(0)
    activation = Sine(omega=30.0)
    network = MLP(2, 1, activation, depth=8, width=width)
    planes = (torch.rand(10_000, 2) * 2 - 1,)
    deviations = []
    with torch.no_grad():
        for index, layer in enumerate(network.layers[:-1]):
            if not bias:
                layer.bias.zero_()
            planes = layer(*planes)
            deviations.append((30 * planes[0]).std().item())
            planes = activation(planes, network.position(index))
            assert planes[0].abs().max() <= 1
    return deviations


def test_siren_statistics_with_the_default_bias():
    first, *hidden = hidden_deviations(bias=True)
    # sigma^2 = 1 - exp(-2 sigma^2) + omega^2/(3 n): 1.47 at n = 256; first layer sqrt(100/d + 300/d)
    assert first == pytest.approx(math.sqrt(200), rel=0.1)
    assert all(1.35 < deviation < 1.60 for deviation in hidden), hidden


def test_siren_statistics_without_bias_do_not_drift():
    first, *hidden = hidden_deviations(bias=False, width=512)
    assert first == pytest.approx(math.sqrt(50), rel=0.1)
    # exactly: 1 behind the first layer, whose sines are arcsine distributed, then sigma^2 <- 1 - exp(-2 sigma^2),
    # which settles at 0.893; 4 % is three times the spread of a 512-wide layer's own draw
    variance = 1.0
    for deviation in hidden:
        assert deviation == pytest.approx(math.sqrt(variance), rel=0.04)
        variance = 1 - math.exp(-2 * variance)
    assert all(0.85 < deviation < 0.94 for deviation in hidden[1:]), hidden


def test_siren_bounds_of_every_layer():
    torch.manual_seed(0)
    network = MLP(2, 3, Sine(omega=30.0), depth=3, width=512)
    bounds = [1 / 2, *[math.sqrt(6 / 512) / 30] * 3]
    for layer, bound in zip(network.layers, bounds, strict=True):
        assert 0.99 * bound < layer.weight.abs().max() <= bound
        limit = 1 / math.sqrt(layer.weight.shape[1])
        assert 0.9 * limit < layer.bias.abs().max() <= limit or layer.bias.numel() == 3


def test_glorot_and_default_initialisation():
    torch.manual_seed(0)
    glorot = MLP(512, 3, ReLU(init="glorot"), depth=2, width=256).layers[0]
    assert glorot.weight.std().item() == pytest.approx(math.sqrt(2 / (512 + 256)), rel=0.02)
    assert glorot.bias.std().item() == pytest.approx(0.01, rel=0.2)
    default = MLP(512, 3, ReLU(), depth=2, width=256).layers[0]
    assert 0.99 / math.sqrt(512) < default.weight.abs().max() <= 1 / math.sqrt(512)
