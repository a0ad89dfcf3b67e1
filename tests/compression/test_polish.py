"""Integers moved one by one: the minimum of a separable loss, the price of bits, and the bound on evaluations."""

import numpy as np
import pytest

from inr.compression._polish import polish
from inr.compression._step_sizes import step_of
from inr.compression._weights import Rounded

RNG = np.random.default_rng(0)
TARGETS = {"a": RNG.normal(0, 2, (4, 3)), "b": RNG.normal(0, 2, 5)}


def beginning():
    return {name: Rounded(np.rint(target / step_of(-4) + 3).astype(np.int64), -4) for name, target in TARGETS.items()}


def loss(tensors):
    return sum(float(np.square(tensors[name].numpy() - target).sum()) for name, target in TARGETS.items())


def value(rounded):
    return loss({name: each.values for name, each in rounded.items()})


def test_the_nearest_integers_are_found_and_the_beginning_stays():
    start = beginning()
    kept = {name: each.integers.copy() for name, each in start.items()}
    found = polish(start, loss, 0.0, evaluations=10_000)
    for name, target in TARGETS.items():
        assert np.array_equal(found[name].integers, np.rint(target / step_of(-4)))
        assert found[name].step_index == -4
        assert np.array_equal(start[name].integers, kept[name])


def test_bits_that_cost_pull_towards_zero():
    sizes = [
        sum(np.abs(each.integers).sum() for each in polish(beginning(), loss, bit, evaluations=10_000).values())
        for bit in (0.0, 1.0, 10.0, 1e6)
    ]
    assert sizes[0] > sizes[1] > sizes[2] > sizes[3] == 0


@pytest.mark.parametrize("evaluations", [0, 1, 7, 30])
def test_evaluations_are_bounded_and_the_loss_never_grows(evaluations):
    asked = []

    def counted(tensors):
        asked.append(None)
        return loss(tensors)

    found = polish(beginning(), counted, 0.0, evaluations=evaluations)
    assert len(asked) <= evaluations + 3
    assert value(found) <= value(beginning())
