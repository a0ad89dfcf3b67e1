"""Pools of shapes that are renewed beside the steps of a fit."""

import numpy as np
import pytest
import torch

import inr
from inr.signals import POINTS_OF_A_BLOCK, from_mask
from inr.teaching import teachers

_BLOCKS = 17


def shape():
    y, x = np.mgrid[:32, :32] + 0.5
    signal = from_mask(np.clip(10.5 - np.hypot(x - 16, y - 16), 0, 1))
    signal._size = _BLOCKS * POINTS_OF_A_BLOCK
    return signal


def bound(signal):
    teacher = teachers.build("renewed")
    teacher.bind(signal, 1000, 64, seed=3)
    return teacher


def test_a_pool_grows_and_then_is_renewed():
    signal = shape()
    teacher = bound(signal)
    first = teacher.select(0).indices
    assert first.max() < 16 * POINTS_OF_A_BLOCK
    coords = signal.coords(first)
    for step in range(8):
        teacher.select(step)
    assert teacher.select(8).indices.max() >= 16 * POINTS_OF_A_BLOCK
    assert torch.equal(signal.coords(first), coords)
    teacher.select(16)  # the first block is the first to be renewed
    changed = (signal.coords(first) != coords).any(1)
    assert torch.equal(changed, first < POINTS_OF_A_BLOCK)


def test_a_pool_is_a_function_of_the_step():
    one, other = shape(), shape()
    walking = bound(one)
    for step in range(41):
        batch = walking.select(step)
    jumped = bound(other).select(40)
    assert torch.equal(batch.indices, jumped.indices)
    assert torch.equal(one.coords(batch.indices), other.coords(jumped.indices))
    assert torch.equal(one.values(batch.indices), other.values(jumped.indices))


def test_a_fit_goes_on_as_if_it_had_not_been_interrupted():
    def fitter(steps, **options):
        setup = inr.fitting.Setup(
            "identity", "sine", "mlp:depth=1,width=8", batch=64, teacher="renewed", learning_rate=1e-3
        )  # fmt: skip
        return inr.Fitter(shape(), setup, inr.Budget(steps=steps), engine="eager", **options)

    whole, part = fitter(24), fitter(24)
    list(whole.run())
    for event in part.run():
        if event.kind == "step" and event.step == 20:
            saved = part.dump()
            break
    rest = fitter(24, resume=saved)
    list(rest.run())
    for name, tensor in whole.field.state_dict().items():
        assert torch.equal(tensor, rest.field.state_dict()[name])


def test_only_shapes_are_renewed():
    with pytest.raises(inr.InrError, match="points around shapes"):
        teachers.build("renewed").check(inr.from_array(np.zeros((4, 4), np.uint8)))
