"""SOAP: Adam in the eigenbasis of each matrix's gradient covariances, for small networks fitted for long.

Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam", ICLR 2025. A layer's gradient G has the covariances
L of its rows and R of its columns, as decaying means of G Gᵀ and Gᵀ G; with their eigenvectors Q_L and Q_R, Adam's
second moments are those of Q_Lᵀ G Q_R, and its step is turned back. Eigenvectors follow by one step of orthogonal
iteration now and then. A layer's bias is taken for a further column of its matrix.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from inr.fitting._matrices import MatrixOptimiser
from inr.fitting._optimiser import Gradients, Group, Optimiser, dense

# steps below which Adam gets further, for bases have yet to be found (tiny pictures: 60 steps -7 dB, 300 steps +4 dB)
_MIN_STEPS = 200
_STATE = ("exp_avg", "exp_avg_sq", "rows", "columns", "row_basis", "column_basis")


class _Layer(NamedTuple):
    """A matrix, and the bias that goes with it."""

    name: str
    group: Group
    weight: Tensor
    bias: str | None


class Soap(MatrixOptimiser):
    """SOAP for matrices, another optimiser for all other parameters.

    Args:
        groups: of all parameters.
        others: makes the optimiser of those that are no matrices nor biases of such.
        betas: decay of the first and the second moment.
        covariance_decay: of the means of G Gᵀ and Gᵀ G.
        basis_interval: steps from one turn of the bases to the next.
        eps: what is added to the root of the second moment.
        max_side: rows and columns up to which a matrix is taken; turning larger ones costs more than it brings.
    """

    def __init__(
        self,
        groups: list[Group],
        others: Callable[[list[Group]], Optimiser],
        *,
        betas: tuple[float, float] = (0.95, 0.95),
        covariance_decay: float = 0.95,
        basis_interval: int = 5,
        eps: float = 1e-8,
        max_side: int = 1024,
    ) -> None:
        layers = [layer for group in groups for layer in _layers(group, max_side)]
        super().__init__(groups, others, {name for layer in layers for name in (layer.name, layer.bias) if name})
        self._layers = layers
        self._betas, self._covariance_decay, self._eps = betas, covariance_decay, eps
        self._basis_interval = basis_interval
        self._state: dict[str, dict[str, Tensor]] = {}
        self._steps = 0

    @torch.no_grad()
    def step(self, grads: Gradients) -> None:
        """Move all parameters; the first step only measures the covariances."""
        self._steps += 1
        for layer in self._layers:
            grad = dense(grads[layer.name])
            if layer.bias:
                grad = torch.cat([grad, dense(grads[layer.bias])[:, None]], dim=1)
            if layer.name not in self._state:
                self._state[layer.name] = _first_state(grad)
                continue
            move = layer.group.learning_rate * self._step(self._state[layer.name], grad, self._steps - 1)
            layer.weight.sub_(move[:, : layer.weight.shape[1]])
            if layer.bias:
                layer.group.parameters[layer.bias].sub_(move[:, -1])
        self._step_others(grads)

    def state(self) -> dict[str, Tensor]:
        """The layers' moments, covariances and bases, and the state of the others."""
        found = self._others_state()
        steps = torch.tensor(float(self._steps))
        for name, state in self._state.items():
            found |= {f"{name}/{key}": tensor for key, tensor in (*state.items(), ("step", steps))}
        return found

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Optimiser.restore`."""
        left = dict(state)
        for layer in self._layers:
            if f"{layer.name}/step" in left:
                self._steps = int(left.pop(f"{layer.name}/step"))
                kept = {key: left.pop(f"{layer.name}/{key}").to(layer.weight.device) for key in _STATE}
                self._state[layer.name] = kept
        self._restore_others(left)

    def _step(self, state: dict[str, Tensor], grad: Tensor, count: int) -> Tensor:
        """The step for a learning rate of 1, the `count`-th one; the state goes on."""
        left, right = state["row_basis"], state["column_basis"]
        first, second = self._betas
        state["exp_avg"].lerp_(grad, 1 - first)
        turned = left.T @ grad @ right
        state["exp_avg_sq"].lerp_(turned.square(), 1 - second)
        mean = (left.T @ state["exp_avg"] @ right) / (1 - first**count)
        found = left @ (mean / ((state["exp_avg_sq"] / (1 - second**count)).sqrt() + self._eps)) @ right.T
        state["rows"].lerp_(grad @ grad.T, 1 - self._covariance_decay)
        state["columns"].lerp_(grad.T @ grad, 1 - self._covariance_decay)
        if count % self._basis_interval == 0:
            for basis, covariance, axis in (("row_basis", "rows", 0), ("column_basis", "columns", 1)):
                _turn(state, basis, covariance, axis)
        return found


def recommended_optimiser(steps: int) -> str:
    """The optimiser that gets further in so many steps with a small network.

    Args:
        steps: of the fit.

    Returns:
        "soap" from 200 steps on, and "adam" for fewer.
    """
    return "soap" if steps >= _MIN_STEPS else "adam"


def _layers(group: Group, max_side: int) -> Sequence[_Layer]:
    found = []
    for name, tensor in group.parameters.items():
        if tensor.ndim != 2 or tensor.is_complex() or max(tensor.shape) > max_side or group.name == "encoding":
            continue  # tables of encodings are no matrices
        bias = name.removesuffix("weight") + "bias"
        fits = name.endswith("weight") and bias in group.parameters
        fits = fits and group.parameters[bias].shape == tensor.shape[:1]
        found.append(_Layer(name, group, tensor, bias if fits else None))
    return found


def _first_state(grad: Tensor) -> dict[str, Tensor]:
    # Contiguous as a checkpoint restores them: in another layout, products may be rounded differently after a resume.
    rows, columns = (grad @ grad.T).contiguous(), (grad.T @ grad).contiguous()
    mean, square = (torch.zeros(grad.shape, dtype=grad.dtype, device=grad.device) for _ in range(2))
    row_basis, column_basis = (torch.linalg.eigh(each)[1].flip(1).contiguous() for each in (rows, columns))
    return {
        "exp_avg": mean, "exp_avg_sq": square, "rows": rows, "columns": columns,
        "row_basis": row_basis, "column_basis": column_basis,
    }  # fmt: skip


def _turn(state: dict[str, Tensor], basis: str, covariance: str, axis: int) -> None:
    """One step of orthogonal iteration, largest eigenvalues first; the moments are put in the same order."""
    old, matrix = state[basis], state[covariance]
    order = (old * (matrix @ old)).sum(0).argsort(descending=True, stable=True)
    state["exp_avg_sq"] = state["exp_avg_sq"].index_select(axis, order).contiguous()
    state[basis] = torch.linalg.qr(matrix @ old[:, order])[0].contiguous()
