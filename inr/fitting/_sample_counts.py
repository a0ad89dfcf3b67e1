"""How often each sample was learned from, in the stages of a fit."""

import numpy as np

from inr.engines import Batch

STAGES = 4


class SampleCounts:
    """Counts the samples of batches.

    Args:
        size: samples of the signal.
        steps: the fit's horizon.

    Attributes:
        counts: uint32 (stages, size), how often a sample was learned from in each quarter of the fit.
    """

    def __init__(self, size: int, steps: int) -> None:
        self.counts = np.zeros((STAGES, size), np.uint32)
        self._steps = max(steps, 1)

    def add(self, step: int, batch: Batch) -> None:
        """Count the samples of a step.

        Args:
            step: which one, from 0.
            batch: what it learns from.
        """
        stage = min(step * STAGES // self._steps, STAGES - 1)
        np.add.at(self.counts[stage], batch.indices.cpu().numpy(), np.uint32(1))

    def relative(self) -> np.ndarray:
        """How often samples were learned from, against the average of their stage.

        Returns:
            float32 (stages, size), 1 where a sample was chosen as often as on average.
        """
        total = self.counts.sum(axis=1, keepdims=True, dtype=np.float64)
        return (self.counts * (self.counts.shape[1] / np.maximum(total, 1))).astype(np.float32)
