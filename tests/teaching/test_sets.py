"""Batches from pools of points."""

import numpy as np
import pytest
import torch

import inr
from inr.signals import Axis, Domain, PointPool, Points, ValueMap
from inr.teaching import teachers


def _pool(sizes=(40, 10), shares=(0.5, 0.5)):
    axes = tuple(Axis(name, None, "", -1.0, 1.0) for name in "xy")
    domain = Domain("scattered", axes, 1, ValueMap((-1.0,), (1.0,)))
    draw = np.random.default_rng(0)
    sets = [Points(draw.uniform(-1, 1, (size, 2)), np.full((size, 1), number)) for number, size in enumerate(sizes)]
    return PointPool(domain, sets, shares)


def test_every_set_has_its_share_of_a_step():
    pool, teacher = _pool(), teachers.build("sets")
    teacher.bind(pool, 10, 8, seed=0)
    seen = set()
    for step in range(10):
        batch = teacher.select(step)
        first, second = pool.points(batch.indices)
        assert len(first.coords) == len(second.coords) == 4
        assert (first.data == 0).all()
        assert (second.data == 1).all()
        np.testing.assert_array_equal(pool.coords(batch.indices), np.concatenate((first.coords, second.coords)))
        seen |= set(batch.indices.tolist())
    assert len(seen) > 25
    assert torch.equal(teacher.select(3).indices, teacher.select(3).indices)


def test_a_pool_is_renewed_in_part():
    pool = _pool()
    pool.renew(1, np.array([2]), Points(np.full((1, 2), 0.5), np.full((1, 1), 7.0)))
    assert pool.points(torch.tensor([42]))[1].data.item() == 7
    assert pool.coords(torch.tensor([42])).tolist() == [[0.5, 0.5]]


def test_sets_are_of_pools_only():
    with pytest.raises(inr.InrError, match="pools of points"):
        teachers.build("sets").check(inr.from_array(np.zeros((4, 4), np.uint8)))
    with pytest.raises(inr.InrError, match="no points"):
        _pool((0, 0))
