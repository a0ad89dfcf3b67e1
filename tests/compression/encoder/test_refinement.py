"""Rounded weights refined: never worse and within the allowed bytes, and which fields are left alone."""

import numpy as np
import pytest
import torch

import inr
from inr.compression.encoder.levenberg_marquardt import LeastSquares
from inr.compression.encoder.qat import RoundedWeights
from inr.compression.encoder.qat_fit import round_field
from inr.compression.encoder.refinement import refinable, refine
from inr.compression.encoder.weights import encode_weights
from inr.fitting import Budget, Fitter, Setup

ENGINE = "cpu:threads=1"


@pytest.fixture(scope="module")
def signal():
    y, x = np.mgrid[0:16, 0:20] / 20
    planes = np.stack([np.sin(9 * x + 4 * y), np.cos(14 * y * x), np.where(x + y > 0.8, 0.5, -0.5)], axis=-1)
    return inr.Signal.from_array((127.5 + 100 * planes).clip(0, 255).astype(np.uint8), kind="image")


def fitted(signal, activation="sine", encoding="fourier:kind=positional,frequencies=4,octaves=2", steps=60):
    setup = Setup(encoding, activation, "mlp:depth=2,width=4", 320, steps, learning_rate=5e-3)
    fitter = Fitter(signal, setup, Budget(steps=steps), engine=ENGINE, seed=0)
    for _ in fitter.run():
        pass
    return fitter.field.cpu(), setup


@pytest.mark.parametrize(
    "activation", ["sine", *(pytest.param(name, marks=pytest.mark.long) for name in ("gabor", "gaussian", "relu"))]
)
def test_weights_get_better_and_stay_within_the_room(signal, activation, monkeypatch):
    monkeypatch.setattr("inr.compression.encoder.refinement._ITERATIONS", 5)
    monkeypatch.setattr("inr.compression.encoder.refinement._WIDER", 1.0)
    field, _ = fitted(signal, activation)
    everything = torch.arange(signal.size)
    features, values = field.encoding(signal.coords(everything)), signal.values(everything)
    problem = LeastSquares(field.network, features, values)

    def loss(tensors):
        return problem.loss(problem.join({name.removeprefix("network."): each for name, each in tensors.items()}))

    parameters = dict(field.named_parameters())
    max_bytes = field.parameter_count  # a byte each
    rounded = RoundedWeights(parameters, loss, max_bytes)
    rounded.choose(parameters)
    rounded.fit_within_limit(parameters)
    before = rounded.rounded(parameters)
    assert refinable(field, signal)
    after = refine(field, signal, rounded, before, max_bytes, seed=0)
    assert list(after) == list(before)
    assert len(encode_weights(after)) <= max_bytes
    losses = [loss({name: each.values for name, each in found.items()}) for found in (before, after)]
    assert losses[1] < losses[0]


def test_what_is_returned_is_what_the_field_has(signal, monkeypatch):
    monkeypatch.setattr("inr.compression.encoder.qat_fit._MIN_STEPS_TO_REFINE", 60)
    monkeypatch.setattr("inr.compression.encoder.refinement._ORDERS", 1)
    field, setup = fitted(signal)
    found_field, found = round_field(field, signal, setup, 300, engine=ENGINE)
    assert len(encode_weights(found)) <= 300
    state = found_field.state_dict()
    assert all(torch.equal(state[name], each.values) for name, each in found.items())


def test_large_networks_and_encodings_that_are_fitted_are_left_alone(signal):
    def build(encoding, network):
        return inr.Field.build(signal.domain, encoding=encoding, network=network)

    assert refinable(build("fourier:frequencies=4", "mlp:depth=1,width=4"), signal)
    assert not refinable(build("hash", "mlp:depth=1,width=4"), signal)
    assert not refinable(build("fourier", "mlp:depth=3,width=128"), signal)
