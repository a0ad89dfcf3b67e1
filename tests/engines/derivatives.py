"""What tests of plans share that hand derivatives to eager: losses of them, and the comparison."""

import torch

from inr.engines import Batch, DerivativePlan, PointSet, Term, plan
from inr.engines._by_eager import NOTE
from inr.field import Field, Jet, Reads, laplace

_POINTS = 33


def _length(ops, at):
    """How far the first channel's gradient is from having length 1."""
    return (sum(slope * slope for slope in at.first[0]) - 1) ** 2


def _flatness(ops, at):
    return at.second[0][0] ** 2 + (at.values[0] - at.data["target"]) ** 2


class Local:
    """A gradient of length 1 at some points, and flat values at others."""

    derivative_order = 2
    terms = (
        Term("eikonal", Reads((0, 1)), _length, weight=0.1),
        Term("flat", Reads((), (laplace(2),)), _flatness, ("target",)),
    )

    def points(self, batch):
        coords = _coords()
        return [PointSet(coords, coords[:, :0]), PointSet(coords.flip(0), coords[:, :1], coords[:, 1] + 2)]


class Overall:
    """The square of a sum over all points."""

    derivative_order = 1
    reads = Reads((1,))

    def coords(self, batch):
        return _coords()

    def total(self, jet, batch):
        return jet.values.sum().square() + jet.first.mean()


def _coords():
    return torch.rand(_POINTS, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1


def check_handed_over(field: Field, engine: str) -> None:
    """Assert that a plan's derivatives, and steps of losses of them, are eager's, and that it says so once."""
    batch = Batch(torch.arange(1))
    for objective in (Local(), Overall()):
        name, ready = plan(field, objective, engine)
        assert name == engine.partition(":")[0]
        assert ready.notes.count(NOTE) == 1
        tensors = {name: parameter.detach().to(ready.device) for name, parameter in field.named_parameters()}
        found = ready.loss_and_grad(tensors, batch)
        expected = plan(field, objective, "eager")[1].loss_and_grad(dict(field.named_parameters()), batch)
        torch.testing.assert_close(found.loss.cpu(), expected.loss)
        assert found.grads.keys() == expected.grads.keys()
        for name, grad in expected.grads.items():
            torch.testing.assert_close(found.grads[name].cpu(), grad, rtol=1e-4, atol=1e-5 * float(grad.abs().max()))
    _check_jets(field, engine)


def _check_jets(field: Field, engine: str) -> None:
    _, ready = plan(field, None, engine)
    _, eager = plan(field, None, "eager")
    assert isinstance(ready, DerivativePlan)
    assert NOTE not in ready.notes
    reads, tensors = Reads((0,), (laplace(2),)), dict(field.named_parameters())
    there = {name: parameter.detach().to(ready.device) for name, parameter in tensors.items()}
    coords = _coords()
    expected = eager.jet(tensors, coords, reads)
    found = ready.jet(there, coords.to(ready.device), reads)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.cpu(), theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))
    adjoint = Jet(*(torch.cos(each) for each in expected))
    back = eager.pull(tensors, coords, adjoint, reads)
    pulled = ready.pull(there, coords.to(ready.device), Jet(*(each.to(ready.device) for each in adjoint)), reads)
    for name, grad in back.items():
        torch.testing.assert_close(pulled[name].cpu(), grad, rtol=1e-4, atol=1e-5 * float(grad.abs().max()))
    assert ready.notes.count(NOTE) == 1
