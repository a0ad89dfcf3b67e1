"""Every sample equally often."""

import torch

from inr.engines import Batch
from inr.signals import Signal
from inr.teaching._base import Teacher, teachers


@teachers.register("uniform")
class Uniform(Teacher):
    """Stratified uniform batches: the signal is cut into as many equal runs as the batch has samples.

    Each step draws one sample of every run, so that every sample is equally likely, a batch covers the whole
    signal evenly (less gradient noise than independent draws), and its indices are sorted (gathers stay cheap).
    A batch no smaller than the signal is the whole signal, in order.
    """

    def bind(self, signal: Signal, steps: int, batch: int, seed: int) -> None:
        """Prepare for fitting `signal` in `steps` steps of at most `batch` samples."""
        self._size = signal.size
        self._batch = min(batch, signal.size)
        self._seed = seed
        self._strata = torch.arange(self._batch)

    def select(self, step: int) -> Batch:
        """The samples of step `step`; a function of the seed and the step alone."""
        if self._batch == self._size:
            return Batch(self._strata)
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        jitter = torch.rand(self._batch, generator=generator, dtype=torch.float64)
        jitter += self._strata
        indices = (jitter * (self._size / self._batch)).long()
        return Batch(indices.clamp_(max=self._size - 1))
