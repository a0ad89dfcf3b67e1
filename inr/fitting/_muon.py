"""Muon: hidden matrices step along their orthogonalised momentum, all other parameters by Adam.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; of neural fields, McGinnis et al.,
"Optimizing Rank for High-Fidelity Implicit Neural Representations", arXiv 2512.14366. A step has all its singular
values near 1, so that no direction of a layer starves, as under Adam, where layers lose their rank.
"""

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.fitting._matrices import MatrixOptimiser
from inr.fitting._optimiser import Gradients, Group, Optimiser, dense

# Of the iteration s <- a s + b s^3 + c s^5, which brings singular values of (0, 1] near 1 in five rounds: steep at 0,
# at the price of ending anywhere in 0.7 to 1.2.
_QUINTIC = (3.4445, -4.7750, 2.0315)
_ROUNDS = 5


class Muon(MatrixOptimiser):
    """Muon for the matrices between a network's first and last one, another optimiser for all other parameters.

    Args:
        groups: of all parameters.
        others: makes the optimiser of first and last layers, biases, and encodings.
        momentum: decay of the mean of gradients, with Nesterov's look ahead.
        factor: of the network's learning rate, for hidden matrices, whose steps are not Adam's in size.

    Raises:
        InrError: no hidden matrices.
    """

    def __init__(
        self,
        groups: list[Group],
        others: Callable[[list[Group]], Optimiser],
        *,
        momentum: float = 0.95,
        factor: float = 10.0,
    ) -> None:
        hidden = _hidden(groups)
        if not hidden:
            raise InrError(
                "optimiser muon moves the matrices between the first and the last layer, and this network has none: "
                "take adam or soap, or a deeper network"
            )
        super().__init__(groups, others, hidden.keys())
        self._hidden = hidden
        self._momentum, self._factor = momentum, factor
        self._means: dict[str, Tensor] = {}

    @torch.no_grad()
    def step(self, grads: Gradients) -> None:
        """Move all parameters."""
        for name, group in self._hidden.items():
            weight, grad = group.parameters[name], dense(grads[name])
            if name not in self._means:
                self._means[name] = torch.zeros_like(grad, memory_format=torch.contiguous_format)
            mean = self._means[name].lerp_(grad, 1 - self._momentum)
            rate = self._factor * group.learning_rate * math.sqrt(max(1, weight.shape[0] / weight.shape[1]))
            weight.sub_(rate * orthogonalised(grad.lerp(mean, self._momentum)))
        self._step_others(grads)

    def state(self) -> dict[str, Tensor]:
        """The hidden matrices' momenta, and the state of the others."""
        return self._others_state() | {f"{name}/exp_avg": mean for name, mean in self._means.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Optimiser.restore`."""
        left = dict(state)
        for name, group in self._hidden.items():
            if f"{name}/exp_avg" in left:
                self._means[name] = left.pop(f"{name}/exp_avg").to(group.parameters[name].device)
        self._restore_others(left)


def orthogonalised(matrix: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """A matrix of the same singular vectors, whose singular values are near 1: from 0.6 to 1.3.

    Singular values below about a thousandth of the root of the sum of squares come less near.

    Args:
        matrix: any.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    found = matrix.T if tall else matrix
    found = found / (found.norm() + 1e-7)
    first, third, fifth = _QUINTIC
    for _ in range(_ROUNDS):
        square = found @ found.T
        found = first * found + (third * square + fifth * square @ square) @ found
    return found.T if tall else found


def _hidden(groups: list[Group]) -> dict[str, Group]:
    """The groups of the hidden matrices, by these's names."""
    found = {
        name: group
        for group in groups
        if group.name != "encoding"
        for name, tensor in group.parameters.items()
        if tensor.ndim == 2 and min(tensor.shape) > 1 and not tensor.is_complex()
    }
    return dict(list(found.items())[1:-1])
