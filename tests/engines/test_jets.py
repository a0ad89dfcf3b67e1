"""Values and derivatives of fields, and losses of them, as eager execution has them: what other engines are held to."""

import numpy as np
import pytest
import torch

import inr
from inr.engines import Batch, DerivativePlan, PointSet, Term, overall_step
from inr.field import Jet, Reads, jet, laplace

_SIZE = 6


def _waves(coords):
    """sin(2 x + y) and x² y."""
    x, y = coords.unbind(1)
    return torch.stack((torch.sin(2 * x + y), x * x * y), 1)


def test_a_jet_is_that_of_closed_forms():
    coords = torch.rand(_SIZE, 2, dtype=torch.float64) * 2 - 1
    x, y = coords.unbind(1)
    mixed = ((0.0, 0.5), (0.5, 0.0))  # d²/dxdy
    found = jet(_waves, coords, Reads((0, 1), (laplace(2), mixed)))
    phase = 2 * x + y
    torch.testing.assert_close(found.first[:, 0], torch.stack((2 * phase.cos(), phase.cos()), 1))
    torch.testing.assert_close(found.first[:, 1], torch.stack((2 * x * y, x * x), 1))
    torch.testing.assert_close(found.second[:, 0], torch.stack((-5 * phase.sin(), -2 * phase.sin()), 1))
    torch.testing.assert_close(found.second[:, 1], torch.stack((2 * y, 2 * x), 1))


@pytest.mark.parametrize("reads", [Reads((1, 0)), Reads((2,)), Reads((), (((0.0, 1.0), (0.0, 0.0)),))])
def test_reads_that_do_not_fit_are_refused(reads):
    with pytest.raises(inr.InrError):
        jet(_waves, torch.zeros(1, 2), reads)


class _Eikonal:
    """Values at some points, and gradients of length 1 at others."""

    derivative_order = 1
    terms = (
        Term("values", Reads(), lambda ops, at: (at.values[0] - at.data["target"]) ** 2, ("target",), weight=3.0),
        Term("eikonal", Reads((0, 1)), lambda ops, at: (at.first[0][0] ** 2 + at.first[0][1] ** 2 - 1) ** 2),
    )

    def points(self, batch):
        draw = torch.Generator().manual_seed(0)
        coords = torch.rand(2 * _SIZE, 2, generator=draw) * 2 - 1
        return [PointSet(coords[:_SIZE], coords[:_SIZE, :1]), PointSet(coords[_SIZE:], coords[_SIZE:, :0])]


class _SameOverall:
    """The same loss as a function of all points."""

    derivative_order = 1
    reads = Reads((0, 1))

    def coords(self, batch):
        return torch.cat([each.coords for each in _Eikonal().points(batch)])

    def total(self, jet, batch):
        values = (jet.values[:_SIZE, 0] - self.coords(batch)[:_SIZE, 0]).square().mean()
        return 3 * values + (jet.first[_SIZE:, 0].square().sum(1) - 1).square().mean()


def _field():
    torch.manual_seed(0)
    domain = inr.Signal.from_array(np.zeros((4, 4, 1), np.float32), kind="image").domain
    return inr.Field.build(domain, encoding="identity", activation="sine:omega=3", network="mlp:depth=2,width=8")


def test_a_loss_by_points_and_one_of_all_points_give_the_same_gradients():
    field = _field()
    tensors = dict(field.named_parameters())
    batch = Batch(torch.arange(1))
    _, local = inr.engines.plan(field, _Eikonal(), "eager")
    _, overall = inr.engines.plan(field, _SameOverall(), "eager")
    assert isinstance(overall, DerivativePlan)
    steps = [
        local.loss_and_grad(tensors, batch),
        overall.loss_and_grad(tensors, batch),
        overall_step(overall, _SameOverall(), tensors, batch),
    ]
    assert steps[0].residuals.shape == (2 * _SIZE, 1)
    for step in steps[1:]:
        torch.testing.assert_close(step.loss, steps[0].loss)
        for name, grad in steps[0].grads.items():
            torch.testing.assert_close(step.grads[name], grad, rtol=1e-4, atol=1e-6)


def test_pulling_a_jet_back_is_the_adjoint_of_the_field():
    """<jet's change with the weights, adjoint> is the derivative along the weights of <jet, adjoint>."""
    field = _field().double()
    tensors = dict(field.named_parameters())
    reads, coords = Reads((0,), (laplace(2),)), torch.rand(_SIZE, 2, dtype=torch.float64)
    _, plan = inr.engines.plan(field, None, "eager")
    adjoint = Jet(*(torch.randn_like(each) for each in plan.jet(tensors, coords, reads)))
    grads = plan.pull(tensors, coords, adjoint, reads)
    direction = {name: torch.randn_like(tensor) for name, tensor in tensors.items()}

    def product(step):
        moved = {name: (tensor + step * direction[name]).detach() for name, tensor in tensors.items()}
        found = plan.jet(moved, coords, reads)
        return sum(float((ours * theirs).sum()) for ours, theirs in zip(found, adjoint, strict=True))

    slope = (product(1e-5) - product(-1e-5)) / 2e-5
    assert slope == pytest.approx(sum(float((grads[name] * direction[name]).sum()) for name in tensors), rel=1e-6)


def test_eager_works_in_blocks(monkeypatch):
    """Memory does not grow with the points; sums over blocks of 4 in float64 differ by their rounding alone."""
    field = _field().double()
    tensors = dict(field.named_parameters())
    reads, coords = Reads((0, 1), (laplace(2),)), torch.rand(2 * _SIZE - 1, 2, dtype=torch.float64) * 2 - 1
    _, whole = inr.engines.plan(field, None, "eager")
    _, plan = inr.engines.plan(field, None, "eager")
    monkeypatch.setattr(plan, "block", 4)
    sizes = []
    hook = field.network.register_forward_pre_hook(lambda module, given: sizes.append(len(given[0])))
    jets = whole.jet(tensors, coords, reads), plan.jet(tensors, coords, reads)
    assert sizes == [11, 4, 4, 3]
    adjoint = Jet(*(torch.randn_like(each) for each in jets[0]))
    grads = [each.pull(tensors, coords, adjoint, reads) for each in (whole, plan)]
    assert max(sizes[5:]) == 4
    hook.remove()
    torch.testing.assert_close(jets[1], jets[0], rtol=1e-12, atol=1e-12)
    for name, grad in grads[0].items():
        torch.testing.assert_close(grads[1][name], grad, rtol=1e-12, atol=1e-12)
    assert plan.jet(tensors, coords[:0], reads).second.shape == (0, 1, 1)


def test_eager_takes_many_points_at_once_in_blocks(monkeypatch):
    field = _field()
    tensors = dict(field.named_parameters())
    batch = Batch(torch.arange(1))
    _, plan = inr.engines.plan(field, _SameOverall(), "eager")
    whole = plan.loss_and_grad(tensors, batch)
    monkeypatch.setattr(plan, "block", 4)
    step = plan.loss_and_grad(tensors, batch)
    torch.testing.assert_close(step.loss, whole.loss)
    assert step.coords.shape == (2 * _SIZE, 2)
    assert step.residuals.shape == (2 * _SIZE, 0)
    for name, grad in whole.grads.items():
        torch.testing.assert_close(step.grads[name], grad, rtol=1e-4, atol=1e-6)
