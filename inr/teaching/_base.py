"""What every teacher is, and the registry that finds them by name."""

import torch
from jaxtyping import Float
from torch import Tensor

from inr._parts import Part, Registry
from inr.engines import Batch
from inr.signals import Signal

teachers = Registry("teacher", "inr.teaching._uniform")


class Teacher(Part):
    """Chooses the samples of every step. Deterministic under a seed: the same step gives the same batch."""

    def bind(self, signal: Signal, steps: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """Prepare for fitting `signal` in `steps` steps of at most `batch` samples, wanted on `device` (none: cpu)."""
        raise NotImplementedError

    def prepare(self) -> float:
        """Compile or load what the first batch would otherwise wait for; seconds that it took."""
        return 0.0

    def select(self, step: int) -> Batch:
        """The samples of step `step`, counted from 0."""
        raise NotImplementedError

    def observe(self, batch: Batch, residuals: Float[Tensor, "n c"]) -> None:
        """What the samples of a batch still missed."""
