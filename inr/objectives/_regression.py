"""The squared error."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from inr.engines import Batch
from inr.objectives._base import Ops, PointwiseObjective, mean_squared_error, objectives


@objectives.register("squared", formula="r², r = f(x) − y(x)", limits="an outlier counts by the square of its distance")
class Regression(PointwiseObjective):
    """Mean squared error between field and signal, over samples and channels; the default.

    Values are normalised to [-1, 1], so that a loss of m is a PSNR of 10 log10(4 / m) dB.

    Args:
        signal: what is to be represented.

    >>> signal = inr.Signal.from_array(np.array([[0, 255]], np.uint8), kind="image")
    >>> batch = inr.engines.Batch(torch.arange(2))
    >>> objective = inr.objectives.Regression(signal)
    >>> missed = objective.residuals(torch.zeros(2, 1), batch)
    >>> missed.tolist()
    [[1.0], [-1.0]]
    >>> objective.loss(missed, batch).item()
    1.0
    """

    squared = True

    @staticmethod
    def formula(ops: Ops, residual: Any, value: Any, **constants: Any) -> Any:
        """The square of the residual."""
        return residual * residual

    def loss(self, residuals: Float[Tensor, "n c"], batch: Batch) -> Float[Tensor, ""]:
        """Mean of the squared residuals, offsets included, weighted where the batch has weights."""
        return mean_squared_error(residuals, batch)
