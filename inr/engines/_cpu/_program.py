"""A step's calls, each with a block of arguments of its own, so that they can be run again and again as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inr.engines._cpu._encoders import Encoder
from inr.engines._cpu._samples import OWN_ARRAYS, Sampling
from inr.engines._cpu._weights import Weights
from inr.engines._program import StepProgram
from inr.jit import Call
from inr.signals import GridSignal


@dataclass(frozen=True)
class PlanCalls:
    """What a plan makes its programs of.

    Attributes:
        encoder, weights, sampling: the plan's.
        take, keep: calls that take the weights of a step, and of an evaluation.
        learn, forward: calls of the network's stages, of which the arguments that depend on samples are open.
        features: float32 (points, …), of a program's samples, of which there are `block` at most.
        grads: that a step leaves, by the names of the weights.
    """

    encoder: Encoder
    weights: Weights
    sampling: Sampling
    take: Sequence[Call]
    keep: Sequence[Call]
    learn: Call
    forward: Call
    features: np.ndarray
    block: int
    grads: dict[str, Any]


def step_program(plan: PlanCalls, signal: GridSignal, batch: int) -> StepProgram:
    """The program of steps of so many samples, drawn where there are more.

    Where all are learned from, and their features stay as they are, they are read and encoded once for a signal.
    """
    size, channels, drawn = signal.size, signal.channels, batch < signal.size
    cells = np.zeros(0 if signal.cells is None else size, np.int64)
    indices = np.zeros(batch if drawn else 0, np.int64)
    coords = np.empty((size, signal.in_dim), np.float32)
    values, targets = np.empty((size, channels), np.float32), np.empty((size, channels), np.float32)
    readers: list[Call] = []

    def read(rows: slice, among: np.ndarray) -> list[Call]:
        """Coordinates, targets and features of some rows: samples of the cells `among`, or in order."""
        part = coords[rows], targets[rows]
        call = plan.sampling.cells_at(among[rows], *part) if len(among) else plan.sampling.run(rows.start, *part)
        readers.append(call.copy())
        return [readers[-1], *copies(plan.encoder.encode(coords[rows], plan.features))]

    once = not drawn and size <= plan.block and not plan.encoder.learns
    begin = read(slice(0, size), cells) if once else []
    step, whole = list(plan.take), list(plan.keep)
    for rows in _blocks(batch, plan.block):
        step += [] if once else read(rows, indices if drawn else cells)
        learn = plan.learn.set(count=rows.stop - rows.start, at=rows.start, targets=targets[rows])
        step += [learn.copy(), *copies(plan.encoder.backward(coords[rows], plan.features))]
    step.append(plan.weights.collect.copy())
    for rows in _blocks(size, plan.block):
        whole += [] if once else read(rows, cells)
        whole.append(plan.forward.set(count=rows.stop - rows.start, values=values[rows]).copy())
    slots = np.array([[call.place(name) for name in OWN_ARRAYS] for call in readers], np.int64)
    return StepProgram(begin, step, whole, slots, indices, cells, plan.weights.losses, plan.grads, values, targets)


def copies(calls: Sequence[Call]) -> list[Call]:
    """The calls as they stand, which later changes leave as they are."""
    return [call.copy() for call in calls]


def _blocks(count: int, block: int) -> list[slice]:
    return [slice(first, min(first + block, count)) for first in range(0, count, block)]
