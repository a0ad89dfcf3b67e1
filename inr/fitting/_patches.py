"""Dense patches of a signal: neighbouring samples, at the spacing that they really have."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from inr.signals import GridSignal, Signal


def dense_patches(signal: Signal, *, points: int, count: int, seed: int) -> list[Int[Tensor, " n"]]:
    """Indices of neighbouring samples, patch by patch, spread evenly over the signal.

    Args:
        signal: where the samples are.
        points: about how many samples a patch has; the signal may have fewer.
        count: the most patches; a signal of few samples gives fewer.
        seed: shifts all patches.

    Returns:
        int64 (n,) for each patch: a block of a grid, or a scattered sample with its nearest neighbours.
    """
    count = min(count, math.ceil(signal.size / points))
    shape = signal.domain.shape
    if shape is None or not isinstance(signal, GridSignal):
        return _neighbourhoods(signal, min(points, signal.size), count, seed)
    sides = _sides(shape, points)
    room = [size - side + 1 for size, side in zip(shape, sides, strict=True)]
    blocks = [
        _block(shape, [int(part * free) for part, free in zip(place, room, strict=True)], sides)
        for place in _spread(count, len(shape), seed).tolist()
    ]
    # where samples are missing, a block has the nearest ones in their place, once each
    return blocks if signal.cells is None else [signal.samples_of(block).unique() for block in blocks]


def _sides(shape: Sequence[int], points: int) -> list[int]:
    """The sides of a block: equal ones, as far as the axes are that long; short axes leave more to the others."""
    sides = [1] * len(shape)
    left = float(points)
    for done, axis in enumerate(sorted(range(len(shape)), key=lambda axis: shape[axis])):
        sides[axis] = max(min(shape[axis], round(left ** (1 / (len(shape) - done)))), 1)
        left /= sides[axis]
    return sides


def _spread(count: int, dims: int, seed: int) -> Tensor:
    """Places (count, dims) in [0, 1): the additive recurrence of the generalised golden ratio, shifted by the seed."""
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (dims + 1))
    steps = ratio ** -torch.arange(1, dims + 1, dtype=torch.float64)
    shift = torch.rand(dims, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return (shift + torch.arange(count, dtype=torch.float64)[:, None] * steps) % 1


def _block(shape: Sequence[int], start: Sequence[int], sides: Sequence[int]) -> Tensor:
    """Flat C-order indices of a block of a grid."""
    indices = torch.zeros(1, dtype=torch.int64)
    for size, first, side in zip(shape, start, sides, strict=True):
        indices = (indices[:, None] * size + torch.arange(first, first + side)).flatten()
    return indices


def _neighbourhoods(signal: Signal, points: int, count: int, seed: int) -> list[Tensor]:
    """Samples drawn at random, each with its nearest neighbours."""
    coords = signal.coords(torch.arange(signal.size))
    centres = torch.randperm(signal.size, generator=torch.Generator().manual_seed(seed))[:count]
    return [
        (coords - coords[centre]).square().sum(1).topk(points, largest=False).indices.sort().values
        for centre in centres
    ]
