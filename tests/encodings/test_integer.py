"""Whole frequencies: which are drawn, and what sines make of them."""

import math

import numpy as np
import pytest
import torch

import inr
from inr import Field, InrError
from inr.encodings import IntegerFourierFeatures
from inr.fitting import BoundedWeights, Budget, make_fitter


def vectors(encoding: IntegerFourierFeatures, period: float = 1 / 0.95) -> np.ndarray:
    return (encoding.frequencies.double() * period).numpy()


def test_dense_below_sparse_above():
    torch.manual_seed(0)
    found = vectors(IntegerFourierFeatures(2, frequencies=128, low=9, high=42, share=0.5))
    whole = found.round()
    np.testing.assert_allclose(found, whole, atol=1e-5)
    largest = np.abs(whole).max(1)
    assert (np.diff(largest) >= 0).all()
    assert (largest <= 9).sum() == 64
    assert largest.max() <= 42
    both = {tuple(each) for each in whole} | {tuple(-each) for each in whole}
    assert len(both) == 2 * 128  # none twice, none with its negative, none 0
    assert (1, 0) in both
    assert (0, 1) in both
    step = math.ceil(math.sqrt((42**2 - 9**2) / 64))
    assert (whole[64:] % step == 0).all()


def test_all_low_ones_are_taken_before_any_is_taken_twice():
    torch.manual_seed(0)
    found = vectors(IntegerFourierFeatures(2, frequencies=40, low=2, high=6, share=0.9), 1 / 0.95).round()
    assert (np.abs(found).max(1) <= 2).sum() == 12  # half of 5² - 1
    assert len({tuple(each) for each in found}) == 40


def test_features_repeat_after_the_period_and_not_before():
    torch.manual_seed(0)
    encoding = IntegerFourierFeatures(1, frequencies=8, low=9, high=20).double()
    coords = torch.linspace(-1, 0, 7, dtype=torch.float64)[:, None]
    torch.testing.assert_close(encoding(coords + 2 / 0.95), encoding(coords), atol=1e-4, rtol=0)
    assert (encoding(coords + 2) - encoding(coords)).abs().max() > 0.1


def test_a_sine_network_of_them_has_whole_frequencies_only():
    torch.manual_seed(0)
    domain = inr.Signal.from_array(
        np.zeros((64, 1), np.float32), kind="audio", channels_last=True, sample_rate=64
    ).domain
    field = Field.build(
        domain, encoding="integer-fourier:frequencies=2,low=3,high=3,share=1,period=1", activation="sine:omega=1",
        network="mlp:depth=1,width=4",
    ).double()  # fmt: skip
    field.encoding.frequencies.copy_(torch.tensor([[2.0], [4.0]]))
    coords = (torch.arange(64, dtype=torch.float64)[:, None] + 0.5) / 32 - 1
    spectrum = torch.fft.rfft(field(coords).detach()[:, 0]).abs()
    assert float(spectrum[1::2].max()) < 1e-9  # odd ones are no sums of multiples of 2 and 4
    assert float(spectrum[2]) > 1e-3


def test_bounds_go_with_the_samples_of_a_fit():
    signal = inr.Signal.from_array(np.zeros((256, 8, 1), np.float32), kind="image", channels_last=True)
    fitter = make_fitter(signal, encoding="integer-fourier", activation="sine", budget=Budget(steps=1))
    config = fitter.field.config()["encoding"]
    assert (config["low"], config["high"]) == (9, 43)


def test_too_few_and_too_many():
    with pytest.raises(InrError, match="of 13 vectors there are only 12 up to high=2"):
        IntegerFourierFeatures(2, frequencies=13, low=1, high=2)
    assert IntegerFourierFeatures(2, low=1, high=2).config()["frequencies"] == 12
    with pytest.raises(InrError, match="low must be at most high, got 5 and 3"):
        IntegerFourierFeatures(2, low=5, high=3)
    with pytest.raises(InrError, match="too many to choose from"):
        IntegerFourierFeatures(4, low=40, high=42)


def test_kernels_run_it():
    domain = inr.Signal.from_array(np.zeros((8, 8, 1), np.float32), kind="image").domain
    torch.manual_seed(0)
    field = Field.build(domain, encoding="integer-fourier:frequencies=16", activation="sine", network="mlp:width=16")
    name, plan = inr.engines.plan(field)
    assert (name, plan.notes) == ("cpu", ())
    coords = torch.rand(40, 2) * 2 - 1
    found = plan.forward(dict(field.named_parameters()), coords)
    torch.testing.assert_close(found, field(coords).detach(), rtol=1e-3, atol=1e-3)


def picture() -> inr.Signal:
    return inr.Signal.from_array(np.random.default_rng(0).random((16, 16, 1)).astype(np.float32), kind="image")


def test_bounded_weights_keep_their_bound_and_are_saved_so(tmp_path):
    limit, omega = 0.2, 10.0
    fitter = make_fitter(
        picture(), encoding="integer-fourier:frequencies=16,low=3,high=6", activation=f"sine:omega={omega:g}",
        network="mlp:depth=2,width=16", learning_rate=1e-2, budget=Budget(steps=30),
        parametrisation=BoundedWeights(limit),
    )  # fmt: skip
    *_, end = fitter.run()
    assert end.reason == "steps"
    path = tmp_path / "field.inr"
    fitter.field.save(path)
    *hidden, last = inr.load(path).network.layers
    largest = [float(layer.weight.detach().abs().max()) * omega for layer in hidden]
    assert largest == pytest.approx([limit, limit], rel=1e-6)
    assert float(last.weight.detach().abs().max()) * omega > limit


def test_the_first_layer_on_coordinates_is_free():
    bounded = BoundedWeights(0.01)
    make_fitter(picture(), activation="sine", network="mlp:depth=2,width=8", budget=Budget(steps=1),
                parametrisation=bounded)  # fmt: skip
    weights = bounded.weights()
    assert float(weights["network.layers.0.weight"].detach().abs().max()) * 30 > 1
    assert float(weights["network.layers.1.weight"].detach().abs().max()) * 30 == pytest.approx(0.01, rel=1e-6)


def test_what_has_no_bounds():
    with pytest.raises(InrError, match="limit of weights must be positive, got 0"):
        BoundedWeights(0)
    with pytest.raises(InrError, match="bounded in an mlp of sines"):
        make_fitter(picture(), encoding="fourier", budget=Budget(steps=1), parametrisation=BoundedWeights(1))
