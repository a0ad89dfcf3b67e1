"""Samples that are not learned from, to tell how a field does between those that are."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from inr._errors import InrError
from inr.signals import Signal


class Subset(Signal):
    """Some samples of a signal, on its domain, as values at points: nothing is known of what lies between them.

    Args:
        whole: the signal.
        indices: flat indices (n,) into it, int64, in ascending order.
    """

    def __init__(self, whole: Signal, indices: Int[Tensor, " n"]) -> None:
        super().__init__(whole.samples[indices.numpy()], replace(whole.domain, sampling="point"))
        self._whole = whole
        self._indices = indices
        if whole.positions is not None:
            self.positions = whole.positions[indices.numpy()]

    def coords(self, indices: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """Coordinates of the samples at `indices` (int64) into the subset."""
        return self._whole.coords(self._on(indices.device, "_indices").index_select(0, indices))

    def _coords_of(self, start: int, stop: int) -> Float[Tensor, "n d"]:
        return self._whole.coords(self._indices[start:stop])


def held_out(signal: Signal, share: float, seed: int) -> tuple[Subset, Subset]:
    """The samples to learn from, and a random share of all that is held out.

    Args:
        signal: the whole signal.
        share: of the samples that are held out, between 0 and 1.
        seed: of the random choice.

    Raises:
        InrError: a share that leaves no samples on one side.
    """
    if not 0 < share < 1:
        raise InrError(f"the held-out share lies between 0 and 1, got {share:g}; 0.1 is usual")
    count = round(share * signal.size)
    if not 0 < count < signal.size:
        raise InrError(f"a share of {share:g} of {signal.size} samples leaves none on one side; hold out more or less")
    mixed = np.random.default_rng(seed).permutation(signal.size)
    kept, out = np.sort(mixed[count:]), np.sort(mixed[:count])
    return Subset(signal, torch.from_numpy(kept)), Subset(signal, torch.from_numpy(out))
