"""Multiplicative filter networks: as sums of sines, as formulas, and the numbers they begin with."""

import math

import pytest
import torch

from inr import InrError
from inr.activations import Linear, Sine
from inr.networks import MFN

Sines = dict[tuple[float, ...], list[torch.Tensor]]  # frequency and phase, and a coefficient for every unit


def made(in_dim: int = 2, **given) -> MFN:
    torch.manual_seed(0)
    return MFN(in_dim, 3, Linear(), **given).double()


def points(count: int, axes: int) -> torch.Tensor:
    return torch.rand(count, axes, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_one_fourier_layer_is_the_products_written_as_sums():
    network, x = made(filter="fourier", depth=1, width=5, scale=7), points(11, 2)
    a, c = (x @ each.frequencies.T + each.phases for each in network.filters)
    hidden, last = network.layers
    # sin a sin c = (cos(c - a) - cos(c + a)) / 2
    both = (c[:, :, None] - a[:, None, :]).cos() - (c[:, :, None] + a[:, None, :]).cos()
    units = 0.5 * torch.einsum("ij,nij->ni", hidden.weight, both) + hidden.bias * c.sin()
    torch.testing.assert_close(network(x), units @ last.weight.T + last.bias, rtol=1e-11, atol=1e-11)


def expansion(network: MFN) -> Sines:
    """The units of the last layer as one sum of sines of (frequency, phase), by the product formula alone."""
    first, *others = network.filters
    unit = torch.eye(network.width, dtype=torch.float64)
    sines: Sines = {}

    def add(frequency, phase, coefficient):
        key = (*(round(value, 9) for value in frequency.tolist()), round(float(phase), 9))
        sines.setdefault(key, []).append(coefficient)

    for j in range(network.width):
        add(first.frequencies[j], first.phases[j], unit[j])
    for layer, each in zip(network.layers, others, strict=False):
        before, sines = sines, {}
        for key, coefficients in before.items():
            frequency, phase = torch.tensor(key[:-1], dtype=torch.float64), key[-1]
            through = layer.weight @ sum(coefficients)
            for i in range(network.width):  # sin p sin q = (sin(q - p + π/2) - sin(q + p + π/2)) / 2
                omega, phi = each.frequencies[i], each.phases[i]
                add(omega - frequency, phi - phase + math.pi / 2, 0.5 * through[i] * unit[i])
                add(omega + frequency, phi + phase + math.pi / 2, -0.5 * through[i] * unit[i])
        for i in range(network.width):
            add(each.frequencies[i], each.phases[i], layer.bias[i] * unit[i])
    return sines


@pytest.mark.parametrize(("depth", "width"), [(1, 3), (2, 2), (2, 3), (3, 2)])
def test_values_are_one_sum_of_as_many_sines_as_published(depth, width):
    network, x = made(filter="fourier", depth=depth, width=width, scale=9), points(7, 2)
    with torch.no_grad():
        sines = expansion(network)
        assert len(sines) == sum(2**i * width ** (i + 1) for i in range(depth + 1))
        total = torch.zeros(7, width, dtype=torch.float64)
        for (*frequency, phase), coefficients in sines.items():
            wave = torch.sin(x @ torch.tensor(frequency, dtype=torch.float64) + phase)
            total += wave[:, None] * sum(coefficients)
        last = network.layers[-1]
        torch.testing.assert_close(network(x), total @ last.weight.T + last.bias, rtol=1e-6, atol=1e-6)
        highest = sum(each.frequencies.abs().max(0).values for each in network.filters)
        assert all(abs(key[axis]) <= highest[axis] + 1e-8 for key in sines for axis in range(2))


def test_a_gabor_network_is_its_formula():
    network, x = made(filter="gabor", depth=2, width=5, scale=7), points(11, 2)
    filters = [
        torch.exp(-each.sharpness / 2 * (x[:, None] - each.centres).square().sum(2))
        * torch.sin((x[:, None] * each.frequencies).sum(2) + each.phases)
        for each in network.filters
    ]
    one, two, last = [(layer.weight, layer.bias) for layer in network.layers]
    z = filters[0]
    z = (z @ one[0].T + one[1]) * filters[1]
    z = (z @ two[0].T + two[1]) * filters[2]
    torch.testing.assert_close(network(x), z @ last[0].T + last[1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["fourier", "gabor"])
def test_the_numbers_it_begins_with(kind):
    network = made(3, filter=kind, depth=3, width=2048, scale=100)
    for each in network.filters:
        rows = each.frequencies
        if kind == "gabor":
            assert each.sharpness.min() > 0
            assert each.sharpness.mean().item() == pytest.approx(6 / 4, rel=0.1)  # shape/rate, and the variance
            assert each.sharpness.var().item() == pytest.approx(6 / 4, rel=0.2)
            assert -1 <= each.centres.min() < -0.99 < 0.99 < each.centres.max() <= 1
            rows = rows / each.sharpness.sqrt()[:, None]
        limit = 100 / math.sqrt(4) / math.sqrt(3)
        assert 0.99 * limit < rows.abs().max() <= limit * (1 + 1e-5)
        assert rows.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.03)
        assert 0.99 * math.pi < each.phases.abs().max() <= math.pi
    for layer in network.layers:
        for tensor in (layer.weight, layer.bias):
            assert tensor.abs().max() <= 1 / math.sqrt(2048)
        assert layer.weight.abs().max() > 0.99 / math.sqrt(2048)


def test_shape_and_rate_of_the_wavelets():
    network = made(2, filter="gabor", depth=1, width=4096, alpha=20.0, beta=5.0)
    for each in network.filters:
        assert each.sharpness.mean().item() == pytest.approx(10 / 5, rel=0.05)
        assert each.sharpness.var().item() == pytest.approx(10 / 25, rel=0.1)


def test_what_it_does_not_read():
    with pytest.raises(InrError, match="'mfn' multiplies and has no activation: use activation=linear, not 'sine'"):
        MFN(2, 3, Sine())
    with pytest.raises(InrError, match="filter=fourier does not read alpha and beta; filter=gabor does"):
        made(filter="fourier", beta=2.0)
