"""Total variation: gradients of sampled pictures, and what a linear operator measured, reconstructed with it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError

Operator = Callable[[np.ndarray], np.ndarray]


def gradient(picture: np.ndarray) -> np.ndarray:
    """Forward differences along every axis, 0 at its end.

    Args:
        picture: real or complex, of any number d of axes.

    Returns:
        (d, *shape).
    """
    found = np.zeros((picture.ndim, *picture.shape), picture.dtype)
    for axis in range(picture.ndim):
        np.moveaxis(found[axis], axis, 0)[:-1] = np.moveaxis(np.diff(picture, axis=axis), axis, 0)
    return found


def divergence(vectors: np.ndarray) -> np.ndarray:
    """The negative transpose of `gradient`.

    Args:
        vectors: (d, *shape).

    Returns:
        Of that shape.
    """
    total = np.zeros_like(vectors[0])
    for axis, field in enumerate(vectors):
        along, inner = np.moveaxis(total, axis, 0), np.moveaxis(field, axis, 0)[:-1]
        along[:-1] += inner
        along[1:] -= inner
    return total


def operator_norm(forward: Operator, adjoint: Operator, like: np.ndarray, rounds: int = 30) -> float:
    """The largest singular value of a linear operator, by power iteration.

    Args:
        forward, adjoint: the operator and its transpose.
        like: an array of the shape and dtype that it takes.
        rounds: of the iteration.
    """
    vector = np.random.default_rng(0).standard_normal(like.shape).astype(like.dtype)
    size = 0.0
    for _ in range(rounds):
        vector = adjoint(forward(vector / np.linalg.norm(vector)))
        size = float(np.linalg.norm(vector))
    return size**0.5


def tv_reconstruct(
    forward: Operator,
    adjoint: Operator,
    measured: np.ndarray,
    start: np.ndarray,
    strength: float,
    steps: int = 500,
    least: float | None = None,
    stop: Callable[[np.ndarray], Any] | None = None,
) -> np.ndarray:
    """The picture u that minimises ½ ‖A u − measured‖² + strength · TV(u), by the primal-dual method.

    Of Chambolle and Pock ("A first-order primal-dual algorithm for convex problems with applications to imaging", JMIV
    2011), with A scaled to the norm of the gradient, so that one step size suits both.

    Args:
        forward, adjoint: A and its transpose (conjugate transpose where it is complex).
        measured: what A should give.
        start: where to begin, of the picture's shape and dtype.
        strength: of the total variation; 0 for least squares alone.
        steps: of the method.
        least: values below are not allowed; None for no bound.
        stop: called with every iterate; ends the iteration where it gives something true.

    Returns:
        The picture, of the dtype of `start`.

    Raises:
        InrError: a negative strength.
    """
    if not strength >= 0:
        raise InrError(f"the strength of the total variation is 0 or more, not {strength:g}")
    slopes = (4.0 * start.ndim) ** 0.5  # no more than the norm of the gradient
    scale = slopes / operator_norm(forward, adjoint, start)
    step = 0.99 / (2 * slopes * slopes) ** 0.5
    picture = bar = start.copy()
    residuals, vectors = np.zeros_like(measured), np.zeros((start.ndim, *start.shape), start.dtype)
    for _ in range(steps):
        # the dual of ½ ‖· − scale · measured‖² / scale², of which scale · A is the operator
        residuals = (residuals + step * scale * (forward(bar) - measured)) / (1 + step * scale * scale)
        vectors = vectors + step * gradient(bar)
        if strength:
            vectors /= np.maximum(1, np.sqrt((np.abs(vectors) ** 2).sum(0)) / strength)
        else:
            vectors[:] = 0
        moved = picture - step * (scale * adjoint(residuals) - divergence(vectors))
        moved = (moved if least is None else np.maximum(moved, least)).astype(start.dtype)
        bar, picture = 2 * moved - picture, moved
        if stop is not None and stop(picture):
            break
    return picture


def mean_variation(channels: Float[Tensor, "c ..."], softness: float = 1e-3) -> Float[Tensor, ""]:
    """The mean over samples of the length of the differences to the next ones, of all channels and axes at once.

    Args:
        channels: samples of every channel on a lattice.
        softness: what the length of no difference counts as, so that there is a slope everywhere.

    Returns:
        A scalar.
    """
    squared = torch.zeros_like(channels[0])
    for axis in range(1, channels.ndim):
        inner = channels.diff(dim=axis).square().sum(0)
        shape = list(inner.shape)
        shape[axis - 1] = 1
        squared = squared + torch.cat((inner, inner.new_zeros(shape)), axis - 1)
    return (squared + softness * softness).sqrt().mean()
