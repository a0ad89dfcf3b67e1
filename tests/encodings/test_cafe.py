"""Chebyshev polynomials and products of learned maps, against their closed forms."""

import math

import numpy as np
import pytest
import torch

import inr
from inr import Field, InrError
from inr.encodings import CAFE, Chebyshev, encodings
from inr.fitting import Budget, make_fitter


def test_polynomials_are_cosines_of_multiples():
    coords = torch.linspace(-1, 1, 101, dtype=torch.float64)[:, None].expand(-1, 2) * torch.tensor([1.0, -0.7])
    features = Chebyshev(2, order=30)(coords).unflatten(1, (2, 30))
    expected = torch.cos(torch.arange(30) * coords.arccos()[:, :, None])
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-11)


def test_few_polynomials():
    coords = torch.tensor([[0.5, -2.0]])
    assert Chebyshev(2, order=1)(coords).tolist() == [[1, 1]]
    assert Chebyshev(2, order=2)(coords).tolist() == [[1, 0.5, 1, -2]]


def test_products_are_the_formula():
    torch.manual_seed(0)
    encoding = CAFE(2, over="fourier:frequencies=5,sigma=2", branches=3, width=7).double()
    coords = torch.rand(11, 2, dtype=torch.float64) * 2 - 1
    features = encoding.over(coords)
    expected = torch.ones(11, 7, dtype=torch.float64)
    for weight, bias in zip(encoding.maps.weight.split(7), encoding.maps.bias.split(7), strict=True):
        expected = expected * (features @ weight.T + bias)
    torch.testing.assert_close(encoding(coords), expected, rtol=1e-12, atol=1e-12)


def test_products_hold_the_sums_and_differences_of_frequencies():
    # of sines and cosines of 3 and 5 waves, products of two hold 2, 6, 8 and 10 waves and a constant, nothing else
    encoding = CAFE(1, over="fourier:frequencies=2", branches=2, width=4).double()
    encoding.over.frequencies.copy_(torch.tensor([[3.0], [5.0]]))
    with torch.no_grad():
        encoding.maps.bias.zero_()
    coords = (torch.arange(64, dtype=torch.float64)[:, None] + 0.5) / 32 - 1
    powers = torch.fft.rfft(encoding(coords).detach().T).abs().amax(0)
    assert set(torch.nonzero(powers > 1e-9).flatten().tolist()) == {0, 2, 6, 8, 10}


def test_unasked_it_is_the_publications():
    encoding = CAFE(2)
    assert encoding.config()["over"]["first"] == {
        "name": "fourier", "kind": "gaussian", "frequencies": 88, "sigma": 60.0, "octaves": None,
    }  # fmt: skip
    assert encoding.config()["over"]["second"] == {"name": "chebyshev", "order": 30}
    assert (encoding.out_dim, encoding.branches) == (236, 3)
    network = Field.build(domain(), encoding="cafe", activation="relu", network="mlp:depth=1,width=236")
    maps, layers = 3 * (236 * 236 + 236), 236 * 236 + 236 + 236 * 3 + 3
    assert network.parameter_count == maps + layers  # the 0.22 M of its smaller network


def domain(side: int = 6) -> inr.signals.Domain:
    return inr.Signal.from_array(np.zeros((side, side, 3), np.float32), kind="image").domain


def test_in_a_fit_frequencies_go_with_the_samples():
    signal = inr.Signal.from_array(np.random.default_rng(0).random((128, 16, 1), np.float32), kind="image")
    fitter = make_fitter(signal, encoding="cafe", budget=Budget(steps=1))
    config = fitter.field.config()
    assert config["encoding"]["over"]["first"]["sigma"] == 15.0
    assert (config["network"]["depth"], config["activation"]["name"]) == (1, "relu")


def test_its_maps_and_what_they_read_learn_at_their_own_rates():
    field = Field.build(domain(), encoding="cafe:over=(learned-fourier:frequencies=4),width=5", activation="relu")
    rates = inr.fitting.default_learning_rates(field)
    assert rates["encoding"] == CAFE.learning_rate
    assert math.isclose(field.encoding.over.learning_rate, 1e-2)


@pytest.mark.parametrize("over", ["cafe", "cafe:branches=2"])
def test_it_is_not_of_itself(over):
    with pytest.raises(InrError, match="over must be another encoding"):
        encodings.build({"name": "cafe", "over": over}, 2)


def test_kernels_take_the_network_behind_it():
    field = Field.build(domain(), encoding="cafe:width=8", activation="sine", network="mlp:depth=1,width=8")
    name, plan = inr.engines.plan(field)
    assert name == "cpu"
    assert any("encoding 'cafe' runs on eager" in note for note in plan.notes)
    coords = torch.rand(40, 2) * 2 - 1
    found = plan.forward(dict(field.named_parameters()), coords)
    torch.testing.assert_close(found, field(coords).detach(), rtol=1e-3, atol=1e-4)
