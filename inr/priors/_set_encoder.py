"""Encoders of sets: numbers that stand for the samples that were seen, however many and in whatever order."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

Act = Callable[[Tensor], Tensor]


def new_layers(name: str, sizes: Sequence[int], like: Tensor, *, share: float = 1.0) -> dict[str, Tensor]:
    """Weights and biases of a small network, drawn evenly from ±1/√(inputs).

    Args:
        name: before the names of its layers.
        sizes: numbers in and out of the layers, in a row.
        like: a tensor of the type that they are to have.
        share: of the last layer's weights; its biases are 0 where this is not 1.
    """
    found = {}
    for index, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        limit = 1 / math.sqrt(inputs)
        last = share if index == len(sizes) - 2 else 1.0
        found[f"{name}.{index}.weight"] = like.new_empty(outputs, inputs).uniform_(-limit, limit) * last
        bias = like.new_empty(outputs).uniform_(-limit, limit)
        found[f"{name}.{index}.bias"] = bias if last == 1.0 else torch.zeros_like(bias)
    return found


def through(leaves: Mapping[str, Tensor], name: str, inputs: Tensor, act: Act, *, last: bool = False) -> Tensor:
    """What a small network of `new_layers` makes of numbers.

    Args:
        leaves: with its weights.
        name: as of `new_layers`.
        inputs: (…, numbers in).
        act: after every layer but the last; last: after that, too.
    """
    depth = sum(key.startswith(f"{name}.") and key.endswith(".weight") for key in leaves)
    for index in range(depth):
        inputs = F.linear(inputs, leaves[f"{name}.{index}.weight"], leaves[f"{name}.{index}.bias"])
        if last or index < depth - 1:
            inputs = act(inputs)
    return inputs


def encoded(
    leaves: Mapping[str, Tensor],
    name: str,
    coords: Float[Tensor, "n d"],
    values: Float[Tensor, "b n c"],
    seen: Float[Tensor, " n"],
    act: Act,
    *,
    last: bool,
) -> Float[Tensor, "b r"]:
    """The mean over seen samples of what a network makes of each sample's place and values.

    Args:
        leaves, name, act, last: as of `through`.
        coords: of all samples.
        values: of every signal; those of unseen samples are not looked at, be they NaN.
        seen: 1 where samples are seen, else 0.
    """
    masked = torch.where(seen[:, None] > 0, values, 0)
    pairs = torch.cat([coords.expand(len(values), *coords.shape), masked], dim=-1)
    features = through(leaves, name, pairs, act, last=last)
    return (features * seen[:, None]).sum(1) / seen.sum()


def drawn_context(draw: np.random.Generator, count: int, least: int, most: float) -> Float[Tensor, " n"]:
    """Which samples a step sees: a number of them that is drawn evenly on a logarithmic scale.

    Args:
        draw: decides.
        count: of samples.
        least: seen ones; most: the largest share.
    """
    low = min(least, count)
    seen = round(float(np.exp(draw.uniform(np.log(low), np.log(max(most * count, low))))))
    found = np.zeros(count, dtype=np.float32)
    found[draw.permutation(count)[:seen]] = 1
    return torch.from_numpy(found)
