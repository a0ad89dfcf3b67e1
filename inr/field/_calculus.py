"""Derivatives of a function of coordinates, by reverse mode: exact, and themselves differentiable."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

Function = Callable[[Tensor], Tensor]


def jacobian(function: Function, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c d"]:
    """d values[c] / d coords[d] at every point; `function` maps (n, d) to (n, c), point by point."""
    return _with_graph(lambda points: _jacobian(function(points), points), coords)


def laplacian(function: Function, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
    """The sum of the unmixed second derivatives of every channel."""

    def traces(points: Tensor) -> Tensor:
        first = _jacobian(function(points), points)
        return torch.stack([_trace(first[:, channel], points) for channel in range(first.shape[1])], dim=1)

    return _with_graph(traces, coords)


def derivative(function: Function, coords: Float[Tensor, "n d"], orders: Sequence[int]) -> Float[Tensor, "n c"]:
    """A derivative of every channel, `orders` telling how often by each coordinate; the values where all are 0."""
    if not any(orders):
        return function(coords)
    axes = [axis for axis, order in enumerate(orders) for _ in range(order)]

    def derive(points: Tensor) -> Tensor:
        columns = function(points).unbind(1)
        for axis in axes:
            columns = tuple(gradient(column, points)[:, axis] for column in columns)
        return torch.stack(columns, dim=1)

    return _with_graph(derive, coords)


def divergence(function: Function, coords: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """The sum of d values[i] / d coords[i]; `function` has as many channels as coordinates."""
    return _with_graph(lambda points: _trace(function(points), points), coords)


def _with_graph(derive: Function, coords: Tensor) -> Tensor:
    """Run with gradients on, whatever the caller's mode; the result stays in the graph only if that asks for it."""
    wanted = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad():
        points = coords.clone() if coords.is_inference() else coords
        points = points if points.requires_grad else points.detach().requires_grad_(True)
        result = derive(points)
    return result if wanted else result.detach()


def _jacobian(values: Tensor, points: Tensor) -> Tensor:
    return torch.stack([gradient(values[:, channel], points) for channel in range(values.shape[1])], dim=1)


def _trace(rows: Tensor, points: Tensor) -> Tensor:
    """Sum over i of d rows[:, i] / d points[:, i]."""
    return sum((gradient(rows[:, i], points)[:, i] for i in range(points.shape[1])), torch.zeros_like(points[:, 0]))


def gradient(values: Tensor, points: Tensor) -> Tensor:
    """d values / d points, each value depending on its own point only; zero where it depends on none."""
    if not values.requires_grad:
        return torch.zeros_like(points)
    (gradient,) = torch.autograd.grad(
        values.sum(), points, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return gradient
