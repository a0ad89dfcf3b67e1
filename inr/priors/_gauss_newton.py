"""Small nonlinear least-squares problems, many at once."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jvp, vmap

from inr.priors._inner import errors

_DAMPING = 1e-4  # of the mean diagonal of the equations
_SCALES = (1.0, 0.5, 0.25, 0.0)  # of a step: the best is taken, and none where all are worse


@torch.no_grad()
def gauss_newton(
    values: Callable[[Float[Tensor, "b k"]], Float[Tensor, "b n c"]],
    start: Float[Tensor, "b k"],
    targets: Float[Tensor, "b n c"],
    steps: int,
) -> Float[Tensor, "b k"]:
    """Numbers of which some functions are nearest to their targets, by the method of Gauss and Newton.

    The columns of the Jacobian are directional derivatives, forwards; a step whose error is not less is halved, and
    left out at last. Few numbers are needed, for each is a pass through the function.

    Args:
        values: of all problems, each by its own numbers alone.
        start: to begin with.
        targets: what values should be.
        steps: how many.

    Returns:
        The numbers, (problems, k), without a graph.
    """
    found = start.detach()
    directions = torch.eye(start.shape[1], dtype=start.dtype, device=start.device)
    for _ in range(steps):

        def along(direction: Tensor, at: Tensor = found) -> tuple[Tensor, Tensor]:
            return jvp(values, (at,), (direction.expand_as(at),))

        now, columns = vmap(along, out_dims=(None, 0))(directions)  # (b, n, c), (k, b, n, c)
        jacobian = columns.flatten(2).permute(1, 2, 0)
        missed = (targets - now).flatten(1)
        matrix = jacobian.mT @ jacobian
        damping = _DAMPING * matrix.diagonal(dim1=1, dim2=2).mean(1)
        matrix.diagonal(dim1=1, dim2=2).add_(damping[:, None] + torch.finfo(matrix.dtype).tiny)
        step = torch.linalg.solve_ex(matrix, jacobian.mT @ missed[..., None])[0][..., 0].nan_to_num(0, 0, 0)
        tried = torch.stack([found + scale * step for scale in _SCALES])
        losses = torch.stack([errors(values(each), targets).nan_to_num(torch.inf) for each in tried])
        found = tried[losses.argmin(0), torch.arange(len(found))]
    return found
