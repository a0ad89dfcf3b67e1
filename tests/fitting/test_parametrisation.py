"""Fits that begin with given weights, and fits whose steps compute with weights made of something else."""

import math

import numpy as np
import pytest
import torch

from inr import Budget, InrError, Signal
from inr.fitting import Fitter, Group, Parametrisation, PlainWeights, Setup, evaluate, make_fitter, make_optimiser

pytestmark = pytest.mark.quick

PARTS = {"encoding": "identity", "activation": "sine", "network": "mlp:depth=2,width=8", "batch": 64, "seed": 3}


@pytest.fixture(scope="module")
def signal():
    return Signal.from_array(np.random.default_rng(0).integers(0, 255, (12, 10, 3), dtype=np.uint8))


class Halved(PlainWeights):
    """The parameters halved; gradients by the chain rule."""

    def __init__(self):
        self.fractions = []

    def materialise(self, fraction):
        self.fractions.append(fraction)
        return {name: leaf.detach() / 2 for name, leaf in self.leaves.items()}

    def backward(self, grads):
        return {name: grad / 2 for name, grad in grads.items()}


class Joined(Parametrisation):
    """All parameters as one vector times a number that grows a little in every step."""

    def __init__(self):
        self._scale = 1.0

    def bind(self, field, plan):
        self._shapes = {name: parameter.shape for name, parameter in field.named_parameters()}
        flat = torch.cat([parameter.detach().flatten() for parameter in field.parameters()])
        self.leaves = {"vector": flat}

    def optimiser(self, learning_rates, threads, name):
        return make_optimiser([Group("network", self.leaves, learning_rates["network"])], threads, name)

    def weights(self):
        pieces = self.leaves["vector"].mul(self._scale).split([math.prod(shape) for shape in self._shapes.values()])
        return {name: piece.view(shape) for (name, shape), piece in zip(self._shapes.items(), pieces, strict=True)}

    def materialise(self, fraction):
        self._scale *= 1.001
        return self.weights()

    def backward(self, grads):
        return {"vector": self._scale * torch.cat([grads[name].flatten() for name in self._shapes])}

    def state(self):
        return {"scale": torch.tensor(self._scale, dtype=torch.float64)}

    def restore(self, state):
        self._scale = float(state["scale"])


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
def test_steps_are_computed_with_the_weights_of_the_parametrisation(signal, engine):
    """Half of doubled weights, with Adam's step doubled: the same curve as the plain fit's."""
    plain = make_fitter(signal, budget=Budget(steps=12), engine=engine, learning_rate=1e-3, **PARTS)
    start = {name: 2 * tensor for name, tensor in plain.field.state_dict().items()}
    halved = Halved()
    other = make_fitter(
        signal, budget=Budget(steps=12), engine=engine, learning_rate=2e-3, start=start, parametrisation=halved, **PARTS
    )
    expected, found = state_of(plain), state_of(other)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name] / 2, tensor, rtol=2e-5, atol=2e-6)
    assert halved.fractions == [step / 12 for step in range(12)]


SETUP = Setup("identity", "sine", "mlp:depth=2,width=8", batch=64, steps=40)


@pytest.mark.parametrize("teacher", ["uniform", "nint", "evos"])
def test_leaves_that_are_not_the_fields_parameters_end_up_in_it(teacher):
    joined = Joined()
    setup = Setup("identity", "sine", "mlp:depth=2,width=8", batch=64, steps=40, learning_rate=3e-3, teacher=teacher)
    y, x = np.mgrid[0:12, 0:10] / 12
    signal = Signal.from_array((x + y).astype(np.float32))
    fitter = Fitter(signal, setup, Budget(steps=40), parametrisation=joined, engine="eager")
    before = evaluate(fitter.field, signal)["psnr"]
    list(fitter.run())
    assert evaluate(fitter.field, signal)["psnr"] > before + 1
    coords = signal.coords(torch.arange(signal.size))
    torch.testing.assert_close(fitter.execute(coords), fitter.field(coords).detach())
    for name, parameter in fitter.field.named_parameters():
        assert torch.equal(parameter, joined.weights()[name])


def test_a_fit_of_other_leaves_is_resumed_bit_for_bit(signal, tmp_path):
    def fitter(**given):
        return Fitter(signal, SETUP, Budget(steps=40), parametrisation=Joined(), engine="eager", seed=1, **given)

    whole = state_of(fitter())
    half = fitter(checkpoint=tmp_path / "fit.inr")
    for event in half.run():
        if event.step == 17:
            half.stop()
    again = state_of(fitter(checkpoint=tmp_path / "fit.inr", resume=True))
    assert all(torch.equal(again[name], tensor) for name, tensor in whole.items())
    with pytest.raises(InrError, match="of another fit: its parametrisation differ"):
        Fitter(signal, SETUP, Budget(steps=40), seed=1, checkpoint=tmp_path / "fit.inr", resume=True)


def test_a_checkpoint_of_other_leaves_is_the_field_they_make(signal, tmp_path):
    from inr import load

    joined = Joined()
    fitter = Fitter(signal, SETUP, Budget(steps=9), parametrisation=joined, checkpoint=tmp_path / "fit.inr", every=0.0)
    *_, last, _ = fitter.run()
    assert last.kind == "checkpoint"
    loaded = load(tmp_path / "fit.inr")
    for name, parameter in loaded.named_parameters():
        assert torch.equal(parameter, joined.weights()[name])


def test_a_fit_that_diverges_returns_to_its_best_leaves(signal):
    joined = Joined()
    fitter = Fitter(signal, SETUP, Budget(steps=60), parametrisation=joined, engine="eager")
    for event in fitter.run():
        if event.step == 29:
            fitter._learning_rates = {"network": 1e30}
    assert event.reason in ("diverged", "steps")
    assert joined.leaves["vector"].isfinite().all()
    assert joined.leaves["vector"].abs().max() < 1e3
