"""Every channel a learner, which is taught what it misses most itself."""

import time
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from inr._parts import Range
from inr.jit import kernel
from inr.teaching._base import teachers
from inr.teaching._int import INT
from inr.teaching._schedules import Interval, Schedule

_TALKING = 100  # steps at whose beginning learners communicate
_DESCENTS = 5000
_RATE = 1e-4
_CLOSE = 1e-4  # a misfit at which the descent ends


@teachers.register(
    "mint",
    source="Zhang et al., NeurIPS 2023",
    formula="per channel c: argmax-k of |f_c(x) − y_c(x)| over a pool",
    limits="scores a pool by forward passes; with one channel it is int",
)
class MINT(INT):
    """Learn in each channel from the samples with the largest residuals there (teaching of several learners).

    As the teacher "int", which it equals where there is one channel, except that each channel chooses a subset of its
    own, by the absolute residuals of its own values. A step's samples are the union of the subsets, and a value that
    its channel did not choose has no weight. With n samples in the subset of every channel and m in the union, the
    others weigh m / n: the engines' loss, the mean over the m c values of w r², is then the mean over channels of the
    mean squared error of their own subsets. Random samples (`mix`) are, as far as can be, the same for all channels.

    With `communication`, a selection within the first 100 steps goes by the residuals of A f instead of those of the
    predictions f. A is a c x c matrix whose rows are divided by their sums; from the identity it descends along the
    gradient of the norm ‖A f - f*‖ over the pool, 5,000 times at most, at a rate of 1e-4, until the norm is below
    1e-4 or would grow. Values count in [0, 1] there, as published.

    What is published teaches functions of a space with a kernel, one sample a step and learner, and goes on from A f
    instead of f. Subsets with ratio, schedule and interval are the teacher "int"'s, the weights are ours, and a
    network's outputs cannot be replaced: here A decides what is taught, and never what is learned.
    """

    def __init__(
        self,
        *,
        ratio: Annotated[float, Range(0, 1, above=True), "share of the pool each channel learns from, at first"] = 0.2,
        schedule: Annotated[Schedule, "how the ratio changes until the end"] = "step",
        interval: Annotated[Interval, "at which steps samples are chosen anew; void: at none, all are used"] = (
            "incremental"
        ),
        mix: Annotated[float, Range(0, 1), "share of the subsets that is drawn at random instead"] = 0.0,
        communication: Annotated[bool, "let channels predict from each other before samples are chosen"] = False,
    ) -> None:
        super().__init__(ratio=ratio, schedule=schedule, interval=interval, mix=mix)
        self._communication = communication

    def prepare(self) -> float:
        """Compile the kernels that draw and that fit A, or load them."""
        seconds = super().prepare()
        if not self._communication:
            return seconds
        start = time.perf_counter()
        _descend(np.zeros((1, 1)), np.zeros((1, 1)), 0.0, np.eye(1))
        return seconds + time.perf_counter() - start

    def _scores(
        self, step: int, pool: Int[Tensor, " n"], residuals: Float[Tensor, "n c"]
    ) -> Float[Tensor, "n learners"]:
        if self._communication and step < _TALKING and self._signal.channels > 1:
            predictions = self._signal.values(pool) + residuals
            change = communication_matrix(predictions, residuals) - torch.eye(residuals.shape[1])
            residuals = residuals + predictions @ change.T.to(predictions)
        return residuals.abs()


def communication_matrix(predictions: Float[Tensor, "n c"], residuals: Float[Tensor, "n c"]) -> Float[Tensor, "c c"]:
    """The matrix by which the learners of channels communicate in multi-learner nonparametric teaching (MINT).

    Args:
        predictions: (n, c), in [-1, 1].
        residuals: (n, c), predictions minus targets.

    Returns:
        A (c, c), float32, on the processor, by which channels predict from each other; the identity if none helps.
    """
    # halved, they are as values in [0, 1]: rows of A sum to 1, so that it does not matter where zero is
    known, missed = predictions.T.double() / 2, residuals.T.double() / 2
    products = torch.cat([known @ known.T, missed @ known.T]).cpu().numpy()
    within, between = np.split(products, 2)
    matrix = np.eye(len(within))
    _descend(within, between, float(missed.square().sum()), matrix)
    return torch.from_numpy(matrix).float()


@kernel
def _descend(within: np.ndarray, between: np.ndarray, square: float, matrix: np.ndarray) -> None:
    """Descend from `matrix`, the identity, to rows that sum to 1 and lower the norm of A f - f*.

    That is ‖D f + r‖ with D = A - 1 and r = f - f*: its square and slopes need only `within`, f fᵀ, `between`, r fᵀ,
    and `square`, ‖r‖². What descends are numbers that become A when every row is divided by its sum.
    """
    size = len(matrix)
    raw = matrix.copy()
    slopes = np.empty((size, size))
    trial = matrix.copy()
    last = np.inf
    for _ in range(_DESCENTS + 1):
        norm = square
        for j in range(size):
            for k in range(size):
                slope = between[j, k]
                for i in range(size):
                    slope += (trial[j, i] - (1.0 if i == j else 0.0)) * within[i, k]
                norm += (trial[j, k] - (1.0 if k == j else 0.0)) * (slope + between[j, k])
                slopes[j, k] = slope
        norm = np.sqrt(max(norm, 0.0))
        if not norm <= last:  # NaN ends it too
            return
        matrix[:] = trial
        if norm <= _CLOSE:
            return
        last = norm
        for j in range(size):
            total, along = 0.0, 0.0
            for k in range(size):
                total += raw[j, k]
                along += slopes[j, k] * trial[j, k]
            for k in range(size):
                raw[j, k] -= _RATE * (slopes[j, k] - along) / (total * norm)
            total = 0.0
            for k in range(size):
                total += raw[j, k]
            for k in range(size):
                trial[j, k] = raw[j, k] / total
