"""What one would write for many small fields without this package: sines stacked along a leading axis, and Adam.

Each function makes fits of B fields at once and returns what takes some steps of all of them. The network is SIREN's,
the loss the mean squared error over all samples, as in the sets that it is compared with.
"""

import itertools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

Steps = Callable[[int], float]
"""Takes so many steps with all fields; the mean of the last losses."""


def shapes(axes: int, depth: int, width: int, channels: int) -> list[tuple[int, int]]:
    """The layers' (inputs, outputs)."""
    sizes = [axes, *[width] * depth, channels]
    return list(itertools.pairwise(sizes))


def drawn(count: int, layers: list[tuple[int, int]], omega: float) -> list[np.ndarray]:
    """SIREN's first weights and biases, float32 (count, inputs, outputs) and (count, 1, outputs) by turns."""
    rng = np.random.default_rng(0)
    found = []
    for index, (inputs, outputs) in enumerate(layers):
        bound = 1 / inputs if index == 0 else math.sqrt(6 / inputs) / omega
        found.append(rng.uniform(-bound, bound, (count, inputs, outputs)).astype(np.float32))
        found.append(rng.uniform(-bound, bound, (count, 1, outputs)).astype(np.float32))
    return found


def bmm(coords: np.ndarray, values: np.ndarray, layers: list[tuple[int, int]], omega: float, rate: float) -> Steps:
    """Batched products in PyTorch, with its fused Adam."""
    parameters = [torch.from_numpy(each).requires_grad_(True) for each in drawn(len(values), layers, omega)]
    places = torch.from_numpy(coords).expand(len(values), *coords.shape)
    return _torch_steps(parameters, lambda: _mean_loss(parameters, places, torch.from_numpy(values), omega), rate)


def vmap(coords: np.ndarray, values: np.ndarray, layers: list[tuple[int, int]], omega: float, rate: float) -> Steps:
    """`torch.func`: the gradient of one field's loss, mapped over fields, with PyTorch's fused Adam."""
    parameters = [torch.from_numpy(each) for each in drawn(len(values), layers, omega)]
    places, targets = torch.from_numpy(coords), torch.from_numpy(values)

    def loss(one: list[Tensor], target: Tensor) -> Tensor:
        x = places
        for index in range(0, len(one), 2):
            x = x @ one[index] + one[index + 1]
            x = torch.sin(omega * x) if index + 2 < len(one) else x
        return (x - target).square().mean()

    mapped = torch.func.vmap(torch.func.grad_and_value(loss))
    adam = torch.optim.Adam(parameters, lr=rate, fused=True)

    def run(steps: int) -> float:
        for _ in range(steps):
            grads, losses = mapped(parameters, targets)
            for parameter, grad in zip(parameters, grads, strict=True):
                parameter.grad = grad
            adam.step()
        return float(losses.mean())

    return run


def jax_vmap(coords: np.ndarray, values: np.ndarray, layers: list[tuple[int, int]], omega: float, rate: float) -> Steps:
    """JAX: the gradient mapped over fields and Adam in one compiled step, as fit-a-nef works. Raises ImportError."""
    import jax
    import jax.numpy as jnp

    places, targets = jnp.asarray(coords), jnp.asarray(values)
    parameters = [jnp.asarray(each) for each in drawn(len(values), layers, omega)]

    def loss(one, target):  # type: ignore[no-untyped-def]
        x = places
        for index in range(0, len(one), 2):
            x = x @ one[index] + one[index + 1]
            x = jnp.sin(omega * x) if index + 2 < len(one) else x
        return jnp.mean(jnp.square(x - target))

    mapped = jax.vmap(jax.value_and_grad(loss))

    @jax.jit
    def step(state):  # type: ignore[no-untyped-def]
        weights, means, squares, count = state
        losses, grads = mapped(weights, targets)
        count = count + 1
        means = [0.9 * mean + 0.1 * grad for mean, grad in zip(means, grads, strict=True)]
        squares = [0.999 * square + 0.001 * grad * grad for square, grad in zip(squares, grads, strict=True)]
        size, root = rate / (1 - 0.9**count), jnp.sqrt(1 - 0.999**count)
        weights = [
            weight - size * mean / (jnp.sqrt(square) / root + 1e-8)
            for weight, mean, square in zip(weights, means, squares, strict=True)
        ]
        return (weights, means, squares, count), losses.mean()

    zeros = [jnp.zeros_like(each) for each in parameters]
    state = (parameters, zeros, zeros, jnp.zeros(()))

    def run(steps: int) -> float:
        nonlocal state
        for _ in range(steps):
            state, mean = step(state)
        return float(mean)

    return run


def _torch_steps(parameters: list[Tensor], loss: Callable[[], Tensor], rate: float) -> Steps:
    adam = torch.optim.Adam(parameters, lr=rate, fused=True)

    def run(steps: int) -> float:
        for _ in range(steps):
            adam.zero_grad()
            summed = loss()
            summed.backward()
            adam.step()
        return float(summed.detach()) / len(parameters[0])

    return run


def _mean_loss(parameters: list[Tensor], places: Tensor, targets: Tensor, omega: float) -> Tensor:
    """The sum over fields of their mean squared errors."""
    x = places
    for index in range(0, len(parameters), 2):
        x = torch.baddbmm(parameters[index + 1], x, parameters[index])
        x = torch.sin(omega * x) if index + 2 < len(parameters) else x
    return (x - targets).square().mean((1, 2)).sum()


WAYS = {"PyTorch bmm": bmm, "PyTorch vmap": vmap, "JAX vmap": jax_vmap}
