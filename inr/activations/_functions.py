"""The elementary functions that formulas are written in, in torch; `_symbolic` has sympy's.

Where a textbook formula is 0/0 or loses its digits, these are right, and so are their derivatives to any order.
"""

import math
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.nn import functional as F

_SINC_TERMS = (
    12  # of sinc's series, for |u| < 1: the first one left out is below 1e-21, its third derivative below 1e-17
)


def softplus(z: Tensor) -> Tensor:
    """log(1 + exp(z)), which is z itself, in float64, from 40 on."""
    return F.softplus(z, threshold=40)


def sinc(u: Tensor, order: int = 0) -> Tensor:
    """The derivative of that order of sin(u)/u: by its series for |u| < 1, where the quotients lose their digits."""
    near = u.abs() < 1
    inner, outer = torch.where(near, u, 0), torch.where(near, 1, u)
    # u s^(k) + k s^(k-1) is the k-th derivative of the sine
    far = torch.sin(outer) / outer
    for k in range(1, order + 1):
        far = (torch.sin(outer + k * math.pi / 2) - k * far) / outer
    return torch.where(near, _sinc_series(inner, order), far)


def _sinc_series(u: Tensor, order: int) -> Tensor:
    """The sum over k of (-1)^k u^(2k) / (2k + 1)!, differentiated term by term."""
    square = u * u
    total = torch.zeros_like(u)
    for k in reversed(range((order + 1) // 2, _SINC_TERMS)):
        total = total * square + (-1) ** k * math.perm(2 * k, order) / math.factorial(2 * k + 1)
    return total * u if order % 2 else total


def root(z: Tensor) -> Tensor:
    """The square root of |z|, with a derivative of 0 at 0."""
    return torch.where(z == 0, 0, torch.where(z == 0, 1, z.abs()).sqrt())


def reciprocal(z: Tensor) -> Tensor:
    """1/z, and 0 at 0."""
    return torch.where(z == 0, 0, 1 / torch.where(z == 0, 1, z))


FUNCTIONS = SimpleNamespace(
    sin=torch.sin, cos=torch.cos, exp=torch.exp, tanh=torch.tanh, erf=torch.erf, relu=torch.relu, abs=torch.abs,
    softplus=softplus, sinc=sinc, root=root, reciprocal=reciprocal,
)  # fmt: skip
