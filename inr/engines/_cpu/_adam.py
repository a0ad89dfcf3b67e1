"""One step of Adam over all parameters, in one program.

Every number is read and written once, at the speed of memory; the work is elementwise, so that its result does not
depend on how it is shared. A program costs some ten microseconds, whatever the number of parameters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from torch import Tensor

from inr.engines._base import RowSparse
from inr.engines._cpu._jit import inline
from inr.engines._cpu._pool import run
from inr.engines._cpu._stage import D2, I2, Call, Stage, share
from inr.engines._cpu._vector import POINTERS

_float32, _uint8 = POINTERS["float32"], POINTERS["uint8"]
_share = inline(share)

# numbers that a worker takes at least: less is not worth a second one's cache misses
_GRAIN = 2048


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
    grad: Tensor | RowSparse
    step: int
    rate: float
    betas: tuple[float, float]
    eps: float

    def places(self) -> list[int]:
        """Addresses, the count of numbers, and how many of them share a flag."""
        grad, flags, width = self.grad, 0, 1
        if isinstance(grad, RowSparse):
            grad, flags, width = grad.grad, grad.touched.data_ptr(), RowSparse.BLOCK * grad.grad.shape[1]
        tensors = (self.values, self.mean, self.square, grad)
        if any(t.shape != self.values.shape or t.dtype != self.values.dtype or not t.is_contiguous() for t in tensors):
            raise ValueError(f"a gradient of shape {tuple(grad.shape)} for values of shape {tuple(self.values.shape)}")
        return [*(tensor.data_ptr() for tensor in tensors), flags, self.values.numel(), width]

    def numbers(self) -> list[float]:
        """Constants with the bias corrections of this step."""
        beta1, beta2 = self.betas
        size = self.rate / (1 - beta1**self.step)
        return [size, 1 - beta1, beta2, 1 - beta2, 1 / math.sqrt(1 - beta2**self.step), self.eps]


def adam_step(moves: Sequence[Move], threads: int) -> None:
    """Take a step of Adam (Kingma and Ba 2015) with every parameter, as torch.optim.Adam does."""
    places = np.array([move.places() for move in moves], np.int64).reshape(len(moves), 7)
    numbers = np.array([move.numbers() for move in moves], np.float64).reshape(len(moves), 6)
    small = int(places[:, 5].sum()) < 2 * _GRAIN
    run([Call(_STAGE, places=places, numbers=numbers)], 1 if small else threads)


def prepare(threads: int) -> None:
    """Compile, or load, what a step needs."""
    adam_step([], 1)
    if threads > 1:
        run([], threads)


def _update_all(worker: int, workers: int, places: I2, numbers: D2) -> None:
    """A worker's share of every parameter."""
    for index in range(places.shape[0]):
        flags, count, width = places[index, 4], places[index, 5], places[index, 6]
        grain = max(_GRAIN // width, 1) * width
        start, stop = _share(count, worker, workers, grain)
        if flags == 0:
            _move(places[index], numbers[index], start, stop, True)
            continue
        blocks = numba.carray(_uint8(flags), (count + width - 1) // width)
        while start < stop:  # runs of blocks with the same flag
            block = start // width
            touched = blocks[block] != 0
            while block < len(blocks) and (blocks[block] != 0) == touched:
                block += 1
            end = min(block * width, stop)
            _move(places[index], numbers[index], start, end, touched)
            start = end


@inline
def _move(places: Any, numbers: Any, start: int, stop: int, touched: bool) -> None:
    values = _numbers_at(places[0], start, stop)
    mean, square = _numbers_at(places[1], start, stop), _numbers_at(places[2], start, stop)
    grad = _numbers_at(places[3], start, stop)
    size, move = np.float32(numbers[0]), np.float32(numbers[1])
    keep, take = np.float32(numbers[2]), np.float32(numbers[3])
    root, eps = np.float32(numbers[4]), np.float32(numbers[5])
    if touched:
        for i in range(stop - start):
            slope = grad[i]
            mean[i] += move * (slope - mean[i])
            square[i] = keep * square[i] + take * slope * slope
            values[i] -= size * mean[i] / (np.sqrt(square[i]) * root + eps)
    else:  # the gradient is zero, whatever the buffer holds
        for i in range(stop - start):
            mean[i] += move * (np.float32(0) - mean[i])
            square[i] = keep * square[i]
            values[i] -= size * mean[i] / (np.sqrt(square[i]) * root + eps)


@inline
def _numbers_at(place: int, start: int, stop: int) -> Any:
    return numba.carray(_float32(place + 4 * start), stop - start)


_STAGE = Stage(_update_all)
