"""Steps as programs that stay the same, for loops that run without the interpreter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from inr.engines._batch import RowSparse, Tensors
from inr.jit import Call
from inr.signals import Signal


@dataclass(frozen=True)
class StepProgram:
    """What a plan does for signals of one shape in steps of one size: calls whose arguments stand at fixed places.

    A loop writes where a signal's `own_arrays` stand into the `slots`, the cells of its samples into `cells`, where
    that has room, and runs `begin`. For every step it writes the cells to learn from into `indices`, where that has
    room, runs `step`, and finds the gradients and the sum of the squared residuals. All of it is one thread's work.

    Attributes:
        begin, step, whole: calls for `inr.jit.run_inline`; `whole` evaluates all samples.
        slots: int64 (m, w), where the addresses of a signal's w own arrays go, in m calls.
        indices: int64 (n,), flat cells of a step's samples; (0,) where every step learns from all of them.
        cells: int64 (size,), flat cells of all samples; (0,) where none is missing.
        loss: float64, whose first number is the sum of a step's squared residuals.
        grads: the gradients of a step by the names of the field's parameters.
        values, targets: float32 (size, c), of all samples: what `whole` gives, and what should be.
    """

    begin: Sequence[Call]
    step: Sequence[Call]
    whole: Sequence[Call]
    slots: Int64[np.ndarray, "m w"]
    indices: Int64[np.ndarray, " n"]
    cells: Int64[np.ndarray, " cells"]
    loss: Float64[np.ndarray, "..."]
    grads: Mapping[str, Tensor | RowSparse]
    values: Float32[np.ndarray, "size c"]
    targets: Float32[np.ndarray, "size c"]


@dataclass(frozen=True)
class Course:
    """What the steps of a fit by Adam are, as numbers, for loops that take them without the interpreter.

    Attributes:
        batch: samples of a step; all of them, in order, where there are no more.
        numbers: float64 (steps, groups, 6), Adam's constants in every step by the groups of the optimiser: rate with
            the bias correction of the mean, 1 - beta1, beta2, 1 - beta2, bias correction of the root, epsilon.
        target: in dB, at which the fit ends; None for none.
        tolerated_rise: of the loss beyond the best, above which a fit ends with the weights that it had then.
        best_every, check_every: steps from one to the next after which the weights are kept if they are the best so
            far, and the target is looked at.
    """

    batch: int
    numbers: Float64[np.ndarray, "steps groups 6"]
    target: float | None
    tolerated_rise: float
    best_every: int
    check_every: int


@runtime_checkable
class ProgramPlan(Protocol):
    """A plan whose steps may be had as a program."""

    def program(self, tensors: Tensors, batch: int) -> StepProgram | str:
        """The steps of a squared error on the objective's signal, and others of its shape, as a program.

        Args:
            tensors: the field's weights by name; float32 tensors in order, which stay where they are.
            batch: samples of a step; all of them, in order, where there are no more.

        Returns:
            The program, which uses the plan's own buffers; or why there is none, in words.
        """
        ...

    def own_arrays(self, signal: Signal) -> tuple[np.ndarray, ...]:
        """The arrays of a signal whose addresses a program's slots are given; whoever does so keeps them.

        Args:
            signal: of the shape and type of the objective's own.
        """
        ...
