"""Fits that begin with given weights, and that compute steps with others in the parameters' place."""

import numpy as np
import pytest
import torch

from inr import Budget, InrError, Signal
from inr.fitting import make_fitter

PARTS = {"encoding": "identity", "activation": "sine", "network": "mlp:depth=2,width=8", "batch": 64, "seed": 3}


@pytest.fixture(scope="module")
def signal():
    return Signal.from_array(np.random.default_rng(0).integers(0, 255, (12, 10, 3), dtype=np.uint8))


class Halved:
    """The weights halved; gradients by the chain rule."""

    def __init__(self):
        self.fractions = []

    def tensors(self, fraction, parameters):
        self.fractions.append(fraction)
        return {name: tensor.detach() / 2 for name, tensor in parameters.items()}

    def grads(self, grads):
        return {name: grad / 2 for name, grad in grads.items()}


def state_of(fitter):
    for _ in fitter.run():
        pass
    return {name: tensor.clone() for name, tensor in fitter.field.state_dict().items()}


@pytest.mark.parametrize("engine", ["eager", "cpu"])
def test_a_fit_begins_with_the_weights_it_is_given(signal, engine):
    budget = Budget(steps=1)
    drawn = make_fitter(signal, budget=budget, engine=engine, **PARTS)
    given = {name: tensor + 0.1 for name, tensor in drawn.field.state_dict().items()}
    fitter = make_fitter(signal, budget=budget, engine=engine, start=given, **PARTS)
    assert all(torch.equal(fitter.field.state_dict()[name], tensor) for name, tensor in given.items())


def test_weights_of_another_field_are_refused(signal):
    drawn = make_fitter(signal, budget=Budget(steps=1), **PARTS).field.state_dict()
    with pytest.raises(InrError, match=r"network\.layers\.0\.bias is None, not \(8,\)"):
        make_fitter(signal, budget=Budget(steps=1), start={"x": torch.zeros(2)}, **PARTS)
    wider = drawn | {"network.layers.1.weight": torch.zeros(8, 9)}
    with pytest.raises(InrError, match=r"layers\.1\.weight is \(8, 9\), not \(8, 8\)"):
        make_fitter(signal, budget=Budget(steps=1), start=wider, **PARTS)


@pytest.mark.parametrize("engine", ["eager", "cpu"])
def test_steps_are_computed_with_what_stands_in(signal, engine):
    """Half of doubled weights, with Adam's step doubled: the same curve as the plain fit's."""
    plain = make_fitter(signal, budget=Budget(steps=12), engine=engine, learning_rate=1e-3, **PARTS)
    start = {name: 2 * tensor for name, tensor in plain.field.state_dict().items()}
    stand_in = Halved()
    other = make_fitter(
        signal, budget=Budget(steps=12), engine=engine, learning_rate=2e-3, start=start, stand_in=stand_in, **PARTS
    )
    expected, found = state_of(plain), state_of(other)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name] / 2, tensor, rtol=2e-5, atol=2e-6)
    assert stand_in.fractions == [step / 12 for step in range(12)]
