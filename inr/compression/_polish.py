"""Integers one by one moved up or down where that lowers the loss: the last tenths of a decibel of small networks."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor

from inr.compression._step_sizes import step_of
from inr.compression._weights import Rounded


def polish(
    rounded: Mapping[str, Rounded],
    loss: Callable[[Mapping[str, Tensor]], float],
    bit: float,
    *,
    evaluations: int,
    seed: int = 0,
) -> dict[str, Rounded]:
    """Coordinate descent on loss plus rate, over integers.

    Every integer in turn, in random order, is tried one up and one down; the better stays. This goes on until nothing
    changes any more.

    Args:
        rounded: where to begin.
        loss: of tensors in their place.
        bit: what a bit is worth, in units of the loss. Bits are counted as if integers were normally distributed.
        evaluations: of the loss, at most.
    """
    integers = {name: each.integers.reshape(-1).copy() for name, each in rounded.items()}
    tensors = {name: each.values for name, each in rounded.items()}
    flat = {name: tensor.view(-1) for name, tensor in tensors.items()}
    spreads = {name: float(each.var()) + 1 / 12 for name, each in integers.items()}
    order = [(name, place) for name, each in integers.items() for place in range(each.size)]
    generator = np.random.default_rng(seed)
    best, unchanged = loss(tensors), 0
    while evaluations > 0 and unchanged < len(order):
        for number in generator.permutation(len(order)):
            name, place = order[number]
            step, before = step_of(rounded[name].step_index), int(integers[name][place])
            unchanged += 1
            for other in (before - 1, before + 1):
                dearer = bit * (other**2 - before**2) / (2 * math.log(2) * spreads[name])
                flat[name][place] = other * step
                evaluations -= 1
                if (found := loss(tensors)) + dearer < best:
                    best, unchanged = found, 0
                    integers[name][place] = other
                    break
                flat[name][place] = before * step
            if evaluations <= 0 or unchanged >= len(order):
                break
    return {
        name: Rounded(integers[name].reshape(each.integers.shape), each.step_index) for name, each in rounded.items()
    }
