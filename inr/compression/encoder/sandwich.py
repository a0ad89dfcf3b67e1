"""Fitting all widths of one set of weights at once."""

import math
import operator
import time
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from inr.compression.bitstream.slimmable import Slimmable, Tensors
from inr.engines import Batch, plan
from inr.field import Field, Spec
from inr.fitting import SCHEDULES, Event, Parametrisation
from inr.fitting._events import EventKind, Reason, message
from inr.fitting._optimiser import Group, optimiser_of
from inr.objectives import Regression
from inr.signals import Signal
from inr.teaching import teachers

# samples by which losses are compared
_JUDGED = 16_384
# widths between the narrowest and the widest that a step learns from
_BETWEEN = 2
# by how much the logarithm of the running loss may be above its least: beyond, the fit has come apart
_WORSE = 0.1
# Of what a decibel counts at the narrowest width, that at the widest: narrow networks gain by what they share, and wide
# ones pay for it.
_EMPHASIS = 1.8
# what losses are at least, in what their logarithms and slopes are taken of
_LEAST = 1e-30


class Sandwich:
    """Steps that learn from the narrowest network, the widest, and up to two drawn between (Yu and Huang, ICCV 2019).

    What is minimised is a sum of the logarithms of their losses: a decibel counts however large a loss is, and up to
    1.8 times as much at wide networks. In a plain sum of losses the narrow networks, whose losses are larger, are
    fitted at the expense of the wide ones.

    Args:
        fields: one for every width.
        batch: samples of a step, the same for all widths.

    Attributes:
        tensors: of all blocks, as they are at the moment; on the engine's device.
    """

    def __init__(
        self,
        signal: Signal,
        slimmable: Slimmable,
        fields: Sequence[Field],
        batch: int,
        *,
        engine: Spec = "auto",
        seed: int = 0,
    ) -> None:
        chosen = [plan(field, Regression(signal), engine) for field in fields]
        self._engine = chosen[0][0]
        self._plans = [ready for _, ready in chosen]
        self._device = self._plans[0].device
        self._slimmable, self._signal, self._seed = slimmable, signal, seed
        widths = len(fields)
        self._shares = [1 + (_EMPHASIS - 1) * index / (widths - 1) for index in range(widths)]
        self._batch = min(batch, signal.size)
        indices = torch.randperm(signal.size, generator=torch.Generator().manual_seed(seed))[:_JUDGED].to(self._device)
        self._coords, self._values = signal.coords(indices), signal.values(indices)
        self.tensors = self._there(slimmable.tensors(fields[-1].state_dict()))

    def cpu(self) -> dict[str, Tensor]:
        """The tensors, in main memory."""
        return {name: tensor.detach().cpu() for name, tensor in self.tensors.items()}

    def loss(self, tensors: Tensors) -> float:
        """The geometric mean of the widths' losses, weighted by their shares, on some samples."""
        networks = self._slimmable.networks(self._there(tensors), len(self._plans))
        losses = [
            float((ready.forward(network, self._coords) - self._values).square().mean())
            for ready, network in zip(self._plans, networks, strict=True)
        ]
        logarithms = map(_logarithm, losses)
        return math.exp(sum(map(operator.mul, self._shares, logarithms)) / sum(self._shares))

    def run(
        self, steps: int, rate: float, rounding: Parametrisation | None = None, *, optimiser: str = "adam"
    ) -> Iterator[Event]:
        """So many steps, with a rate that falls to 0 as a cosine does; one event each, of the widest network.

        Args:
            rounding: what makes of the tensors those that steps are computed with; None: they are the same.
            optimiser: one of `inr.fitting._optimiser.OPTIMISERS`; every block's matrices have bases of their own.
        """
        teacher, drawn = teachers.build("uniform"), torch.Generator().manual_seed(self._seed)
        group = Group("network", self.tensors, rate)
        chosen = optimiser_of([group], self._plans[-1].threads, optimiser)
        compiling = teacher.prepare() + sum(ready.prepare() for ready in self._plans) + chosen.prepare()
        teacher.bind(self._signal, steps, self._batch, self._seed, self._device)
        if rounding is not None:
            rounding.leaves = self.tensors
        begin, running = time.perf_counter(), _Running()

        def event(kind: EventKind, done: int, loss: float, reason: Reason | None = None) -> Event:
            return Event(
                kind, done, steps, loss, running.psnr, time.perf_counter() - begin, group.lr,
                self._engine, done * self._batch, reason, message(reason, done, "") if reason else "", compiling,
            )  # fmt: skip

        yield event("start", 0, math.nan)
        reason: Reason = "steps"
        for step in range(steps):
            chosen.set_rates({"network": rate}, SCHEDULES["cosine"](step / steps))
            tensors = self.tensors if rounding is None else rounding.materialise(step / steps)
            losses, grads = self._differentiate(tensors, teacher.select(step).to(self._device), drawn)
            if not all(map(math.isfinite, losses)):
                reason = "diverged"
                break
            running.observe(losses)
            if step % max(steps // 50, 10) == 0:
                running.keep(self.tensors)
            chosen.step(grads)
            yield event("step", step + 1, losses[-1])
        if reason == "diverged" or running.worse:
            self.tensors = dict(running.kept)
        yield event("end", step + 1, math.nan, reason)

    def _differentiate(
        self, tensors: Tensors, batch: Batch, drawn: torch.Generator
    ) -> tuple[list[float], dict[str, Tensor]]:
        """Losses of the widths that take part, and the gradients of what is minimised by `tensors`."""
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in tensors.items()}
        networks = self._slimmable.networks(leaves, len(self._plans))
        losses, outputs, slopes = list[float](), list[Tensor](), list[Tensor]()
        for index in _some(len(networks), drawn):
            there = {name: tensor.detach().contiguous() for name, tensor in networks[index].items()}
            result = self._plans[index].loss_and_grad(there, batch)
            losses.append(float(result.loss))
            if not result.skipped:
                outputs += networks[index].values()
                slope = self._shares[index] / max(losses[-1], _LEAST)
                slopes += [slope * result.grads[name].to_dense() for name in networks[index]]
        grads = torch.autograd.grad(outputs, [*leaves.values()], slopes, allow_unused=True, materialize_grads=True)
        return losses, dict(zip(leaves, grads, strict=True))

    def _there(self, tensors: Tensors) -> dict[str, Tensor]:
        return {name: tensor.detach().to(self._device) for name, tensor in tensors.items()}


class _Running:
    """How a fit goes at its narrowest and its widest, and the tensors with which it went best."""

    def __init__(self) -> None:
        self._narrowest, self._widest, self._best = math.nan, math.nan, math.inf
        self.kept: Mapping[str, Tensor] = {}

    @property
    def psnr(self) -> float:
        """In dB, of the widest; normalised values span 2."""
        return 10 * math.log10(4) - 10 * self._widest / math.log(10)

    @property
    def worse(self) -> bool:
        """Whether it was clearly better before."""
        return self._narrowest + self._widest > self._best + 2 * _WORSE

    def observe(self, losses: Sequence[float]) -> None:
        """Of a step, from narrow to wide."""
        first, last = _logarithm(losses[0]), _logarithm(losses[-1])
        known = not math.isnan(self._widest)
        self._narrowest = 0.95 * self._narrowest + 0.05 * first if known else first
        self._widest = 0.95 * self._widest + 0.05 * last if known else last

    def keep(self, tensors: Tensors) -> None:
        """A copy of the tensors, if it never went better."""
        if self._narrowest + self._widest < self._best:
            self._best = self._narrowest + self._widest
            self.kept = {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _some(count: int, drawn: torch.Generator) -> list[int]:
    """Which widths a step learns from, ascending."""
    between = (torch.randperm(count - 2, generator=drawn)[:_BETWEEN] + 1).tolist()
    return [0, *sorted(between), count - 1]


def _logarithm(loss: float) -> float:
    return math.log(max(loss, _LEAST))
