"""Small networks' weights by least squares: residuals, their Jacobian, and Levenberg's and Marquardt's steps."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

# Of the mean curvature, what is added to every one: a weight that changes nothing is not moved.
_RIDGE = 1e-3
# Marquardt's factor: the first, by which it falls and grows, and the least and the most
_DAMPING, _DAMPING_DECREASE, _DAMPING_INCREASE, _MIN_DAMPING, _MAX_DAMPING = 1e-3, 3.0, 4.0, 1e-9, 1e6
# of the loss: a gain so small, three times in a row, is the end
_GAIN, _PATIENCE = 1e-4, 3


class LeastSquares:
    """The mean squared error of a network as a function of its weights, laid end to end.

    Args:
        network: what is computed, on the processor; its own weights count for nothing.
        inputs: (samples, features), float32.
        values: (samples, channels), float32, that the network should have there.

    Attributes:
        count: how many weights there are.
    """

    def __init__(self, network: nn.Module, inputs: Float32[Tensor, "..."], values: Float32[Tensor, "..."]) -> None:
        self._network, self._inputs, self._values = network, inputs, values
        self._shapes = {name: tensor.shape for name, tensor in network.named_parameters()}
        self._sizes = [shape.numel() for shape in self._shapes.values()]
        self.count = sum(self._sizes)

        def alone(weights: Tensor, one: Tensor) -> Tensor:
            found: Tensor = self._values_of(weights, one[None])[0]
            return found

        self._slopes = vmap(jacrev(alone), in_dims=(None, 0))

    def split(self, weights: Tensor) -> dict[str, Tensor]:
        """Tensors by name, as the network has them."""
        parts = weights.split(self._sizes)
        return {name: part.view(shape) for (name, shape), part in zip(self._shapes.items(), parts, strict=True)}

    def join(self, tensors: Mapping[str, Tensor]) -> Float64[Tensor, " count"]:
        """What `split` was given."""
        return torch.cat([tensors[name].detach().reshape(-1).double() for name in self._shapes])

    def residuals(self, weights: Float64[Tensor, " count"]) -> Float64[Tensor, " rows"]:
        """Computed less wanted values, all channels of a sample after each other."""
        with torch.no_grad():
            return (self._values_of(weights.float(), self._inputs) - self._values).reshape(-1).double()

    def loss(self, weights: Float64[Tensor, " count"]) -> float:
        """Mean square of the residuals."""
        return float(self.residuals(weights).square().mean())

    def model(
        self, weights: Float64[Tensor, " count"], moved: Int64[Tensor, " moved"] | None = None
    ) -> tuple[Float64[Tensor, " moved"], Float64[Tensor, "moved moved"]]:
        """Half the loss's gradient, and half its Hessian by Gauss and Newton, in the weights that move (None: all).

        The loss grows by `2 gradient·d + d·hessian·d` where they change by a small `d`.
        """
        with torch.no_grad():
            jacobian = self._slopes(weights.float(), self._inputs).reshape(-1, self.count)
        if moved is not None:
            jacobian = jacobian[:, moved]
        rows = len(jacobian)
        gradient = jacobian.T @ self.residuals(weights).float()
        return gradient.double() / rows, (jacobian.T @ jacobian).double() / rows

    def _values_of(self, weights: Tensor, inputs: Tensor) -> Tensor:
        found: Tensor = functional_call(self._network, self.split(weights), (inputs,))
        return found


def damped(hessian: Float64[Tensor, "n n"], factor: float) -> Float64[Tensor, "n n"]:
    """A Hessian that is certainly positive: a factor times its diagonal is added, and a little of its mean."""
    curvature = hessian.diagonal()
    return hessian + torch.diag(factor * (curvature + _RIDGE * curvature.mean()) + 1e-30)


def levenberg_marquardt(
    problem: LeastSquares,
    weights: Float64[Tensor, " count"],
    moved: Int64[Tensor, " moved"] | None = None,
    *,
    iterations: int,
) -> Float64[Tensor, " count"]:
    """Weights of lower loss, by Gauss-Newton steps damped as Marquardt has it (SIAM J. Appl. Math. 11, 1963).

    Args:
        moved: indices of weights that may move; None: all.
        iterations: at most; it ends before where hardly anything is gained.
    """
    places = torch.arange(problem.count) if moved is None else moved
    least, factor, unchanged = problem.loss(weights), _DAMPING, 0
    for _ in range(iterations):
        gradient, hessian = problem.model(weights, places)
        before = least
        while factor < _MAX_DAMPING:
            tried = weights.clone()
            tried[places] -= torch.linalg.solve(damped(hessian, factor), gradient)
            if (found := problem.loss(tried)) < least:
                weights, least = tried, found
                break
            factor *= _DAMPING_INCREASE
        factor = max(factor / _DAMPING_DECREASE, _MIN_DAMPING)
        unchanged = unchanged + 1 if least > (1 - _GAIN) * before else 0
        if least == before or unchanged >= _PATIENCE or not math.isfinite(least):
            break
    return weights
