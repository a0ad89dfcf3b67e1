"""The eager engine: what a step returns, against the plain formula."""

import numpy as np
import pytest
import torch

import inr
from inr import Field, InrError, Signal
from inr.engines import Batch, Eager, Engine, Plan, automatic, engines, plan
from inr.objectives import Regression, objectives
from tests.engines.losses import SPECS, batch_of
from tests.engines.losses import built as built_for_losses
from tests.engines.losses import signal as ranges


@pytest.fixture
def problem():
    torch.manual_seed(0)
    signal = Signal.from_array(torch.rand(6, 5, 3).numpy(), kind="image")
    field = Field.build(signal.domain, encoding="identity", activation="sine", network="mlp:depth=2,width=8")
    return signal, field


def test_loss_gradients_and_residuals(problem):
    signal, field = problem
    name, ready = plan(field, Regression(signal), "eager")
    assert name == "eager"
    indices = torch.tensor([3, 4, 17, 29])
    result = ready.loss_and_grad(dict(field.named_parameters()), Batch(indices))
    residuals = field(signal.coords(indices)) - signal.values(indices)
    loss = residuals.square().mean()
    loss.backward()
    torch.testing.assert_close(result.loss, loss.detach(), rtol=0, atol=0)
    torch.testing.assert_close(result.residuals, residuals.detach(), rtol=0, atol=0)
    torch.testing.assert_close(result.coords, signal.coords(indices), rtol=0, atol=0)
    for key, parameter in field.named_parameters():
        torch.testing.assert_close(result.grads[key], parameter.grad, rtol=0, atol=0)
    assert not result.loss.requires_grad


def test_gradients_are_of_the_tensors_given_not_of_the_field(problem):
    signal, field = problem
    _, ready = plan(field, Regression(signal), "eager")
    batch = Batch(torch.arange(30))
    halved = {name: tensor.detach() / 2 for name, tensor in field.named_parameters()}
    result = ready.loss_and_grad(halved, batch)
    with torch.no_grad():
        for tensor in field.parameters():
            tensor /= 2
    expected = ready.loss_and_grad(dict(field.named_parameters()), batch)
    torch.testing.assert_close(result.loss, expected.loss, rtol=0, atol=0)
    torch.testing.assert_close(ready.forward(halved, signal.coords(batch.indices)), field(result.coords).detach())


@pytest.mark.parametrize("shape", [(4,), (4, 3)])
def test_weights_scale_squared_residuals(problem, shape):
    signal, field = problem
    _, ready = plan(field, Regression(signal), "eager")
    weights = torch.rand(shape)
    indices = torch.arange(4)
    result = ready.loss_and_grad(dict(field.named_parameters()), Batch(indices, weights))
    rows = weights if weights.ndim == 2 else weights[:, None].expand(4, 3)
    torch.testing.assert_close(result.loss, (rows * result.residuals**2).sum() / 12)


def test_any_batch_size(problem):
    signal, field = problem
    _, ready = plan(field, Regression(signal), "eager")
    for size in (1, 2, 13):
        assert ready.loss_and_grad(dict(field.named_parameters()), Batch(torch.arange(size))).residuals.shape == (
            size,
            3,
        )


def test_a_plan_without_an_objective_only_evaluates(problem):
    signal, field = problem
    _, ready = plan(field, None, "eager")
    tensors, coords = dict(field.named_parameters()), signal.coords(torch.arange(7))
    torch.testing.assert_close(ready.forward(tensors, coords), field(coords).detach(), rtol=0, atol=0)
    with pytest.raises(InrError, match="without an objective"):
        ready.loss_and_grad(tensors, Batch(torch.arange(7)))
    assert (ready.prepare(), ready.notes, ready.profile(), ready.roofline()) == (0.0, (), {}, {})
    assert isinstance(ready, Plan)


def test_auto_falls_through_and_notes_why(problem, monkeypatch):
    signal, field = problem

    class Picky(Engine):
        """Runs nothing."""

        priority = 1

        def plan(self, field, objective):
            return "it has 3 channels"

    engines.register("picky")(Picky)
    try:
        monkeypatch.setattr(engines.info("cpu").cls, "priority", None)
        name, ready = plan(field, Regression(signal))
        assert name == "eager"
        assert ready.notes == ("engine 'picky' cannot run this field: it has 3 channels",)
        assert plan(field, Regression(signal), "eager")[1].notes == ()
        monkeypatch.setattr(Eager, "priority", None)
        with pytest.raises(InrError, match="no engine can run this field: engine 'picky'"):
            plan(field, Regression(signal))
    finally:
        del engines._parts["picky"]


def test_auto_takes_another_package_s_engine_by_its_priority(problem):
    signal, field = problem

    class Fast(Eager):
        """As eager."""

        priority = 99

    engines.register("fast")(Fast)
    try:
        assert plan(field, Regression(signal))[0] == "fast"
        assert automatic()[0] == "fast, the fastest that can run here"
        Fast.priority = None  # of use by its name only
        assert plan(field, Regression(signal))[0] == "cpu"
        assert plan(field, Regression(signal), "fast")[0] == "fast"
    finally:
        del engines._parts["fast"]


def test_options_of_engines_are_checked(problem):
    signal, field = problem
    with pytest.raises(InrError, match="engine 'eager' has no parameter 'threads'"):
        plan(field, Regression(signal), "eager:threads=2")


def test_rendering_on_an_engine_is_rendering(problem):
    _, field = problem
    np.testing.assert_array_equal(inr.render(field, engine="eager"), field.render(block=16_384))
    part = {"shape": (7, 9), "box": [(-1.0, 0.0), (0.0, 0.5)]}
    np.testing.assert_array_equal(inr.render(field, **part, engine="eager"), field.render(**part, block=16_384))
    np.testing.assert_allclose(inr.render(field), field.render(block=16_384), atol=1e-3)  # of 255 grey levels


def test_engines_that_are_not_there(problem):
    signal, field = problem
    with pytest.raises(InrError, match="unknown engine 'egaer'; did you mean 'eager'"):
        plan(field, Regression(signal), "egaer")

    class Absent(Engine):
        """Cannot run here."""

        @staticmethod
        def unavailable():
            return "no such processor; buy one"

    class Choosy(Engine):
        """Runs nothing."""

        def plan(self, field, objective):
            return "it has 3 channels"

    engines.register("absent")(Absent)
    engines.register("choosy")(Choosy)
    try:
        with pytest.raises(InrError, match="engine 'absent' is not available: no such processor; buy one"):
            plan(field, Regression(signal), "absent")
        with pytest.raises(InrError, match="'choosy' cannot run this field: it has 3 channels; use --engine auto"):
            plan(field, Regression(signal), "choosy")
    finally:
        del engines._parts["absent"], engines._parts["choosy"]


@pytest.mark.parametrize("spec", SPECS)
def test_every_head_of_a_network_learns(spec):
    """The gradients of a step are those of the sum of all heads' losses, each of its own prediction."""
    source = ranges(2)
    field = built_for_losses(source, encoding="identity", activation="linear", network="bacon:width=8,bandwidth=13")
    objective, batch = objectives.build(spec, source), batch_of(source, "none", False)
    found = plan(field, objective, "eager")[1].loss_and_grad(dict(field.named_parameters()), batch)
    missed = [objective.residuals(values, batch) for values in field.heads(objective.coords(batch))]
    losses = [objective.loss(residuals, batch) for residuals in missed]
    expected = torch.autograd.grad(sum(losses), list(field.parameters()), allow_unused=True)
    assert len(losses) > 1
    assert torch.equal(found.loss, losses[-1].detach())
    assert all(torch.equal(*pair) for pair in zip(found.grads.values(), expected, strict=True) if pair[1] is not None)
