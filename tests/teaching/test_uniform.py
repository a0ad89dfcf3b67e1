"""Uniform batches: even, unbiased, a function of seed and step."""

import numpy as np
import pytest
import torch

from inr import Signal
from inr.teaching import teachers
from inr.teaching._uniform import drawn_on
from tests.tables import mostly_long


def bound(size: int, batch: int, seed: int = 0):
    teacher = teachers.build("uniform")
    teacher.bind(Signal.from_array(np.zeros(size, np.float32)), 10, batch, seed)
    return teacher


def test_every_run_of_the_signal_gives_one_sample():
    indices = bound(1000, 50).select(3).indices
    assert (indices // 20).tolist() == list(range(50))


@pytest.mark.parametrize(("size", "batch"), mostly_long([(97, 13), (64, 63), (50, 7)]))
def test_every_sample_is_equally_likely(size, batch):
    teacher = bound(size, batch)
    draws = 4000
    counts = torch.zeros(size)
    for step in range(draws):
        indices = teacher.select(step).indices
        assert len(indices) == batch
        assert (indices.diff() >= 0).all()
        assert indices[0] >= 0
        assert indices[-1] < size
        counts += torch.bincount(indices, minlength=size)
    expected = draws * batch / size
    # 5 standard deviations of a binomial count, which stratified counts stay below
    assert (counts - expected).abs().max() < 5 * expected**0.5


def test_a_batch_no_smaller_than_the_signal_is_the_signal():
    for batch in (20, 1000):
        assert bound(20, batch).select(5).indices.tolist() == list(range(20))


def test_the_same_seed_and_step_give_the_same_batch():
    assert torch.equal(bound(1000, 50, 1).select(7).indices, bound(1000, 50, 1).select(7).indices)
    assert not torch.equal(bound(1000, 50, 1).select(7).indices, bound(1000, 50, 2).select(7).indices)
    assert not torch.equal(bound(1000, 50, 1).select(7).indices, bound(1000, 50, 1).select(8).indices)


@pytest.mark.parametrize(("size", "batch"), [(97, 13), (10**9 + 7, 4096), (64, 63), (2, 1), (50_001, 6)])
@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_other_devices_draw_the_same_batches(size, batch, seed):
    teacher = teachers.build("uniform")
    teacher.bind(Signal.from_array(np.zeros(9, np.float32)), 10, batch, seed)
    teacher._size, teacher._batch, teacher._whole = size, batch, None
    for step in (0, 1, 999_999):
        there = drawn_on(torch.device("cpu"), seed << 32 ^ step, size, batch)
        assert torch.equal(there, teacher.select(step).indices)
