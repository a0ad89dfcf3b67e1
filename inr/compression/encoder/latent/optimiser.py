"""SOAP for the networks beside latent grids, in one compiled call: they are small, and steps are many.

The mathematics is that of `inr.fitting.Soap` with decoupled weight decay; each of PyTorch's operators on a matrix of a
hundred numbers would cost more than all of it here.
"""

import time
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from inr.compression.bitstream.latent.layout import Layout
from inr.fitting import Gradients, Group, LearningRates, Optimiser, dense
from inr.jit import inline, kernel

_BETAS, _COVARIANCE_DECAY, _EPS = (0.95, 0.95), 0.95, 1e-8
_STATE = ("mean", "square", "rows", "columns", "row_basis", "column_basis")


class NetworkOptimiser(Optimiser):
    """SOAP (Vyas et al., ICLR 2025) for the matrices among the parameters, with their biases; Adam for what is left.

    Moments and bases are float64 and in main memory, wherever the parameters are.

    Args:
        group: of one parameter, the vector of all that `layout` names; float32.
        layout: which matrices it holds. A 3x3 kernel is one of a row for each output.
        soap: whether matrices are turned; otherwise Adam moves them too, with the same constants.
        decay: what is taken from parameters, times the learning rate.

    Attributes:
        basis_interval: steps from one turn of the bases to the next.
    """

    def __init__(self, group: Group, layout: Layout, *, soap: bool = True, decay: float = 0.0) -> None:
        super().__init__([group])
        self._parameter = next(iter(group.parameters.values()))
        self._decay = decay
        self.basis_interval = 10
        self._order, self._matrices, row_numbers, column_numbers = _plan(layout, soap)
        count = len(self._order)
        sizes = (count, count, row_numbers, column_numbers, row_numbers, column_numbers)
        self._state = {name: np.zeros(size) for name, size in zip(_STATE, sizes, strict=True)}
        self._steps = 0

    def set_learning_rates(self, learning_rates: LearningRates, factor: float) -> None:
        """The fit sets the rate of its group itself."""

    def prepare(self) -> float:
        """See `Optimiser.prepare`."""
        start = time.perf_counter()
        state = [np.zeros(1) for _ in range(6)]
        _move(np.zeros(1), np.zeros(1), np.zeros((0, 5), np.int64), *state, np.zeros(8), False, False)
        return time.perf_counter() - start

    def reset(self) -> None:
        """Forget all steps."""
        self._steps = 0
        for each in self._state.values():
            each[:] = 0

    def step(self, grads: Gradients) -> None:
        """Move all parameters; the first step of matrices only measures their covariances."""
        self._steps += 1
        group = self.groups[0]
        (grad,) = (dense(each) for each in grads.values())
        gradient = grad.detach().cpu().numpy().astype(np.float64)[self._order]
        values = self._parameter.detach()
        joined = values.cpu().numpy().astype(np.float64)[self._order]
        first, second = _BETAS
        count = self._steps
        # matrices are a step behind, as their first one is for their bases
        numbers = np.array([
            group.learning_rate, self._decay, first, second,
            1 - first**count, 1 - second**count, 1 - first ** max(count - 1, 1), 1 - second ** max(count - 1, 1),
        ])  # fmt: skip
        if count == 1:
            self._begin(gradient)
        turn = count > 1 and (count - 1) % self.basis_interval == 0
        _move(joined, gradient, self._matrices, *self._state.values(), numbers, count == 1, turn)
        moved = np.empty(len(joined), np.float32)
        moved[self._order] = joined
        values.copy_(torch.from_numpy(moved))

    def state(self) -> dict[str, Tensor]:
        """Moments, covariances, bases and the number of steps."""
        found = {f"networks/{name}": torch.from_numpy(each) for name, each in self._state.items()}
        return {**found, "networks/step": torch.tensor(float(self._steps))}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Optimiser.restore`."""
        for name, each in self._state.items():
            each[:] = state[f"networks/{name}"].cpu().numpy()
        self._steps = int(state["networks/step"])

    def _begin(self, gradient: np.ndarray) -> None:
        """Covariances of the first gradient, and their eigenvectors, those of the largest eigenvalues first."""
        for place, rows, columns, row_place, column_place in self._matrices:
            if not rows:
                continue
            grad = gradient[place : place + rows * columns].reshape(rows, columns)
            for covariance, name, basis, size, begin in (
                (grad @ grad.T, "rows", "row_basis", rows, row_place),
                (grad.T @ grad, "columns", "column_basis", columns, column_place),
            ):
                part = slice(begin, begin + size * size)
                self._state[name][part] = covariance.ravel()
                self._state[basis][part] = np.linalg.eigh(covariance + 1e-30 * np.eye(size))[1][:, ::-1].ravel()


def _plan(layout: Layout, soap: bool) -> tuple[np.ndarray, np.ndarray, int, int]:
    """In which order numbers stand, biases as the last column of their matrices, and what they are.

    Returns:
        Places in the vector of all parameters, int64; of every matrix where it begins among them, how many rows and
        columns it has (0 rows for a vector), and where its covariances begin, int64 (matrices, 5); and how many
        numbers the covariances of all rows, and of all columns, have.
    """
    numbers = np.arange(layout.parameters)
    order: list[np.ndarray] = []
    matrices, place, row_place, column_place = [], 0, 0, 0
    for name, shape in layout.tensors.items():
        owner = name.removesuffix("bias") + "weight"
        if name.endswith("bias") and owner in layout.tensors:
            continue
        part = numbers[layout.slices[name]].reshape(shape[0], -1)
        bias = name.removesuffix("weight") + "bias"
        if name.endswith("weight") and bias in layout.tensors:
            part = np.concatenate([part, numbers[layout.slices[bias]][:, None]], axis=1)
        rows, columns = part.shape if soap and len(shape) > 1 else (0, part.size)
        matrices.append((place, rows, columns, row_place, column_place))
        order.append(part.ravel())
        place += part.size
        if rows:
            row_place, column_place = row_place + rows**2, column_place + columns**2
    return np.concatenate(order), np.array(matrices, np.int64).reshape(-1, 5), row_place, column_place


@inline
def _turned(left, middle, right):  # type: ignore[no-untyped-def]
    """leftᵀ middle right."""
    m, n = middle.shape
    half = np.zeros((m, n))
    for k in range(m):
        for i in range(m):
            factor = left[k, i]
            for j in range(n):
                half[i, j] += factor * middle[k, j]
    found = np.zeros((m, n))
    for i in range(m):
        for k in range(n):
            factor = half[i, k]
            for j in range(n):
                found[i, j] += factor * right[k, j]
    return found


@inline
def _add_covariance(mean, grad):  # type: ignore[no-untyped-def]
    """Let a decaying mean of grad gradᵀ go on."""
    m, n = grad.shape
    for i in range(m):
        for k in range(i + 1):
            total = 0.0
            for j in range(n):
                total += grad[i, j] * grad[k, j]
            mean[i, k] += (1 - _COVARIANCE_DECAY) * (total - mean[i, k])
            mean[k, i] = mean[i, k]


@inline
def _turn(basis, covariance):  # type: ignore[no-untyped-def]
    """One step of orthogonal iteration, largest eigenvalues first; the order in which the old vectors were taken."""
    size = basis.shape[0]
    product = np.zeros((size, size))  # its rows are the covariance times the basis' columns
    for column in range(size):
        for k in range(size):
            factor = basis[k, column]
            for i in range(size):
                product[column, i] += factor * covariance[k, i]
    values = np.zeros(size)
    for column in range(size):
        for i in range(size):
            values[column] -= basis[i, column] * product[column, i]
    order = _sorted(values)
    for column in range(size):
        vector = product[order[column]].copy()
        own = _norm(vector)
        for _ in range(2):  # once leaves what rounding brought in
            for before in range(column):
                share = 0.0
                for i in range(size):
                    share += vector[i] * basis[i, before]
                for i in range(size):
                    vector[i] -= share * basis[i, before]
        norm = _norm(vector)
        if norm <= 1e-12 * own or norm < 1e-150:  # nothing is left: any direction that is at right angles
            norm = _fresh_direction(basis, column, vector)
        for i in range(size):
            basis[i, column] = vector[i] / norm
    return order


@inline
def _sorted(values):  # type: ignore[no-untyped-def]
    """The order of a few numbers from the smallest, equal ones as they stand; compiled sooner than NumPy's."""
    order = np.arange(values.size)
    for end in range(1, values.size):
        moved, place = order[end], end
        while place > 0 and values[moved] < values[order[place - 1]]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = moved
    return order


@inline
def _norm(vector):  # type: ignore[no-untyped-def]
    total = 0.0
    for number in vector:
        total += number * number
    return np.sqrt(total)


@inline
def _fresh_direction(basis, column, vector):  # type: ignore[no-untyped-def]
    """Write into `vector` what is at right angles to the first columns of a basis; its norm."""
    size = basis.shape[0]
    best, most = 0, -1.0
    for axis in range(size):  # the axis that these span least
        left = 1.0
        for before in range(column):
            left -= basis[axis, before] * basis[axis, before]
        if left > most:
            best, most = axis, left
    for i in range(size):
        vector[i] = 0.0
    vector[best] = 1.0
    for _ in range(2):
        for before in range(column):
            share = 0.0
            for i in range(size):
                share += vector[i] * basis[i, before]
            for i in range(size):
                vector[i] -= share * basis[i, before]
    return _norm(vector)


@kernel
def _move(  # type: ignore[no-untyped-def]
    values, gradient, matrices, mean, square, rows, columns, row_basis, column_basis, numbers, first_step, turn
):
    """A step with all vectors, and all matrices but in the first one, whether or not bases are turned after it.

    `numbers` are learning rate, weight decay, betas, and the bias corrections of vectors and of matrices.
    """
    rate, decay, first, second = numbers[0], numbers[1], numbers[2], numbers[3]
    for index in range(matrices.shape[0]):
        place, m, n = matrices[index, 0], matrices[index, 1], matrices[index, 2]
        if m == 0:
            for i in range(place, place + n):
                mean[i] += (1 - first) * (gradient[i] - mean[i])
                square[i] += (1 - second) * (gradient[i] * gradient[i] - square[i])
                found = mean[i] / numbers[4] / (np.sqrt(square[i] / numbers[5]) + _EPS)
                values[i] -= rate * (found + decay * values[i])
            continue
        if first_step:
            continue
        size = m * n
        grad = gradient[place : place + size].reshape(m, n)
        left = row_basis[matrices[index, 3] : matrices[index, 3] + m * m].reshape(m, m)
        right = column_basis[matrices[index, 4] : matrices[index, 4] + n * n].reshape(n, n)
        row_mean = rows[matrices[index, 3] : matrices[index, 3] + m * m].reshape(m, m)
        column_mean = columns[matrices[index, 4] : matrices[index, 4] + n * n].reshape(n, n)
        average = mean[place : place + size].reshape(m, n)
        squares = square[place : place + size].reshape(m, n)
        for i in range(m):
            for j in range(n):
                average[i, j] += (1 - first) * (grad[i, j] - average[i, j])
        turned = _turned(left, grad, right)
        step = _turned(left, average, right)
        for i in range(m):
            for j in range(n):
                squares[i, j] += (1 - second) * (turned[i, j] * turned[i, j] - squares[i, j])
                step[i, j] = step[i, j] / numbers[6] / (np.sqrt(squares[i, j] / numbers[7]) + _EPS)
        step = _turned(left.T.copy(), step, right.T.copy())
        for i in range(m):
            for j in range(n):
                values[place + i * n + j] -= rate * (step[i, j] + decay * values[place + i * n + j])
        _add_covariance(row_mean, grad)
        _add_covariance(column_mean, grad.T.copy())
        if turn:
            order = _turn(left, row_mean)
            kept = squares.copy()
            for i in range(m):
                for j in range(n):
                    squares[i, j] = kept[order[i], j]
            order = _turn(right, column_mean)
            kept = squares.copy()
            for i in range(m):
                for j in range(n):
                    squares[i, j] = kept[i, order[j]]
