"""Rounding a few weights at a time, the others making up for it: optimal brain quantisation with fits in between."""

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from inr.compression.encoder.levenberg_marquardt import LeastSquares, damped, levenberg_marquardt

# parts that are rounded one after the other, and iterations of the fits of what is left
_PARTS, _ITERATIONS = 12, 3
_DAMPING = 1e-4


def round_in_turn(
    problem: LeastSquares, weights: Float64[Tensor, " count"], steps: Float64[Tensor, " count"], *, seed: int
) -> Float64[Tensor, " count"]:
    """Multiples of the steps near the weights, at little loss.

    In random order, each weight takes its nearest multiple, and all that are still free move to where the loss, by its
    quadratic model, is least (Hassibi and Stork, NeurIPS 1992; Frantar and Alistarh, NeurIPS 2022). After every twelfth
    of the weights the model is made anew, and the free ones are fitted by the true loss.

    Args:
        weights: where the loss is at a minimum.
        steps: of each weight.
        seed: of the order.
    """
    order = torch.randperm(problem.count, generator=torch.Generator().manual_seed(seed))
    free = torch.ones(problem.count, dtype=torch.bool)
    for part in order.chunk(_PARTS):
        places = free.nonzero()[:, 0]
        _, hessian = problem.model(weights, places)
        weights = weights.clone()
        weights[places] = _rounded(weights[places], steps[places], hessian, torch.searchsorted(places, part))
        free[part] = False
        if free.any():
            weights = levenberg_marquardt(problem, weights, free.nonzero()[:, 0], iterations=_ITERATIONS)
    return weights


def _rounded(
    weights: Float64[Tensor, " n"],
    steps: Float64[Tensor, " n"],
    hessian: Float64[Tensor, "n n"],
    part: Int64[Tensor, " k"],
) -> Float64[Tensor, " n"]:
    """The weights with those of a part rounded one by one, and all others moved by the quadratic model."""
    inverse = torch.linalg.inv(damped(hessian, _DAMPING))
    for place in part.tolist():
        multiple = torch.round(weights[place] / steps[place]) * steps[place]
        column = inverse[:, place] / inverse[place, place]
        weights = weights - (weights[place] - multiple) * column
        weights[place] = multiple
        # from now on it does not move
        inverse = inverse - torch.outer(column, inverse[place])
        inverse[place], inverse[:, place] = 0.0, 0.0
    return weights
