"""What every objective is, the objectives that are one formula of a residual, and the registry of all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr._parts import Part, Registry
from inr.activations import FUNCTIONS
from inr.engines import Batch
from inr.signals import GridSignal, PointPool, Signal

objectives = Registry(
    "objective",
    "inr.objectives._absolute",
    "inr.objectives._digs",
    "inr.objectives._distance",
    "inr.objectives._eikonal",
    "inr.objectives._huber",
    "inr.objectives._occupancy",
    "inr.objectives._regression",
    "inr.objectives._relative",
)

# the elementary functions that a formula is written in: torch's for eager execution, sympy's for engines
Ops: TypeAlias = Any


class PointwiseObjective(Part):
    """An objective that is the mean, over samples and channels, of one formula of a residual.

    The mathematics stands in one place, `formula`. Eager execution calls it with torch's functions and differentiates
    it automatically; engines differentiate it symbolically and generate the code of their kernels from it. A subclass
    that computes its `loss` in another way than by its formula is left to the engine "eager".

    Args:
        signal: what is to be represented.

    Attributes:
        derivative_order: how often the field is differentiated in its coordinates; 0.
        squared: whether the formula is the square of the residual, for which engines have kernels of their own.
        uses_values: whether the formula reads the predicted value besides the residual.
        uses_target: whether it takes the target, as a keyword of that name.
        signal: what is to be represented.
    """

    derivative_order: int = 0
    squared: bool = False
    uses_values: bool = False
    uses_target: bool = False

    def __init__(self, signal: Signal) -> None:
        if isinstance(signal, PointPool):
            raise InrError(
                "this loss compares values, and points of a surface have none; objectives igr and siren-sdf learn from "
                "points with normals, digs without them"
            )
        self.signal = signal

    @staticmethod
    def formula(ops: Ops, residual: Any, value: Any, **constants: Any) -> Any:
        """The loss of one value.

        Args:
            ops: the functions to write it in: sin, cos, exp, tanh, relu, abs, root and reciprocal. Engines have fast
                code for these, sums, products and whole powers.
            residual: prediction minus target, of normalised values, which span [-1, 1].
            value: the prediction. The slope of the loss is that by the residual, while the value is held constant.
            constants: the numbers of `constants`; and `target`, which is constant, where `uses_target`.

        Returns:
            The loss, of the residual's kind: a tensor (n, c) for a tensor (n, c), a symbol for a symbol.
        """
        raise NotImplementedError

    def constants(self) -> Mapping[str, float | Sequence[float]]:
        """The numbers that `formula` takes besides the residual and the value: one for all channels, or one each."""
        return {}

    def coords(self, batch: Batch) -> Float[Tensor, "n d"]:
        """Coordinates of a batch, float32, on the device of its indices."""
        if batch.shifts is None:
            return self.signal.coords(batch.indices)
        return self._grid.shifted_coords(batch.indices, batch.shifts)

    def targets(self, batch: Batch) -> Float[Tensor, "n c"]:
        """The signal's normalised values, float32, less the batch's offsets."""
        if batch.shifts is None:
            values = self.signal.values(batch.indices)
        else:
            values = self._grid.interpolated(batch.indices, batch.shifts)
        return values if batch.offsets is None else values - batch.offsets

    @property
    def _grid(self) -> GridSignal:
        """The signal, where it is one that has values between its samples."""
        if not isinstance(self.signal, GridSignal):
            raise InrError("only signals on grids have values in between their samples: give a batch without shifts")
        return self.signal

    def residuals(self, values: Float[Tensor, "n c"], batch: Batch) -> Float[Tensor, "n c"]:
        """Prediction minus the signal's values, plus the batch's offsets."""
        return values - self.targets(batch)

    def loss(self, residuals: Float[Tensor, "n c"], batch: Batch) -> Float[Tensor, ""]:
        """The mean of the formula over a batch, weighted where the batch has weights.

        Args:
            residuals: what `residuals` gives, the batch's offsets included.
            batch: the samples. Twice an offset is added to the slope by its residual.

        Returns:
            A number that can be differentiated by the residuals.
        """
        missed = residuals if batch.offsets is None else residuals - batch.offsets
        target = self.targets(replace(batch, offsets=None)) if self.uses_values or self.uses_target else None
        value = target + missed.detach() if target is not None and self.uses_values else None
        held = {"target": target} if self.uses_target else {}
        terms = self.formula(FUNCTIONS, missed, value, **held, **self._constants_like(missed))
        if batch.offsets is not None:
            terms = terms + 2 * batch.offsets * missed
        return weighted_mean(terms, batch)

    def _constants_like(self, residuals: Tensor) -> dict[str, Any]:
        """The constants, those of channels as tensors (c,) that go with the residuals."""
        return {
            name: number if isinstance(number, float | int) else residuals.new_tensor(tuple(number))
            for name, number in self.constants().items()
        }


def mean_squared_error(residuals: Float[Tensor, "n c"], batch: Batch) -> Float[Tensor, ""]:
    """The mean of squared residuals over samples and channels, weighted where the batch has weights.

    Args:
        residuals: prediction minus target, float.
        batch: the samples that they are of.

    Returns:
        A scalar of the residuals' dtype.

    >>> inr.objectives.mean_squared_error(torch.tensor([[1.0], [3.0]]), inr.engines.Batch(torch.arange(2))).item()
    5.0
    """
    return weighted_mean(residuals.square(), batch)


def weighted_mean(terms: Float[Tensor, "n c"], batch: Batch) -> Float[Tensor, ""]:
    """The mean of terms times the batch's weights, of samples (n,) or of values (n, c)."""
    if batch.weights is None:
        return terms.mean()
    weights = batch.weights if batch.weights.ndim == 2 else batch.weights[:, None]
    return torch.mean(weights * terms)
