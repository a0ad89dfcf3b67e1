"""Rounding weights in every step of a fit, and the slope of the bits that they take: one pass over memory each."""

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from inr.jit import kernel


def round_to(numbers: Float32[Tensor, "..."], step: float, rounded: Float32[Tensor, "..."]) -> None:
    """Write the nearest multiples of a step.

    Args:
        numbers: of any shape.
        step: positive.
        rounded: of the same shape, contiguous; where to.
    """
    if numbers.device.type != "cpu":
        torch.div(numbers, step, out=rounded).round_().mul_(step)
        return
    _round_to(numbers.detach().reshape(-1).numpy(), step, rounded.view(-1).numpy())


def add_bit_slopes(
    grad: Float32[Tensor, "..."],
    numbers: Float32[Tensor, "..."],
    step: float,
    factor: float,
    found: Float32[Tensor, "..."],
) -> None:
    """Write a gradient with the slope of the bits added, `factor` w / sqrt(w² + (step / 2)²): |w|, rounded off about 0.

    Args:
        grad: of the weights, of any shape.
        numbers: the weights w, of the same shape, as all are.
        step: by which they are rounded.
        factor: what a weight's distance from 0 costs.
        found: where to; contiguous.
    """
    if numbers.device.type != "cpu":
        torch.mul(numbers, torch.rsqrt(numbers.square() + step**2 / 4), out=found).mul_(factor).add_(grad)
        return
    given = [each.detach().reshape(-1).numpy() for each in (grad, numbers)]
    _add_bit_slopes(*given, found.view(-1).numpy(), step**2 / 4, factor)


@kernel
def _round_to(numbers: np.ndarray, step: float, rounded: np.ndarray) -> None:
    width, inverse = np.float32(step), np.float32(1 / step)
    for i in range(len(numbers)):
        rounded[i] = np.rint(numbers[i] * inverse) * width


@kernel
def _add_bit_slopes(grad: np.ndarray, numbers: np.ndarray, found: np.ndarray, around_zero: float, worth: float) -> None:
    around, factor = np.float32(around_zero), np.float32(worth)
    for i in range(len(numbers)):
        found[i] = grad[i] + factor * numbers[i] / np.sqrt(numbers[i] * numbers[i] + around)
