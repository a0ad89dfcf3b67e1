"""Fits with rounded weights: what stands in, the byte limit that is kept, and that learning with rounding pays."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from inr import Budget, Signal
from inr.compression.bitstream.step_sizes import step_of
from inr.compression.encoder.qat import RoundedWeights
from inr.compression.encoder.qat_fit import fit_rounded, round_field
from inr.compression.encoder.weights import encode_weights
from inr.fitting import Setup, make_fitter


@pytest.fixture(scope="module")
def signal():
    y, x = np.mgrid[0:24, 0:32] / 24
    waves = 120 + 60 * np.sin(5 * x + 2 * y) + 40 * np.cos(9 * y * x)
    return Signal.from_array(np.stack([waves, 250 - waves, waves / 2], axis=-1).clip(0, 255).astype(np.uint8))


SETUP = Setup("identity", "sine", "mlp:depth=2,width=16", batch=256, steps=60, learning_rate=2e-3)


def _drawn():
    generator = torch.Generator().manual_seed(0)
    return {"a": torch.randn(40, 5, generator=generator), "b": torch.randn(5, generator=generator)}


def _far_from(weights):
    centre = {name: tensor.clone() for name, tensor in weights.items()}
    return lambda tensors: 1e-3 + sum(float((tensors[name] - centre[name]).square().sum()) for name in centre)


def test_what_stands_in_are_multiples_of_the_steps():
    weights = _drawn()
    rounded = RoundedWeights(weights, _far_from(weights), max_bytes=120)
    found = rounded.materialise(0.0)
    for name, tensor in found.items():
        step = step_of(rounded.indices[name])
        torch.testing.assert_close(tensor / step, (tensor / step).round(), rtol=0, atol=1e-4)
        assert (tensor - weights[name]).abs().max() <= step / 2 * (1 + 1e-5)
    assert len(encode_weights(rounded.rounded(weights))) <= 1.05 * 120


def test_what_is_a_little_too_much_is_drawn_to_zero_and_keeps_its_steps():
    weights = _drawn()
    rounded = RoundedWeights(weights, _far_from(weights), max_bytes=120)
    rounded.choose(weights)
    steps, before = rounded.indices, rounded.rounded(weights)
    least = rounded.size(weights) - 1
    rounded = RoundedWeights(weights, _far_from(weights), max_bytes=least)
    rounded.indices = steps
    rounded.fit_within_limit(weights)
    after = rounded.rounded(weights)
    assert rounded.size(weights) <= least
    for name in weights:
        assert after[name].step_index == before[name].step_index
        apart = np.abs(before[name].integers) - np.abs(after[name].integers)
        assert set(np.unique(apart)) <= {0, 1}
        assert (after[name].integers * before[name].integers >= 0).all()
        # none of those that stay were as near to the next integer as those that moved
        near = np.abs(weights[name].double().numpy() / step_of(steps[name])) - np.abs(before[name].integers) + 0.5
        if apart.any() and not apart.all():
            assert near[apart == 1].max() <= near[(apart == 0) & (before[name].integers != 0)].min()
    wrong = [float((each["a"].values - weights["a"]).square().mean()) for each in (before, after)]
    assert wrong[0] < wrong[1] < 1.2 * wrong[0]


def test_gradients_pass_straight_through_where_bits_are_free():
    weights = {"a": torch.randn(40, 5)}
    rounded = RoundedWeights(
        weights, lambda tensors: 1e-3 + float((tensors["a"] - weights["a"]).square().sum()), 120, rate=0
    )
    rounded.materialise(0.0)
    grads = {"a": torch.ones(40, 5)}
    assert rounded.backward(grads) is grads


def test_a_bit_costs_what_finer_steps_would_bring():
    """Rounding a weight half as coarsely takes a bit and saves 3/4 of its part of the loss, by noise of Δ²/12.

    To first order, a bit less adds 2 ln 2 times that part. So the pull on a weight far from 0, times a bell's
    width (over which it takes a bit more), is 2 ln 2 times the loss that rounding a weight adds.
    """
    generator = torch.Generator().manual_seed(0)
    weights = {"a": torch.randn(64, 50, generator=generator)}
    curvature = 7.0

    def loss(tensors):
        return 1e-3 + curvature * float((tensors["a"] - weights["a"]).square().sum())

    rounded = RoundedWeights(weights, loss, max_bytes=2_000)
    found = rounded.materialise(0.0)["a"]
    added = (loss({"a": found}) - 1e-3) / found.numel()
    pull = rounded.backward({"a": torch.zeros(64, 50)})["a"]
    assert (pull.sign() == weights["a"].sign()).all()
    width = rounded._widths["a"] * step_of(rounded.indices["a"])
    far = weights["a"].abs() > 6 * step_of(rounded.indices["a"])
    # steps come in quarter octaves, and losses by them in halves
    expected = torch.full_like(pull, 2 * np.log(2) * added)
    torch.testing.assert_close((pull.abs() * width)[far], expected[far], rtol=0.3, atol=0)


def test_more_room_means_finer_steps():
    weights = {"a": torch.randn(300, generator=torch.Generator().manual_seed(0))}

    def loss(tensors):
        return 1e-3 + float((tensors["a"] - weights["a"]).square().mean())

    indices = []
    for max_bytes in (80, 160, 320):
        rounded = RoundedWeights(weights, loss, max_bytes)
        rounded.choose(weights)
        indices.append(rounded.indices["a"])
    assert indices[0] > indices[1] > indices[2]


@pytest.mark.parametrize("engine", ["eager", "cpu:threads=1"])
def test_the_room_is_kept_and_the_field_has_the_integers_values(signal, engine):
    field, rounded = fit_rounded(signal, SETUP, 330, engine=engine)
    assert len(encode_weights(rounded)) <= 330
    for name, parameter in field.named_parameters():
        assert torch.equal(parameter, rounded[name].values)
        assert parameter.shape == rounded[name].integers.shape


def test_equal_fits_give_equal_integers(signal):
    setup = replace(SETUP, steps=40)
    first, second = (fit_rounded(signal, setup, 330, engine="cpu:threads=1", seed=4)[1] for _ in range(2))
    assert encode_weights(first) == encode_weights(second)


@pytest.mark.long
def test_learning_with_rounded_weights_pays(signal):
    """Measured: 38.5 dB when rounded only, 45.2 with 300 steps; the float field has 48.9."""
    fitter = make_fitter(
        signal, encoding="identity", activation="sine", network="mlp:depth=2,width=16", batch=256,
        budget=Budget(steps=600), learning_rate=2e-3, engine="cpu:threads=1",
    )  # fmt: skip
    for _ in fitter.run():
        pass
    quality = {}
    for steps in (0, 300):
        setup = Setup(
            "identity", "sine", "mlp:depth=2,width=16", batch=256, steps=steps, learning_rate=2e-3, optimiser="soap"
        )
        field, rounded = round_field(fitter.field, signal, setup, 220, engine="cpu:threads=1")
        assert len(encode_weights(rounded)) <= 220
        error = np.square(field.render().clip(0, 255) - signal.array).mean()
        quality[steps] = 10 * np.log10(255**2 / error)
    assert quality[300] > quality[0] + 1


def test_a_room_too_small_gives_the_smallest_file(signal):
    _, rounded = fit_rounded(signal, SETUP, 1, engine="cpu:threads=1")
    assert len(encode_weights(rounded)) < 30
