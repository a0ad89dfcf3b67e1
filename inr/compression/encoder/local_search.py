"""Rounded weights moved by a step, alone or two together, where that lowers the loss."""

import torch
from jaxtyping import Float64
from torch import Tensor

from inr.compression.encoder.levenberg_marquardt import LeastSquares

# models of the loss that are made, and of each kind of move the most promising ones that are tried on each
_MODELS, _TRIED = 60, 40

Move = list[tuple[int, int]]  # places, and how many steps each


def local_search(
    problem: LeastSquares, weights: Float64[Tensor, " count"], steps: Float64[Tensor, " count"]
) -> Float64[Tensor, " count"]:
    """Weights that differ by multiples of the steps, of no larger loss.

    The quadratic model of the loss tells what every weight would gain by a step up or down, and every two weights by
    one each. The most promising are tried, and stay where the true loss falls.
    """
    least = problem.loss(weights)
    for _ in range(_MODELS):
        gradient, hessian = problem.model(weights)
        before, touched = least, set[int]()
        for move in _promising(gradient * steps, hessian * steps[:, None] * steps):
            if touched.isdisjoint(place for place, _ in move):
                tried = weights.clone()
                for place, times in move:
                    tried[place] += times * steps[place]
                if (found := problem.loss(tried)) < least:
                    weights, least = tried, found
                    touched.update(place for place, _ in move)
        if least == before:
            break
    return weights


def _promising(gradient: Float64[Tensor, " n"], hessian: Float64[Tensor, "n n"]) -> list[Move]:
    """Moves by which the model falls, those by which it falls most first.

    Args:
        gradient, hessian: of the model, in units of the steps.
    """
    alone = hessian.diagonal() - 2 * gradient.abs()
    found: list[tuple[float, Move]] = []
    for change, place in zip(*_least(alone), strict=True):
        found.append((change, [(place, -1 if gradient[place] > 0 else 1)]))
    upper = torch.ones_like(hessian, dtype=torch.bool).triu(1)
    curvature = hessian.diagonal()[:, None] + hessian.diagonal()
    for sign in (1, -1):  # both the same way, or against each other
        slope = gradient[:, None] + sign * gradient
        both = curvature + 2 * sign * hessian - 2 * slope.abs()
        for change, index in zip(*_least(both.masked_fill(~upper, torch.inf).reshape(-1)), strict=True):
            first, second = divmod(index, len(gradient))
            way = -1 if slope[first, second] > 0 else 1
            found.append((change, [(first, way), (second, sign * way)]))
    found.sort(key=lambda each: each[0])
    return [move for change, move in found if change < 0][: 2 * _TRIED]


def _least(changes: Float64[Tensor, " n"]) -> tuple[list[float], list[int]]:
    values, places = torch.topk(changes, min(_TRIED, len(changes)), largest=False)
    return values.tolist(), places.tolist()
