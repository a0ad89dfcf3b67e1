"""The absolute error."""

from typing import Any

from inr.objectives._base import Ops, PointwiseObjective, objectives


@objectives.register(
    "l1", formula="|r|, r = f(x) − y(x)", limits="its slope does not fall towards the minimum, learning rates have to"
)
class AbsoluteError(PointwiseObjective):
    """Mean absolute error: an outlier counts by its distance, and fits go through the median.

    For signals with outliers, such as dead pixels or impulse noise, which a squared error would chase.

    Args:
        signal: what is to be represented.

    >>> signal = inr.Signal.from_array(np.zeros((1, 2), np.float32), kind="image")
    >>> objective, batch = inr.objectives.AbsoluteError(signal), inr.engines.Batch(torch.arange(2))
    >>> objective.loss(torch.tensor([[-0.5], [1.5]]), batch).item()
    1.0
    """

    @staticmethod
    def formula(ops: Ops, residual: Any, value: Any, **constants: Any) -> Any:
        """The magnitude of the residual; its slope at 0 is 0."""
        return ops.abs(residual)
