"""A field's plan on the engine `cpu`: which programs a step is made of, and the buffers they share."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.engines._batch import Batch, StepResult, Tensors
from inr.engines._checks import importance_of
from inr.engines._cpu import _network
from inr.engines._cpu._derivatives import Derivatives
from inr.engines._cpu._encoders import Encoder, array
from inr.engines._cpu._layout import Layout
from inr.engines._cpu._losses import loss_of
from inr.engines._cpu._network import NetworkStages
from inr.engines._cpu._program import PlanCalls, copies, step_program
from inr.engines._cpu._samples import own_arrays, sampling
from inr.engines._cpu._weights import CACHE_LINE_FLOATS, Weights
from inr.engines._eager import EagerPlan
from inr.engines._formulas import loss_constants
from inr.engines._objectives import Pointwise
from inr.engines._program import StepProgram
from inr.field import Field, Jet, Reads
from inr.jit import Call, Clock, Stage, compile_seconds, roofline, run, split_phase, warm
from inr.jit.vector import LANES, ROWS
from inr.signals import GridSignal, Signal

_NO_WEIGHTS = np.zeros((0, 0), np.float32)


class CpuPlan:
    """Runs one field; made by `Cpu.plan`.

    Args:
        field: for derivatives that there are no kernels for.
        encoder, layout, stages, constants: the same, as kernels see it.
        objective: what to minimise; None for a plan that only evaluates.
        derivatives: the field's derivatives.
        threads, tile, block: workers, points that walk through the layers together, points a program is run on.
        bfloat16: whether the products on the way back of steps are of bfloat16 numbers.

    Attributes:
        settings: options of the engine that decide the numbers of a fit, where they are not the usual ones.
        own_threads: whether steps need no threads of PyTorch's.
    """

    device = torch.device("cpu")

    def __init__(
        self,
        field: Field,
        encoder: Encoder,
        layout: Layout,
        stages: NetworkStages,
        constants: np.ndarray,
        objective: Pointwise | None,
        derivatives: Derivatives,
        *,
        threads: int,
        tile: int,
        block: int,
        bfloat16: bool,
    ) -> None:
        self.notes: tuple[str, ...] = (encoder.note,) if encoder.note else ()
        self.own_threads = not self.notes
        self.settings = {"backward": "bfloat16"} if bfloat16 else {}
        self.block = block
        self._encoder = encoder
        self._layout = layout
        self._objective = objective
        self._field, self.derivatives = field, derivatives
        channels, self._in_dim = field.domain.channels, field.domain.in_dim
        self._channels = channels
        self.threads, self._tile, self._bfloat16 = threads, tile, bfloat16
        self._busy = derivatives.busy  # one encoder serves both
        self._clock = Clock()
        self._points = 0  # learned from
        self._features = np.zeros((block + ROWS, layout.features), np.float32)
        self._targets = np.empty((block if objective is not None else 0, channels), np.float32)
        self._slope = loss_of(objective).slope
        self._sampling = sampling(objective.signal) if objective is not None else None
        self._make_calls(stages, constants)

    def _make_calls(self, stages: NetworkStages, constants: np.ndarray) -> None:
        layout, threads, tile = self._layout, self.threads, self._tile
        learning = self._objective is not None
        bfloat16 = learning and self._bfloat16
        spare = tile * (layout.per_point + layout.widest)  # where bfloat16 operands are made
        room = max(spare if learning else 0, tile * 2 * layout.widest) + (tile * layout.widest if bfloat16 else 0)
        self._clocks = np.zeros((threads, 8), np.int64)
        start16 = int(layout.table[0, _network.BACKWARD]) if bfloat16 else None
        self._weights = weights = Weights(layout, threads, learning, start16)
        shared: dict[str, Any] = {
            "features": self._features, "table": layout.table, "constants": constants, "packed": weights.packed,
            "biases": weights.biases, "tiles": np.zeros((threads, room + CACHE_LINE_FLOATS), np.float32),
            "tile": tile, "planes": layout.planes,
        }  # fmt: skip
        self._forward = Call(stages.forward, **shared)
        self._learn = Call(
            stages.learn, **shared, grads=weights.grads, bias_grads=weights.bias_grads, losses=weights.losses,
            packed16=weights.packed16, start16=weights.start16, spare=spare, clocks=self._clocks,
            pass_on=self._encoder.learns, added=_NO_WEIGHTS, loss_numbers=self._loss_numbers(),
        )  # fmt: skip

    def prepare(self) -> float:
        """Compile the kernels, or load them from disk; the seconds it took."""
        before = compile_seconds()
        with self._busy:
            stages = self._stages()
        for stage in stages:
            _ = stage.address
        warm(self.threads)
        return compile_seconds() - before

    def _stages(self) -> list[Stage]:
        """All that the plan runs."""
        stages = [*self._weights.stages, self._forward.stage, *self._encoder.stages]
        if self._objective is not None:
            sample = self._sample(np.zeros(1, np.int64), np.zeros((1, self._in_dim), np.float32))
            stages += [self._learn.stage, *(call.stage for call in sample)]
        return stages

    @torch.no_grad()
    def forward(self, tensors: Tensors, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates, without gradients."""
        if coords.ndim != 2 or coords.shape[1] != self._in_dim:
            raise InrError(f"coordinates must have shape (n, {self._in_dim}), got {tuple(coords.shape)}")
        places = np.ascontiguousarray(coords.detach().numpy(), dtype=np.float32)
        values = np.empty((len(places), self._channels), np.float32)
        with self._busy:
            start: Sequence[Call] = self._start(tensors, learning=False)
            for first in range(0, len(places), self.block):
                part = places[first : first + self.block]
                evaluate = self._forward.set(count=len(part), values=values[first : first + len(part)])
                program = [*start, *self._encoder.encode(part, self._features), evaluate]
                run(program, self.threads)
                for call in program:  # a profile is of steps
                    call.clock[0] = 0
                start = ()
        return torch.from_numpy(values)

    @torch.no_grad()
    def loss_and_grad(self, tensors: Tensors, batch: Batch) -> StepResult:
        """Loss of a batch and its gradients by the names of `tensors`.

        The gradients are the plan's own buffers, good until the next step.
        """
        if self._objective is None:
            raise InrError("this plan was made without an objective: it only evaluates")
        indices, size = np.ascontiguousarray(batch.indices.numpy(), np.int64), len(batch.indices)
        if size == 0:
            raise InrError("a batch needs at least one sample")
        coords, residuals = np.empty((size, self._in_dim), np.float32), np.empty((size, self._channels), np.float32)
        count = size * self._channels
        importance = _importance(batch, self._channels)
        with self._busy:
            self._learn.set(importance=importance, residuals=residuals, scale=self._slope / count)
            offsets = batch.offsets
            if not self._objective.squared:  # offsets of a squared error are part of its targets
                self._learn.set(added=_NO_WEIGHTS if offsets is None else array(offsets))
                offsets = None
            grads: dict[str, Any] = dict(self._weights.gradients(tensors))
            program = self._start(tensors, learning=True)
            for first in range(0, size, self.block):
                part = coords[first : first + self.block]
                added = _part(offsets, first, part)
                program += self._sample(
                    indices[first : first + len(part)], part, added, _part(batch.shifts, first, part)
                )
                program += [*self._encoder.encode(part, self._features), self._learn.set(count=len(part), at=first)]
                program += self._encoder.backward(part, self._features)
                if first + self.block >= size:
                    program.append(self._weights.collect)
                run(program, self.threads)
                self._clock.add(program)
                if self._encoder.learns:
                    self._encoder.after_backward(self._features[: len(part)])
                program = []
            self._points += size
            grads = grads | self._encoder.finish()
            loss = float(self._weights.losses[:, 0].sum()) / count
        return StepResult(torch.tensor(loss), grads, torch.from_numpy(coords), torch.from_numpy(residuals))

    def program(self, tensors: Tensors, batch: int) -> StepProgram | str:
        """Steps as a program; see `ProgramPlan.program`."""
        reason = self._without_program()
        if reason:
            return reason
        assert self._objective is not None
        assert self._sampling is not None
        signal = self._objective.signal
        assert isinstance(signal, GridSignal)
        batch = min(batch, signal.size)
        residuals, scale = np.empty((batch, self._channels), np.float32), self._slope / (batch * self._channels)
        with self._busy:
            self._learn.set(importance=_NO_WEIGHTS, residuals=residuals, scale=scale)
            take, keep = copies(self._start(tensors, learning=True)), copies(self._start(tensors, learning=False))
            grads = {**self._weights.gradients(tensors), **self._encoder.finish()}
            calls = PlanCalls(
                self._encoder, self._weights, self._sampling, take, keep, self._learn, self._forward, self._features,
                self.block, grads,
            )  # fmt: skip
            return step_program(calls, signal, batch)

    def own_arrays(self, signal: Signal) -> tuple[np.ndarray, ...]:
        """What tells a signal from others of its shape; see `ProgramPlan.own_arrays`."""
        assert isinstance(signal, GridSignal)
        return tuple(own_arrays(signal).values())

    def _without_program(self) -> str:
        """Why steps are not to be had as a program."""
        if self._objective is None or not self._objective.squared:
            return "its loss is no squared error of samples"
        if self._sampling is None:
            return "its samples are read by the signal itself"
        if self._encoder.note:
            return self._encoder.note
        return "" if self.threads == 1 else f"its steps are shared by {self.threads} threads"

    def jet(self, tensors: Tensors, coords: Float[Tensor, "n d"], reads: Reads) -> Jet:
        """Values and derivatives at coordinates; see `DerivativePlan.jet`."""
        if self._on_eager(reads):
            return self._eager.jet(tensors, coords, reads)
        return self.derivatives.jet(tensors, coords, reads)

    def pull(self, tensors: Tensors, coords: Float[Tensor, "n d"], adjoint: Jet, reads: Reads) -> dict[str, Any]:
        """Gradients of the weights from those of values and derivatives; see `DerivativePlan.pull`."""
        if self._on_eager(reads):
            return self._eager.pull(tensors, coords, adjoint, reads)
        return self.derivatives.pull(tensors, coords, adjoint, reads)

    @functools.cached_property
    def _eager(self) -> EagerPlan:
        """What computes derivatives that there are no kernels for."""
        return EagerPlan(self._field, None, self.device)

    def _on_eager(self, reads: Reads) -> bool:
        """Whether derivatives are eager's work, which is noted when it is first found."""
        reads.check(self._in_dim)
        reason = self.derivatives.lacks(reads)
        note = f"derivatives run on eager: {reason}"
        if reason and note not in self.notes:
            self.notes = (*self.notes, note)
        return bool(reason)

    def profile(self) -> dict[str, float]:
        """Seconds by phase since the plan was made; `products` holds what the layers do besides activations."""
        clocks = self._clocks.sum(0)
        parts = {"products": int(clocks[_network.PRODUCTS]), "activations": int(clocks[_network.ACTIVATIONS])}
        return split_phase(self._clock.seconds(), "network", parts)

    def roofline(self) -> dict[str, tuple[float, float]]:
        """Products a second, in their own phase and in all of a step, beside the measured peak."""
        phases = self.profile()
        if "products" not in phases:
            return {}
        done, least = self._products_done()
        peak = done / max(least, 1e-12)
        return {
            "products while multiplying, GFLOP/s": (done / phases["products"], peak),
            "products over the engine's whole step, GFLOP/s": (done / sum(phases.values()), peak),
        }

    def _products_done(self) -> tuple[float, float]:
        """Operations of the products so far, in 1e9, and the seconds they take at the peaks of their operands."""
        halves = self._layout.backward_flops() if self._bfloat16 else 0
        singles = self._layout.learning_flops(self._encoder.learns) - halves
        scale = 1e-9 * self._points
        least = scale * singles / roofline.products(self.threads)
        if halves:
            least += scale * halves / roofline.products(self.threads, "bfloat16")
        return scale * (singles + halves), least

    def _sample(
        self, indices: np.ndarray, coords: np.ndarray, offsets: Tensor | None = None, shifts: Tensor | None = None
    ) -> list[Call]:
        """Fill the coordinates of some samples, and their targets; right away, where there is no kernel for it."""
        assert self._objective is not None
        targets = self._targets[: len(coords)]
        self._learn.set(targets=targets)
        if self._sampling is not None and not self._encoder.immediate and offsets is None:
            if shifts is not None:
                return [self._sampling.between(indices, array(shifts), coords, targets)]
            if _consecutive(indices):
                return [self._sampling.run(int(indices[0]), coords, targets)]
            return [self._sampling.at(indices, coords, targets)]
        part = Batch(torch.from_numpy(indices), offsets=offsets, shifts=shifts)
        coords[:], targets[:] = self._objective.coords(part).numpy(), self._objective.targets(part).numpy()
        return []

    def _loss_numbers(self) -> np.ndarray:
        """The constants of the loss, a row for every channel."""
        if self._objective is None or self._objective.squared:
            return _NO_WEIGHTS
        return np.array(loss_constants(self._objective, self._channels), np.float32).reshape(self._channels, -1)

    def _start(self, tensors: Tensors, learning: bool) -> list[Call]:
        """Take the weights of a step."""
        return [*self._weights.take(tensors, learning), *self._encoder.start(tensors, learning)]


def _part(rows: Tensor | None, first: int, part: np.ndarray) -> Tensor | None:
    """As many rows as a part of a batch has, where there are any."""
    return None if rows is None else rows[first : first + len(part)]


def _consecutive(indices: np.ndarray) -> bool:
    """Whether samples follow each other in the signal, as all of them do."""
    return int(indices[-1]) - int(indices[0]) == len(indices) - 1 and bool((indices[1:] > indices[:-1]).all())


def _importance(batch: Batch, channels: int) -> np.ndarray:
    """The weights of a batch as (n, 1) or (n, c); none at all where there are none."""
    weights = importance_of(batch, channels)
    return _NO_WEIGHTS if weights is None else array(weights)


def constant_table(rows: Sequence[Sequence[float]]) -> np.ndarray:
    """The activations' constants, a row a layer."""
    table = np.zeros((len(rows), max([LANES, *map(len, rows)])), np.float32)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    return table
