"""Small nonlinear least-squares problems, many at once."""

import functools
import warnings
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import forward_ad
from torch.func import jvp, vmap

from inr.priors._inner import errors

Values = Callable[[Tensor], Tensor]
_DAMPING = 1e-4  # of the mean diagonal of the equations
_SCALES = (1.0, 0.25)  # of a step: the better one is taken, and none where both are worse


@torch.no_grad()
def gauss_newton(
    values: Values,
    start: Float[Tensor, "b k"],
    targets: Float[Tensor, "b n c"],
    steps: int,
) -> Float[Tensor, "b k"]:
    """Numbers of which some functions are nearest to their targets, by the method of Gauss and Newton.

    The columns of the Jacobian are directional derivatives, forwards; a step whose error is not less is quartered, and
    left out at last. Few numbers are needed, for each is a pass through the function.

    Args:
        values: of any number of problems (b, k), each by its own numbers alone: (b, n, c).
        start: to begin with.
        targets: what values should be.
        steps: how many.

    Returns:
        The numbers, (problems, k), without a graph.
    """
    found = start.detach()
    directions = torch.eye(start.shape[1], dtype=start.dtype, device=start.device)
    for _ in range(steps):
        now = values(found)
        jacobian = _columns(values, found, directions).flatten(2).permute(1, 2, 0)
        missed = (targets - now).flatten(1)
        matrix = jacobian.mT @ jacobian
        damping = _DAMPING * matrix.diagonal(dim1=1, dim2=2).mean(1)
        matrix.diagonal(dim1=1, dim2=2).add_(damping[:, None] + torch.finfo(matrix.dtype).tiny)
        step = torch.linalg.solve_ex(matrix, jacobian.mT @ missed[..., None])[0][..., 0].nan_to_num(0, 0, 0)
        tried = torch.stack([found, *(found + scale * step for scale in _SCALES)])
        losses = torch.stack([errors(now, targets), *(errors(values(each), targets) for each in tried[1:])])
        found = tried[losses.nan_to_num(torch.inf).argmin(0), torch.arange(len(found))]
    return found


def _columns(values: Values, at: Float[Tensor, "b k"], directions: Float[Tensor, "k k"]) -> Float[Tensor, "k b n c"]:
    """Derivatives of values along directions."""
    _load_forward_derivatives()

    def along(direction: Tensor) -> Tensor:
        slope: Tensor = jvp(values, (at,), (direction.expand_as(at),))[1]
        return slope

    found: Tensor = vmap(along)(directions)
    return found


@functools.cache
def _load_forward_derivatives() -> None:
    """Let torch load what it differentiates forwards with; at first it warns of the way in which it does so itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with forward_ad.dual_level():
            forward_ad.make_dual(torch.zeros(1), torch.ones(1))
