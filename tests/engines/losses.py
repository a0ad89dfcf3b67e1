"""What tests of objectives on engines share: steps beside those of eager in float64."""

import copy

import numpy as np
import pytest
import torch

import inr
from inr.engines import Batch, RowSparse, plan
from inr.field import Field
from inr.objectives import PointwiseObjective

SPECS = ["squared", "l1", "huber:delta=0.3", "relative:epsilon=0.05"]
# of the largest number; or some times as far from float64 as eager in float32 is
BOUND, TIMES = 3e-5, 8


def signal(channels):
    """Channels of different ranges, so that constants of a loss differ between them."""
    values = np.random.default_rng(0).uniform(0.1, 1, (17, 13, channels)) * np.arange(1, channels + 1)
    return inr.Signal.from_array(values.astype(np.float32), kind="volume", channels_last=True)


def built(source, **parts):
    torch.manual_seed(1)
    field = Field.build(source.domain, **parts)
    for parameter in field.encoding.parameters():  # tables start too small to tell
        torch.nn.init.normal_(parameter, std=0.5)
    return field


class InFloat64:
    """Mixed into an objective."""

    def coords(self, batch):
        return super().coords(batch).double()

    def targets(self, batch):
        return super().targets(batch).double()


def in_float64(objective, batch):
    """The same objective and batch in float64."""
    cls = type(type(objective).__name__, (InFloat64, type(objective)), {})
    precise = cls(objective.signal, **{key: value for key, value in objective.config().items() if key != "name"})
    doubles = [None if tensor is None else tensor.double() for tensor in (batch.weights, batch.offsets)]
    return precise, Batch(batch.indices, *doubles)


def exact_step(field, objective, batch):
    """What eager computes in float64."""
    precise, doubled = in_float64(objective, batch)
    twin = copy.deepcopy(field).double()
    return plan(twin, precise, "eager")[1].loss_and_grad(dict(twin.named_parameters()), doubled)


def assert_close(found, eager, exact):
    found = found.to_dense() if isinstance(found, RowSparse) else found
    assert found.shape == exact.shape
    allowed = max(BOUND * float(exact.abs().max()), TIMES * float((eager - exact).abs().max()))
    assert float((found.cpu() - exact).abs().max()) <= allowed + 1e-9


def compare(field, objective, batch, engine):
    name, ready = plan(field, objective, engine)
    assert name == engine.partition(":")[0]
    tensors = {name: parameter.detach().to(ready.device) for name, parameter in field.named_parameters()}
    found = ready.loss_and_grad(tensors, batch.to(ready.device))
    exact = exact_step(field, objective, batch)
    eager = plan(field, objective, "eager")[1].loss_and_grad(dict(field.named_parameters()), batch)
    assert_close(found.residuals, eager.residuals, exact.residuals)
    assert found.loss.item() == pytest.approx(exact.loss.item(), rel=BOUND)
    for name, gradient in exact.grads.items():
        assert_close(found.grads[name], eager.grads[name], gradient)


def batch_of(source, weighted, offset, count=71):
    generator = torch.Generator().manual_seed(2)
    indices = torch.randint(source.size, (count,), generator=generator)
    weights = {
        "none": None,
        "samples": torch.rand(count, generator=generator) + 0.5,
        "values": torch.rand(count, source.channels, generator=generator) + 0.5,
    }[weighted]
    offsets = torch.rand(count, source.channels, generator=generator) - 0.5 if offset else None
    return Batch(indices, weights, offsets)


class Cauchy(PointwiseObjective):
    """A loss whose formula there is no fast code for."""

    @staticmethod
    def formula(ops, residual, value, **constants):
        return torch.log1p(residual * residual)


class Quartic(PointwiseObjective):
    """An objective of another package, that engines generate code for."""

    @staticmethod
    def formula(ops, residual, value, **constants):
        return residual**4 + constants["share"] * ops.tanh(residual * residual)

    def constants(self):
        return {"share": 0.5}

    def config(self):
        return {"name": "quartic"}
