"""Where in the cells of their samples the places lie that a step learns from."""

from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr.jit import GOLDEN_STEP, kernel, mix_bits
from inr.signals import GridSignal, Signal

# A place of a signal that is sampled at points is at the sample itself with this chance; so is a frame of a video.
ON_LATTICE = 0.5


class Places(Protocol):
    """Draws places in cells."""

    def shifts(self, step: int, count: int) -> Float[Tensor, "n d"]:
        """From the centres of cells, in cells, for `count` samples of a step."""


def places_of(signal: Signal, seed: int, device: torch.device) -> "CellPlaces | None":
    """What draws the places of a signal's fit; None where only its samples have values.

    Args:
        signal: what is learned.
        seed: equal seeds give equal places.
        device: where they are wanted.
    """
    return CellPlaces(signal, seed, device) if isinstance(signal, GridSignal) else None


class CellPlaces:
    """Draws places evenly from cells; where samples are points, half of them at the samples themselves.

    Args:
        signal: on a grid.
        seed: from 0 to 2^32 - 1.
        device: where the shifts are wanted.
    """

    def __init__(self, signal: GridSignal, seed: int, device: torch.device) -> None:
        domain = signal.domain
        self._device, self._seed, self._axes = device, seed, domain.in_dim
        share = ON_LATTICE if domain.sampling == "point" else 0.0
        self._chances = np.full(domain.in_dim, share, np.float32)
        if domain.kind == "video":
            self._chances[2] = ON_LATTICE

    def shifts(self, step: int, count: int) -> Float[Tensor, "n d"]:
        """From the centres of cells, in cells, from -1/2 to 1/2.

        Args:
            step: of the fit; the shifts are a function of the seed and the step alone.
            count: samples.

        Returns:
            float32 (count, d), columns x, y(, z)(, t).
        """
        found = np.empty((count, self._axes), np.float32)
        _fill(np.uint64(self._seed << 32 ^ step), self._chances, found)
        return torch.from_numpy(found).to(self._device, non_blocking=True)


@kernel
def _fill(key: np.uint64, chances: np.ndarray, shifts: np.ndarray) -> None:
    """Random shifts; one number decides for all axes of a sample whether each stays where it is, by its chance."""
    start = mix_bits(key ^ np.uint64(0xD1B54A32D192ED03))
    for row in range(shifts.shape[0]):
        bits = mix_bits(start + np.uint64(row + 1) * GOLDEN_STEP)
        # 24 bits decide whether a sample stays where it is, of each axis the next word has 32
        still = np.float32(bits >> np.uint64(40)) * np.float32(2.0**-24)
        for axis in range(shifts.shape[1]):
            bits = mix_bits(bits + GOLDEN_STEP)
            if still < chances[axis]:
                shifts[row, axis] = np.float32(0.0)
            else:
                shifts[row, axis] = np.float32(bits >> np.uint64(40)) * np.float32(2.0**-24) - np.float32(0.5)
