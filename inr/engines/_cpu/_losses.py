"""The last step forward and the first one back: from outputs to residuals, the loss, and its gradient."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from inr.engines._cpu._activations import FUNCTIONS_OF_FORMULAS, NUMBA
from inr.engines._formulas import LossFormula, loss_formula
from inr.engines._objectives import Pointwise
from inr.jit import inline, inline_generated
from inr.jit.vector import POINTERS

_at = POINTERS["float32"]
_one = np.float32(1)


@dataclass(frozen=True)
class Loss:
    """A compiled loop over the outputs of a tile of points.

    Attributes:
        loop: turns outputs (points, channels) into the gradient of the loss by them, adds it to that of the last bias,
            stores the residuals, and gives the sum of the weighted losses; see `_squared_error`.
        source: the code; what it does depends on nothing else besides this package.
        slope: what gradients are multiplied with before they are divided by the number of values.
    """

    loop: Any
    source: str
    slope: float


def loss_of(objective: Pointwise | None) -> Loss:
    """The loop of an objective, made once in a process. Raises Untranslatable.

    The squared error, which is also what a plan without an objective compiles, has a loop of its own: offsets are in
    its targets, and a factor of two less is multiplied.
    """
    if objective is None or objective.squared:
        return _SQUARED
    code = loss_formula(objective, NUMBA)
    return _generated(_source(code))


def _source(code: LossFormula) -> str:
    lines = ["def pointwise(residual, value, numbers_at):", "    numbers = at(numbers_at)"]
    lines += [f"    {name} = numbers[{index}]" for index, name in enumerate(code.constants)]
    lines += [f"    {line}" for line in code.code.lines]
    return "\n".join([*lines, f"    return {', '.join(code.code.results)}"]) + "\n"


@functools.cache
def _generated(source: str) -> Loss:
    pointwise = inline_generated(source, "pointwise", {**FUNCTIONS_OF_FORMULAS, "at": _at, "f": np.float32})
    return Loss(_make_loop(pointwise), source, 1.0)


def _make_loop(pointwise: Any) -> Any:
    @inline
    def loop(
        y: int, y_stride: int, points: int, bias: int, sums: int, targets: Any, importance: Any, added: Any,
        numbers: Any, residuals: Any, point: int, at: int, scale: float,
    ) -> float:  # fmt: skip
        """As `_squared_error`, of any formula. `added` are halves of what is added to slopes, (n, c) or none."""
        channels = targets.shape[1]
        shift, totals = _at(bias), _at(sums)
        factor, two = np.float32(scale), np.float32(2)
        loss = 0.0
        for row in range(points):
            outputs = _at(y + 4 * row * y_stride)
            for channel in range(channels):
                value = outputs[channel] + shift[channel]
                residual = value - targets[point + row, channel]
                cost, slope = pointwise(residual, value, numbers.ctypes.data + 4 * channel * numbers.shape[1])
                if added.shape[0] > 0:
                    more = added[at + point + row, channel]
                    cost += two * more * residual
                    slope += two * more
                    residual += more
                residuals[at + point + row, channel] = residual
                weight = _one
                if importance.shape[1] == 1:
                    weight = importance[at + point + row, 0]
                elif importance.shape[1] > 1:
                    weight = importance[at + point + row, channel]
                loss += weight * cost
                gradient = factor * weight * slope
                outputs[channel] = gradient
                totals[channel] += gradient
        return loss

    return loop


@inline
def _squared_error(
    y: int, y_stride: int, points: int, bias: int, sums: int, targets: Any, importance: Any, added: Any,
    numbers: Any, residuals: Any, point: int, at: int, scale: float,
) -> float:  # fmt: skip
    """Turn outputs into the loss's gradient; residuals are kept, the sum of weighted squares is returned.

    Args:
        y, y_stride: address of the outputs, and the distance of two points in it.
        bias, sums: addresses of the last layer's bias and of its gradient.
        targets: float32 (n, c), of which `points` rows from `point` on are meant.
        importance: (n, 1), (n, c), or (0, 0) where all values count alike; from row `at + point` on, as `residuals`.
        added, numbers: not read, since `targets` hold the offsets, and squares take no constants.
        scale: what gradients are multiplied with.
    """
    channels = targets.shape[1]
    shift, totals = _at(bias), _at(sums)
    factor = np.float32(scale)
    loss = 0.0
    for row in range(points):
        outputs = _at(y + 4 * row * y_stride)
        for channel in range(channels):
            residual = outputs[channel] + shift[channel] - targets[point + row, channel]
            residuals[at + point + row, channel] = residual
            weight = _one
            if importance.shape[1] == 1:
                weight = importance[at + point + row, 0]
            elif importance.shape[1] > 1:
                weight = importance[at + point + row, channel]
            loss += weight * residual * residual
            gradient = factor * weight * residual
            outputs[channel] = gradient
            totals[channel] += gradient
    return loss


_SQUARED = Loss(_squared_error, "", 2.0)
