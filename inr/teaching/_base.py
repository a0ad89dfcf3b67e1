"""What every teacher is and may ask, and the registry that finds them by name."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inr._parts import Part, Registry
from inr.engines import AnyObjective, Batch
from inr.signals import Signal

teachers = Registry(
    "teacher",
    "inr.teaching._auto",
    "inr.teaching._evos",
    "inr.teaching._expansive",
    "inr.teaching._int",
    "inr.teaching._mint",
    "inr.teaching._nint",
    "inr.teaching._renewed",
    "inr.teaching._sets",
    "inr.teaching._soft",
    "inr.teaching._uniform",
)


@runtime_checkable
class Scorer(Protocol):
    """What a teacher may ask of the field as it stands. It costs time, which counts as the fit's, and is told.

    Attributes:
        scored: samples evaluated for scoring so far, each as often as it was; a tangent product counts three times,
            which is about what it costs.
    """

    scored: int

    def residuals(self, indices: Int[Tensor, " n"] | None = None) -> Float[Tensor, "n c"]:
        """Prediction minus target of some samples, or of all in order, in normalised values; a forward pass."""
        ...

    def tangent(self, residuals: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        """J Jᵀ R of residuals of all samples, J being the Jacobian of all values by all parameters."""
        ...


class Teacher(Part):
    """Chooses the samples of every step. Deterministic under a seed.

    Attributes:
        objective: what is minimised, set before `bind`; the squared error where it is None. Residuals are prediction
            minus target under every objective.
    """

    objective: AnyObjective | None = None

    def bind(self, signal: Signal, steps: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """Prepare for fitting `signal` in `steps` steps of at most `batch` samples, wanted on `device` (none: cpu).

        Raises InrError as `check`.
        """
        raise NotImplementedError

    def check(self, signal: Signal) -> None:
        """Raise InrError for a signal that the teacher has no meaning for, naming what works."""

    def prepare(self) -> float:
        """Compile or load what the first batch would otherwise wait for; seconds that it took."""
        return 0.0

    def select(self, step: int, scorer: Scorer) -> Batch:
        """The samples of step `step`, counted from 0; called once a step, in order."""
        raise NotImplementedError

    def observe(self, batch: Batch, residuals: Float[Tensor, "n c"]) -> None:
        """What the samples of a batch missed in the step that learned from them: prediction minus target."""

    def state(self) -> dict[str, Tensor]:
        """What later steps depend on besides the field, for checkpoints; empty where a step's number is all."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state; called after `bind`."""
