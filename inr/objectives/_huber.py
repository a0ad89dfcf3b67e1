"""Huber's loss."""

from collections.abc import Mapping
from typing import Annotated, Any

from inr._parts import Range
from inr.objectives._base import Ops, PointwiseObjective, objectives
from inr.signals import Signal


@objectives.register(
    "huber", source="Huber, Annals of Mathematical Statistics 1964",
    formula="r² where |r| ≤ δ, else 2 δ |r| − δ², r = f(x) − y(x)",
)  # fmt: skip
class Huber(PointwiseObjective):
    """Squared error of small residuals, absolute error of large ones.

    With a large `delta` it is the squared error, and with a small one 2 `delta` times the absolute error. It is twice
    the published loss, so that small residuals count as with the squared error.

    Args:
        signal: what is to be represented.

    >>> signal = inr.Signal.from_array(np.zeros((1, 2), np.float32), kind="image")
    >>> objective, batch = inr.objectives.Huber(signal, delta=0.5), inr.engines.Batch(torch.arange(2))
    >>> objective.loss(torch.tensor([[0.25], [-1.0]]), batch).item()  # the mean of 1/16 and 3/4
    0.40625
    """

    def __init__(
        self,
        signal: Signal,
        *,
        delta: Annotated[
            float, Range(0, 4, above=True), "residual at which the error turns from squared to absolute; values span 2"
        ] = 0.1,
    ) -> None:
        super().__init__(signal)
        self._delta = delta

    def constants(self) -> Mapping[str, float]:
        """The residual at which the loss turns."""
        return {"delta": self._delta}

    @staticmethod
    def formula(ops: Ops, residual: Any, value: Any, **constants: Any) -> Any:
        """With m the magnitude of the residual and c the smaller of m and delta, c (2 m - c)."""
        delta, magnitude = constants["delta"], ops.abs(residual)
        clipped = delta - ops.relu(delta - magnitude)
        return clipped * (2 * magnitude - clipped)
