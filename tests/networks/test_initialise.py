"""Initialisations by mean squares: against closed forms, and in networks that they begin."""

import math

import numpy as np
import pytest
import torch

import inr
from inr import Field, InrError
from inr.activations import Gabor, Gaussian, ReLU, Sine, Tanh, activations
from inr.networks import MLP, SkipMLP, balanced_spread, initialisations, mean_squares, networks, steep_spread


def test_mean_squares_of_a_sine():
    value, slope = mean_squares(Sine(omega=30.0), 0.02)
    decay = math.exp(-2 * (30 * 0.02) ** 2)
    assert value == pytest.approx((1 - decay) / 2, rel=1e-9)
    assert slope == pytest.approx(900 * (1 + decay) / 2, rel=1e-9)


def test_mean_squares_of_a_gaussian():
    scale, spread = 10.0, 0.13
    value, slope = mean_squares(Gaussian(scale=scale), spread)
    narrower = 1 + (2 * scale * spread) ** 2
    assert value == pytest.approx(narrower**-0.5, rel=1e-9)
    assert slope == pytest.approx(4 * scale**4 * spread**2 * narrower**-1.5, rel=1e-9)


def test_mean_squares_of_a_rectifier_whose_kink_is_between_nodes():
    assert mean_squares(ReLU(), 3.0) == pytest.approx((4.5, 0.5), rel=1e-5)


def test_mean_squares_of_a_complex_wavelet():
    # |f|² = exp(-2ωb - 2s²(a² + b²)), a and b normal; |∂f/∂a|² + |∂f/∂b|² = 2 |f|² (|ω|² + 4 s⁴ (a² + b²) + 4 ω s² b)
    omega, scale, spread = 10.0, 8.0, 0.06
    value, _ = mean_squares(Gabor(omega=omega, scale=scale), spread)
    narrower = 1 + (2 * scale * spread) ** 2
    assert value == pytest.approx(math.exp(2 * (omega * spread) ** 2 / narrower) / narrower, rel=1e-6)
    first, _ = mean_squares(Gabor(omega=omega, scale=scale), spread, "first")  # of real numbers, as of a Gaussian
    assert first == pytest.approx(narrower**-0.5, rel=1e-6)


def test_spreads_in_closed_form():
    # σ² E f'² = E f² of exp(-(sz)²) is (2s²σ²)² - 4s²σ² - 1 = 0
    assert balanced_spread(Gaussian(scale=10.0)) ** 2 == pytest.approx((1 + math.sqrt(2)) / 200, rel=1e-6)
    for omega in (5.0, 30.0):  # u/tanh(u) for u = (ωσ)², which is 1/tanh(1) at u = 1
        assert steep_spread(Sine(omega=omega)) == pytest.approx(1 / omega, rel=1e-6)
        assert balanced_spread(Sine(omega=omega)) == steep_spread(Sine(omega=omega))  # no spread balances an odd one
    assert balanced_spread(ReLU()) == 1.0  # all do


def tier(name: str) -> list[pytest.MarkDecorator]:
    """Integrals over more than one plane take a second."""
    cls = activations.info(name).cls
    return [pytest.mark.long] if cls.planes * cls.maps > 1 else []


@pytest.mark.parametrize("name", [pytest.param(name, marks=tier(name)) for name in activations.names()])
def test_every_activation_has_its_spread(name):
    activation = activations.build(name)
    spread = balanced_spread(activation)
    value, slope = mean_squares(activation, spread)
    ratio = spread**2 * slope / value
    assert 0 < spread < 100
    assert ratio == pytest.approx(1, abs=1e-5) or ratio == pytest.approx(1 / math.tanh(1), abs=1e-5) or spread == 1.0


def sums(network: MLP) -> list[float]:
    """Root mean squares of what the layers give, from coordinates."""
    planes: tuple[torch.Tensor, ...] = (torch.rand(500, network.in_dim) * 2 - 1,)
    found = []
    for index, layer in enumerate(network.layers):
        planes = layer(*planes)
        found.append(float(torch.stack(planes).detach().square().mean().sqrt()))
        if index < network.depth:
            planes = network.activation(planes, network.position(index))
    return found


@pytest.mark.parametrize("activation", [Sine(), Gaussian(), Gabor(), ReLU(), Tanh()], ids=repr)
def test_variance_keeps_the_spread_at_every_depth(activation):
    torch.manual_seed(0)
    found = sums(MLP(2, 1, activation, depth=9, width=256, init="variance"))
    expected = balanced_spread(activation)
    kept = found[1:-1] if isinstance(activation, Sine) else found[:-1]  # the first layer of a sine is its own
    assert kept == pytest.approx([expected] * len(kept), rel=0.2)


def test_variance_is_he_et_al_for_rectifiers():
    torch.manual_seed(0)
    hidden = MLP(2, 1, ReLU(), depth=3, width=200, init="variance").layers[2]
    assert float(hidden.weight.detach().abs().max()) == pytest.approx(math.sqrt(6 / 200), rel=1e-2)
    assert float(hidden.bias.detach().abs().max()) == 0


def test_gradient_is_the_authors_for_sines():
    torch.manual_seed(0)
    omega, width = 30.0, 256
    network = MLP(2, 1, Sine(omega=omega), depth=4, width=width, init="gradient")
    bound = math.sqrt(6 / (1 + math.exp(-2))) / math.sqrt(width) / omega
    for layer in network.layers[1:-1]:
        assert bound * 0.99 < float(layer.weight.detach().abs().max()) <= bound * (1 + 1e-6)
        assert float(layer.bias.detach().square().mean()) == pytest.approx((1 - math.tanh(1)) / omega**2, rel=0.2)
    torch.manual_seed(0)
    own = MLP(2, 1, Sine(omega=omega), depth=4, width=width)
    assert torch.equal(network.layers[0].weight, own.layers[0].weight)
    assert network.layers[-1].bias.tolist() == [0]
    small = MLP(2, 1, Sine(omega=omega), depth=2, width=width, init={"name": "gradient", "spread": 1e-5}).layers[1]
    assert float(small.weight.detach().abs().max()) * math.sqrt(width) * omega == pytest.approx(math.sqrt(3), rel=0.01)


@pytest.mark.parametrize("activation", [Sine(), Tanh(), Gaussian()], ids=repr)
def test_entries_of_the_jacobian_between_hidden_layers_have_variance_1_over_n(activation):
    torch.manual_seed(0)
    width = 256
    network = MLP(2, 1, activation, depth=9, width=width, init="gradient").double()

    def between(sums):  # what the fifth layer gives, to what the sixth does
        return network.layers[5](*activation((sums,)))[0]

    values: tuple[torch.Tensor, ...] = (torch.rand(1, 2, dtype=torch.float64) * 2 - 1,)
    for index, layer in enumerate(network.layers[:5]):
        values = layer(*values)
        if index < 4:
            values = activation(values, network.position(index))
    jacobian = torch.autograd.functional.jacobian(between, values[0]).squeeze()
    assert float(jacobian.square().mean()) * width == pytest.approx(1, rel=0.15)


def test_configuration_names_it_only_where_it_was_asked_for():
    assert "init" not in MLP(2, 3, Sine()).config()
    assert "init" not in SkipMLP(2, 3, Sine()).config()
    network = networks.build("mlp:depth=2,width=8,init=(variance:spread=0.5)", 2, 3, Sine())
    assert network.config()["init"] == {"name": "variance", "spread": 0.5}
    assert networks.build(network.config(), 2, 3, Sine()).config() == network.config()
    assert MLP(2, 3, Sine(), width=8, init="gradient").config()["init"] == {"name": "gradient", "spread": None}


def test_features_count_as_sines_and_cosines():
    torch.manual_seed(0)
    coords = MLP(2, 1, ReLU(), depth=1, width=4096, init="variance").layers[0].weight
    features = MLP(6, 1, ReLU(), coord_dim=2, depth=1, width=4096, init="variance").layers[0].weight
    assert float(coords.detach().var()) == pytest.approx(1 / (2 / 3 + 1), rel=0.05)
    assert float(features.detach().var()) == pytest.approx(1 / (6 / 2 + 1), rel=0.05)


@pytest.mark.parametrize("init", initialisations.names())
@pytest.mark.parametrize("network", ["mlp:depth=3,width=12", "skip:depth=3,width=12"])
def test_a_field_with_it_is_saved_and_runs_on_kernels_as_any_other(init, network, tmp_path):
    domain = inr.Signal.from_array(np.zeros((6, 5, 3), np.float32), kind="image").domain
    field = Field.build(domain, activation="sine", network=f"{network},init={init}")
    path = tmp_path / "field.inr"
    field.save(path)
    coords = torch.rand(9, 2) * 2 - 1
    again = inr.load(path)
    assert again.config() == field.config()
    assert torch.equal(again(coords), field(coords))
    name, _ = inr.engines.plan(field)
    assert name == ("cpu" if network.startswith("mlp") else "eager")


def test_shapes_without_numbers():
    with torch.device("meta"):
        network = MLP(2, 3, Gabor(), depth=2, width=8, init="variance")
    assert network.config()["init"] == {"name": "variance", "spread": None}


def test_what_is_no_initialisation():
    with pytest.raises(InrError, match="unknown initialisation 'varianc'; did you mean 'variance'"):
        MLP(2, 3, Sine(), init="varianc")
    with pytest.raises(InrError, match="spread must be > 0"):
        MLP(2, 3, Sine(), init="variance:spread=0")
