"""Every sample equally often."""

import time

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from inr.engines import Batch
from inr.jit import GOLDEN_STEP, inline, kernel, mix_bits
from inr.signals import Signal
from inr.teaching._base import Scorer, Teacher, teachers


@teachers.register(
    "uniform", formula="one index drawn uniformly from each of n equal runs of samples", limits="blind to the residuals"
)
class Uniform(Teacher):
    """Stratified uniform batches: the signal is cut into as many equal runs as the batch has samples.

    Each step draws one sample of every run, so that every sample is equally likely, a batch covers the whole
    signal evenly (less gradient noise than independent draws), and its indices are sorted (gathers stay cheap).
    A batch no smaller than the signal is the whole signal, in order.
    """

    def prepare(self) -> float:
        """Compile the kernel that draws, or load it."""
        start = time.perf_counter()
        draw_runs(np.uint64(0), 2, np.empty(2, np.int64))
        return time.perf_counter() - start

    def bind(self, signal: Signal, steps: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """Prepare for fitting `signal` in `steps` steps of at most `batch` samples, wanted on `device` (none: cpu)."""
        self.bind_to(signal.size, batch, seed, device)

    def bind_to(self, size: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """As `bind`, to the first `size` samples of whatever signal."""
        self._device = device or torch.device("cpu")
        self._size = size
        self._batch = min(batch, size)
        self._seed = seed
        self._whole = torch.arange(self._size, device=self._device) if self._batch == self._size else None

    def select(self, step: int, scorer: Scorer | None = None) -> Batch:
        """The samples of step `step`; a function of the seed and the step alone."""
        if self._whole is not None:
            return Batch(self._whole)
        key = self._seed << 32 ^ step
        if self._device.type != "cpu":
            return Batch(drawn_on(self._device, key, self._size, self._batch))
        indices = np.empty(self._batch, np.int64)
        draw_runs(np.uint64(key), self._size, indices)
        return Batch(torch.from_numpy(indices))


def drawn_on(device: torch.device, key: int, size: int, count: int) -> Int[Tensor, " n"]:
    """The indices that `draw_runs` gives, bit for bit, computed on another device: nothing is sent there."""
    bits = _words(key, torch.arange(1, count + 1, 2, device=device))
    halves = torch.stack((bits & 0xFFFFFFFF, bits >> 32 & 0xFFFFFFFF), dim=1).flatten()[:count]
    runs = torch.arange(count, device=device)
    if count % 2:  # the last pair's second number overwrites its first
        halves[-1] = bits[-1] >> 32 & 0xFFFFFFFF
    places = ((runs.double() + halves.double() * 2.0**-32) * (size / count)).long()
    return places.clamp_(max=size - 1)


def random_words(key: int, count: int, device: torch.device) -> Int[Tensor, " n"]:
    """Random numbers of 64 bits, a function of a key of 64 bits; they differ, so that to sort them is to shuffle."""
    return _words(key, torch.arange(1, count + 1, device=device))


def _words(key: int, numbers: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """The random word that belongs to each number, as `draw_runs` has them."""
    start = int(_mixed_there(torch.tensor(_signed(key))))
    return _mixed_there(numbers * _signed(int(GOLDEN_STEP)) + start)


def _mixed_there(bits: Tensor) -> Tensor:
    """`mix_bits` of 64-bit words that torch takes for signed numbers."""
    bits = (bits ^ (bits >> 30 & 2**34 - 1)) * _signed(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> 27 & 2**37 - 1)) * _signed(0x94D049BB133111EB)
    return bits ^ (bits >> 31 & 2**33 - 1)


def _signed(word: int) -> int:
    """A 64-bit word as the signed number of the same bits."""
    return (word + 2**63) % 2**64 - 2**63


@kernel
def draw_runs(key: np.uint64, size: int, indices: np.ndarray) -> None:
    """Draw a number of each of as many equal runs as there are indices, for kernels: what `Uniform` does in a step.

    Two numbers come of every 64 random bits.

    Args:
        key: 2^32 times the seed, plus the step.
        size: numbers lie below it; at least as many as there are indices.
        indices: int64 (n,), which the numbers are written to, in order.
    """
    last = len(indices) - 1
    start = mix_bits(key)
    for i in range(0, last + 1, 2):
        bits = mix_bits(start + np.uint64(i + 1) * GOLDEN_STEP)
        indices[i] = _place(i, bits & np.uint64(0xFFFFFFFF), size, last)
        after = min(i + 1, last)
        indices[after] = _place(after, bits >> np.uint64(32), size, last)


@inline
def _place(run: int, bits: np.uint64, size: int, last: int) -> int:
    """Where in the signal a run's sample lies, by 32 random bits."""
    place = np.int64((run + np.int64(bits) * 2.0**-32) * (size / (last + 1)))
    return min(int(place), size - 1)
