"""Some points of every set of a pool."""

import numpy as np
import torch

from inr._errors import InrError
from inr.engines import Batch
from inr.signals import PointPool, Signal
from inr.teaching._base import Scorer, Teacher, teachers


@teachers.register(
    "sets", formula="a fixed share of each step's points from every set, drawn uniformly", limits="for pools of points"
)
class Sets(Teacher):
    """Uniform batches of a pool of points, of which every set has its share.

    Points are drawn without replacement within a step, in the order of their numbers.
    """

    def check(self, signal: Signal) -> None:
        """Refuse signals that are no pool of points."""
        if not isinstance(signal, PointPool):
            raise InrError("teacher 'sets' draws from pools of points, not from samples; 'uniform' does")

    def bind(self, signal: Signal, steps: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """See `Teacher.bind`."""
        self.check(signal)
        assert isinstance(signal, PointPool)
        self._pool, self._seed = signal, seed
        self._device = device or torch.device("cpu")
        sizes = np.diff(signal.starts)
        self._counts = [
            min(int(size), max(round(share * batch), int(share > 0)))
            for size, share in zip(sizes, signal.shares, strict=True)
        ]

    def select(self, step: int, scorer: Scorer | None = None) -> Batch:
        """A function of the seed and the step alone."""
        draw = np.random.default_rng((self._seed, step))
        parts = []
        for start, stop, count in zip(self._pool.starts, self._pool.starts[1:], self._counts, strict=False):
            size = stop - start
            # one of each of as many equal runs: as good as without replacement, sorted, and cheap
            places = ((np.arange(count) + draw.random(count)) * (size / max(count, 1))).astype(np.int64)
            parts.append(start + np.minimum(places, size - 1))
        return Batch(torch.from_numpy(np.concatenate(parts)).to(self._device))
