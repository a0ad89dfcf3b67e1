"""Step allocation: which tensor is rounded with which step, so that a byte more helps equally in each."""

import functools
from collections.abc import Callable, Mapping

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from inr.compression.bitstream.step_sizes import MAX_STEP_INDEX, MIN_STEP_INDEX, STEPS_PER_OCTAVE, step_of

# How often the step of the noise is halved at most while a sensitivity is measured.
_MAX_HALVINGS = 24
# Shares of the loss: up to the first an increase is taken to be quadratic, below the second it is not believed.
_QUADRATIC_SHARE, _MEASURABLE_SHARE = 0.1, 1e-3

Tensors = Mapping[str, Tensor]


def nearest_index(step: float) -> int:
    """The index of the step nearest to a positive number, in proportion."""
    return int(np.clip(np.rint(STEPS_PER_OCTAVE * np.log2(step)), MIN_STEP_INDEX, MAX_STEP_INDEX))


def to_integers(tensor: Float32[Tensor, "..."], index: int, towards_zero: float = 0.0) -> np.ndarray:
    """The nearest multiples of a step, int64, of the tensor's shape; beyond 2^31 - 1 they are clipped.

    Args:
        towards_zero: of a step, below 1/2, by which numbers are nearer to 0 before they are rounded.
    """
    # a number of float64 holds quotients exactly enough that no two machines round differently
    exact = tensor.detach().cpu().numpy().astype(np.float64) / step_of(index)
    multiples = np.rint(exact - towards_zero * np.sign(exact))
    return np.clip(multiples, -(2**31) + 1, 2**31 - 1).astype(np.int64)


def sensitivities(loss: Callable[[Tensors], float], tensors: Tensors, *, seed: int = 0) -> dict[str, float]:
    """By how much the loss grows when a tensor is rounded to a step, over the step's square.

    Measured: each tensor in turn gets even noise of a step's width, the step being halved until the loss grows by less
    than a tenth, where it grows by the square of it.

    Args:
        loss: of weights that stand in for all `tensors`.
        tensors: float32, by name.
    """
    generator = torch.Generator().manual_seed(seed)
    before = loss(tensors)
    found = {}
    for name, tensor in tensors.items():
        increase = functools.partial(_increase, loss, tensors, before, name)
        found[name] = _sensitivity(increase, tensor, before, generator)
    return found


def _increase(loss: Callable[[Tensors], float], tensors: Tensors, before: float, name: str, other: Tensor) -> float:
    return loss({**tensors, name: other}) - before


def _sensitivity(
    increase: Callable[[Tensor], float], tensor: Tensor, before: float, generator: torch.Generator
) -> float:
    step = 2 * float(tensor.detach().square().mean().sqrt()) or 1.0
    for _ in range(_MAX_HALVINGS):
        drawn = [step * (torch.rand(tensor.shape, generator=generator) - 0.5) for _ in range(2)]
        # there and back, so that a slope of the loss cancels out
        grown = sum(increase(tensor.detach() + sign * noise) for noise in drawn for sign in (1, -1)) / 4
        if grown <= _QUADRATIC_SHARE * before:
            break
        step /= 2
    return max(grown, _MEASURABLE_SHARE * before, 1e-30) / step**2


def balanced_steps(sizes: Mapping[str, int], sensitivity: Mapping[str, float], multiplier: float) -> dict[str, int]:
    """The indices of steps at which a byte more would lower the loss by as much in every tensor.

    With n weights and a loss that grows by c Δ², a tensor's rate falls by n log2 e ln Δ, so that the best steps for
    rate times `multiplier` plus loss are Δ² = multiplier n / c.
    """
    return {name: nearest_index((multiplier * size / sensitivity[name]) ** 0.5) for name, size in sizes.items()}
