"""One step of Adam over all parameters, in one program.

Every number is read and written once, at the speed of memory; the work is elementwise, so that its result does not
depend on how it is shared. A program costs some ten microseconds, whatever the number of parameters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, no_type_check

import numba
import numpy as np
import torch
from torch import Tensor

from inr.jit import D2, I2, Call, Stage, inline, run, share, warm
from inr.jit.vector import POINTERS

_float32 = POINTERS["float32"]
_share = inline(share)

# Numbers that a worker takes at least: less is not worth a second one's cache misses.
_MIN_SHARE = 2048


@dataclass(frozen=True)
class Move:
    """One parameter's step: contiguous float32 tensors of one size, all but the gradient updated in place.

    Attributes:
        values: the parameter; mean, square: its moments, after `step` - 1 steps.
        step: which one this is, from 1 on.
        rate, betas, eps: Adam's constants.
    """

    values: Tensor
    mean: Tensor
    square: Tensor
    grad: Tensor
    step: int
    rate: float
    betas: tuple[float, float]
    eps: float

    def places(self) -> list[int]:
        """Addresses of values, moments and gradient, and how many numbers each has."""
        tensors = (self.values, self.mean, self.square, self.grad)
        if any(t.shape != self.values.shape or t.dtype != torch.float32 or not t.is_contiguous() for t in tensors):
            raise ValueError(f"no float32 gradient of shape {tuple(self.values.shape)}: {tuple(self.grad.shape)}")
        return [*(tensor.data_ptr() for tensor in tensors), self.values.numel()]

    def numbers(self) -> list[float]:
        """Constants with the bias corrections of this step."""
        return adam_numbers(self.step, self.rate, self.betas, self.eps)


def adam_numbers(step: int, rate: float, betas: tuple[float, float], eps: float) -> list[float]:
    """Adam's constants with the bias corrections of a step, counted from 1, as the kernel reads them."""
    beta1, beta2 = betas
    size = rate / (1 - beta1**step)
    return [size, 1 - beta1, beta2, 1 - beta2, 1 / math.sqrt(1 - beta2**step), eps]


def adam_step(moves: Sequence[Move], threads: int) -> None:
    """Take a step of Adam (Kingma and Ba 2015) with every parameter, as torch.optim.Adam does.

    Args:
        moves: one for every parameter; their tensors are changed in place.
        threads: workers that share the numbers; they change no bit of the result.
    """
    places = _places(moves)
    numbers = np.array([move.numbers() for move in moves], np.float64).reshape(len(moves), 6)
    small = int(places[:, 4].sum()) < 2 * _MIN_SHARE
    run([Call(_STAGE, places=places, numbers=numbers)], 1 if small else threads)


def adam_call(moves: Sequence[Move]) -> tuple[Call, np.ndarray]:
    """A step with every parameter as a call, whose `numbers` are to be set before each.

    Args:
        moves: one for every parameter; their gradients are to stay where they are as well.

    Returns:
        The call, and int64 (moves, 5): addresses of values, moments and gradient, and how many numbers each has.
    """
    places = _places(moves)
    return Call(_STAGE, places=places, numbers=np.zeros((len(moves), 6))), places


def _places(moves: Sequence[Move]) -> np.ndarray:
    """Where the numbers of all moves are, int64 (moves, 5)."""
    return np.array([move.places() for move in moves], np.int64).reshape(len(moves), 5)


def prepare(threads: int) -> None:
    """Compile, or load, what a step needs."""
    adam_step([], 1)
    warm(threads)


@no_type_check
def _update_all(worker: int, workers: int, places: I2, numbers: D2) -> None:
    """A worker's share of every parameter."""
    for index in range(places.shape[0]):
        start, stop = _share(places[index, 4], worker, workers, _MIN_SHARE)
        _update(places[index], numbers[index], start, stop)


@inline
def _update(places: Any, numbers: Any, start: int, stop: int) -> None:
    values, grad = _numbers_at(places[0], start, stop), _numbers_at(places[3], start, stop)
    mean, square = _numbers_at(places[1], start, stop), _numbers_at(places[2], start, stop)
    size, move = np.float32(numbers[0]), np.float32(numbers[1])
    keep, take = np.float32(numbers[2]), np.float32(numbers[3])
    root, eps = np.float32(numbers[4]), np.float32(numbers[5])
    for i in range(stop - start):
        slope = grad[i]
        mean[i] += move * (slope - mean[i])
        square[i] = keep * square[i] + take * slope * slope
        values[i] -= size * mean[i] / (np.sqrt(square[i]) * root + eps)


@inline
def _numbers_at(place: int, start: int, stop: int) -> Any:
    return numba.carray(_float32(place + 4 * start), stop - start)


_STAGE = Stage(_update_all, phase="optimiser")
