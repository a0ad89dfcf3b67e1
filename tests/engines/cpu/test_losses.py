"""Objectives on the engine cpu beside eager in float64: losses, residuals and gradients."""

import functools

import numpy as np
import pytest
import torch

import inr
from inr.engines import plan
from inr.engines._cpu import _losses
from inr.engines._formulas import loss_constants
from inr.jit import D2, F1, F2, Call, Stage, run
from inr.objectives import objectives
from tests.engines.losses import SPECS, Cauchy, Quartic, assert_close, batch_of, built, compare, in_float64, signal
from tests.tables import mostly_long

ENGINE = "cpu:threads=2,tile=24"
BATCHES = [("none", False), ("samples", True), ("values", True), ("none", True), ("values", False)]
# every loss has the way through a network compiled anew: by default one with a loop of its own, and one of a formula
WHOLE = ["squared", "huber:delta=0.3", *(pytest.param(spec, marks=pytest.mark.long) for spec in SPECS[1::2])]


@functools.cache
def stage_of(loss):
    """A stage that runs the loop of a loss on all points of a batch."""
    loop = loss.loop

    def whole(
        worker: int, workers: int, y: F2, bias: F1, sums: F1, targets: F2, importance: F2, added: F2, numbers: F2,
        residuals: F2, losses: D2, scale: float,
    ) -> None:  # fmt: skip
        losses[0, 0] = loop(
            y.ctypes.data, y.shape[1], y.shape[0], bias.ctypes.data, sums.ctypes.data, targets, importance, added,
            numbers, residuals, 0, 0, scale,
        )  # fmt: skip

    return Stage(whole, loss.source)


@pytest.mark.parametrize(("weighted", "offset"), BATCHES)
@pytest.mark.parametrize("spec", [*SPECS[1:], "quartic"])
def test_loops_are_the_formula_and_its_slope(spec, weighted, offset):
    source = signal(3)
    objective = Quartic(source) if spec == "quartic" else objectives.build(spec, source)
    batch, draw = batch_of(source, weighted, offset), torch.Generator().manual_seed(3)
    outputs, bias = torch.rand(71, 3, generator=draw) * 2 - 1, torch.rand(3, generator=draw) - 0.5

    def eager(objective, batch, dtype):
        """The loss, its gradients by outputs and bias, and residuals."""
        leaves = outputs.to(dtype).requires_grad_(), bias.to(dtype).requires_grad_()
        residuals = objective.residuals(sum(leaves), batch)
        loss = objective.loss(residuals, batch)
        return loss.detach(), *torch.autograd.grad(loss, leaves), residuals.detach()

    def matrix(tensor):
        return np.zeros((0, 0), np.float32) if tensor is None else tensor.view(len(tensor), -1).numpy()

    y = torch.nn.functional.pad(outputs, (0, 5), value=7.0).numpy()  # points are further apart than values
    sums, residuals, losses = np.ones(3, np.float32), np.zeros((71, 3), np.float32), np.zeros((1, 1))
    call = Call(
        stage_of(_losses.loss_of(objective)), y=y, bias=bias.numpy(), sums=sums, residuals=residuals, losses=losses,
        targets=source.values(batch.indices).numpy(), importance=matrix(batch.weights), added=matrix(batch.offsets),
        numbers=np.array(loss_constants(objective, 3), np.float32).reshape(3, -1), scale=1 / outputs.numel(),
    )  # fmt: skip
    run([call], 1)
    found = losses[0, 0] / outputs.numel(), y[:, :3], sums - 1, residuals
    expected = eager(objective, batch, torch.float32), eager(*in_float64(objective, batch), torch.float64)
    for each in zip(map(torch.as_tensor, found), *expected, strict=True):
        assert_close(*each)
    assert (y[:, 3:] == 7).all()


@pytest.mark.parametrize("spec", WHOLE)
@pytest.mark.parametrize(("weighted", "offset"), BATCHES)
def test_losses_agree_with_eager(spec, weighted, offset):
    source = signal(3)
    field = built(source, encoding="identity", activation="sine", network="mlp:depth=2,width=21")
    compare(field, objectives.build(spec, source), batch_of(source, weighted, offset), ENGINE)


@pytest.mark.parametrize("spec", WHOLE)
@pytest.mark.parametrize(("channels", "count"), mostly_long([(1, 1), (1, 64), (5, 131), (2, 25)], 2))
def test_of_any_number_of_channels_and_samples(spec, channels, count):
    source = signal(channels)
    parts = {"encoding": "hash:levels=3,log2_size=8,coarsest=4,finest=16", "activation": "sine:omega=2"}
    field = built(source, **parts, network="mlp:depth=1,width=16")
    compare(field, objectives.build(spec, source), batch_of(source, "samples", False, count), ENGINE)


def test_programs_of_several_blocks():
    check_several_blocks("huber:delta=0.3", "sine")


@pytest.mark.parametrize("spec", SPECS[1:])
@pytest.mark.long
def test_complex_networks_and_programs_of_several_blocks(spec):
    check_several_blocks(spec, "gabor")


def check_several_blocks(spec, activation):
    source = signal(3)
    field = built(source, encoding="identity", activation=activation, network="mlp:depth=2,width=12")
    objective = objectives.build(spec, source)
    # a whole block and a part of one; gradients of biases are running sums, which of more points are rounded too often
    batch = batch_of(source, "values", True, plan(field, objective, "cpu:threads=2,tile=8")[1].block + 5)
    compare(field, objective, batch, "cpu:threads=2,tile=8")


@pytest.mark.long
def test_objectives_of_other_packages_get_kernels_from_their_formula():
    source = signal(3)
    field = built(source, encoding="identity", activation="sine", network="mlp:depth=1,width=16")
    compare(field, Quartic(source), batch_of(source, "samples", True), ENGINE)


def test_objectives_of_other_packages_are_taken():
    source = signal(3)
    assert plan(built(source, encoding="identity", activation="sine"), Quartic(source))[0] == "cpu"


def test_what_no_code_can_be_made_for_goes_to_eager_with_the_reason():
    source = signal(1)
    field = built(source, encoding="identity", activation="sine", network="mlp:depth=1,width=16")
    name, ready = plan(field, Cauchy(source))
    assert name == "eager"
    assert "objective Cauchy: its formula takes no symbols" in ready.notes[-1]
    with pytest.raises(inr.InrError, match="objective Cauchy"):
        plan(field, Cauchy(source), "cpu")
