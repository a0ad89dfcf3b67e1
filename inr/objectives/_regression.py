"""Reproduce the signal's values."""

from jaxtyping import Float
from torch import Tensor

from inr.engines import Batch
from inr.signals import Signal


class Regression:
    """Mean squared error between field and signal, over samples and channels, in normalised values."""

    derivative_order = 0
    squared = True

    def __init__(self, signal: Signal) -> None:
        self.signal = signal

    def coords(self, batch: Batch) -> Float[Tensor, "n d"]:
        """Coordinates of a batch, on the device of its indices."""
        return self.signal.coords(batch.indices)

    def residuals(self, values: Float[Tensor, "n c"], batch: Batch) -> Float[Tensor, "n c"]:
        """Prediction minus the signal's values, plus the batch's offsets."""
        return values - self.targets(batch)

    def targets(self, batch: Batch) -> Float[Tensor, "n c"]:
        """The signal's values, less the batch's offsets."""
        values = self.signal.values(batch.indices)
        return values if batch.offsets is None else values - batch.offsets

    def loss(self, residuals: Float[Tensor, "n c"], batch: Batch) -> Float[Tensor, ""]:
        """Mean of the squared residuals, weighted where the batch has weights."""
        squared = residuals.square()
        if batch.weights is None:
            return squared.mean()
        weights = batch.weights if batch.weights.ndim == 2 else batch.weights[:, None]
        return (weights * squared).mean()
