"""Choosing samples: the largest scores, some at random, and the random numbers for it."""

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from inr.teaching._uniform import random_words


def largest(scores: Tensor, count: int) -> Bool[Tensor, " n"]:
    """Which are the `count` largest (from 1 to n) of scores (n,); of equal ones the first. NaN counts as infinite."""
    if scores.is_floating_point():
        scores = scores.nan_to_num(nan=torch.inf, posinf=torch.inf)
    least = scores.topk(count, sorted=False).values.min()
    chosen = scores > least
    # which of the equal ones topk takes is not defined
    equal = (scores == least).nonzero().squeeze(1)
    chosen[equal[: count - int(chosen.sum())]] = True
    return chosen


def others(chosen: Bool[Tensor, " n"], count: int, key: int) -> Bool[Tensor, " n"]:
    """Which are `count` random ones (at least 1) of those that are not chosen, each as likely; by a key of 64 bits."""
    words = random_words(key, len(chosen), chosen.device)
    return largest(words.masked_fill(chosen, torch.iinfo(words.dtype).min), count)


def drawn_from(population: Int[Tensor, " m"], count: int, generator: torch.Generator) -> Int[Tensor, " n"]:
    """`count` different members of a population, spread evenly over it; every member is equally likely.

    The population is cut into `count` runs, from a random place on, and one member of each is drawn.
    """
    size, device = len(population), population.device
    if count == size:
        return population
    ends = torch.arange(count + 1, device=device) * size // max(count, 1)
    uniform = torch.rand(count, dtype=torch.float64, generator=generator, device=device)
    offset = torch.randint(size, (1,), generator=generator, device=device)
    # runs differ by one in length, so those drawn of them are not equally likely until the runs' place is random
    return population.index_select(0, (ends[:-1] + (uniform * ends.diff()).long() + offset) % size)


def step_generator(seed: int, step: int, device: torch.device) -> torch.Generator:
    """The random numbers of a step."""
    # the CPU's generator looks at 32 bits of its seed only, so seed and step are mixed before
    mixed = np.random.SeedSequence((seed, step)).generate_state(1, np.uint32)[0]
    return torch.Generator(device).manual_seed(int(mixed))
