"""Learning the code of a hypernetwork whose weights are fixed random projections of it."""

import math
import time
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64

from inr.compression.bitstream.integers import encode_integers
from inr.compression.bitstream.random_projection import Projection
from inr.compression.codecs.base import OnEvent
from inr.field import Field, Spec
from inr.fitting import Event
from inr.fitting._defaults import Setup
from inr.fitting._events import Reason, message
from inr.fitting._state import Progress
from inr.signals import GridSignal

LEARNING_RATE = 0.1
# of the steps, with a rounded code; how often its step is chosen anew meanwhile, and until when
_AWARE, _INTERVAL, _SETTLED = 0.4, 1 / 16, 3 / 4
# of the room, that is aimed at while the code still drifts
_AIM = 0.985
# step of a code that is not rounded
_FINE = 2.0**-24


class Code:
    """The code as it is learned, and the step to which it is rounded.

    Args:
        room: bytes that its integers may take.
    """

    def __init__(self, latent: int, seed: int, room: int) -> None:
        self.numbers = torch.randn(latent, generator=torch.Generator().manual_seed(seed))
        self.step = _FINE
        self._room = room

    def rounded(self) -> Int64[np.ndarray, " m"]:
        """The integers."""
        return np.clip(np.rint(self.numbers.double().numpy() / self.step), -(2**31) + 1, 2**31 - 1).astype(np.int64)

    def choose(self, share: float = 1.0) -> None:
        """Take the step under which the integers take about a share of the room."""
        if self.step == _FINE:
            self.step = _half(float(self.numbers.std()) / 8)
        for _ in range(8):
            excess = self._bytes() - share * self._room
            if -0.01 * self._room <= excess <= 0:
                break
            self._coarsen(excess)

    def settle(self) -> None:
        """Take a larger step until the integers are within the room, or all 0."""
        while (excess := self._bytes() - self._room) > 0 and self.step < 2**15 and self.rounded().any():
            self._coarsen(excess)

    def _coarsen(self, excess: float) -> None:
        """Take the step with which so many bytes fewer are expected: one bit a number for twice the step."""
        octaves = min(max(8 * excess / len(self.numbers), -4.0), 4.0)
        self.step = _half(self.step * 2 ** (octaves if excess < 0 else max(octaves, 0.02)))

    def _bytes(self) -> int:
        return len(encode_integers(self.rounded()))


def _half(step: float) -> float:
    """The nearest number of float16 from 2^-14 to 2^15."""
    return float(np.float16(min(max(step, 2.0**-14), 2.0**15)))


def fit_code(
    field: Field,
    signal: GridSignal,
    setup: Setup,
    projection: Projection,
    code: Code,
    *,
    engine: Spec,
    seed: int,
    on_event: OnEvent | None,
) -> None:
    """Learn a code by Adam at a rate that falls as a cosine; it ends rounded to a step within its room."""
    from inr.engines import plan
    from inr.fitting import SCHEDULES
    from inr.objectives import Regression
    from inr.teaching import teachers

    name, ready = plan(field, Regression(signal), engine)
    field.to(ready.device)
    compiling = ready.prepare()
    teacher = teachers.build(setup.teacher)
    teacher.bind(signal, setup.steps, setup.batch, seed, ready.device)
    adam = torch.optim.Adam([code.numbers], lr=LEARNING_RATE)
    progress, chosen, best = Progress(), 1 - _AWARE, code.numbers.clone()

    def tell(kind: Any, loss: float, reason: Reason | None = None) -> None:
        if on_event is not None:
            psnr = 10 * math.log10(4 / progress.running) if progress.running > 0 else math.nan
            rate = adam.param_groups[0]["lr"]
            text = "" if reason is None else message(reason, progress.step, "")
            on_event(
                Event(
                    kind, progress.step, setup.steps, loss, psnr, progress.seconds, rate, name, progress.points,
                    reason, text, compiling,
                )
            )  # fmt: skip

    tell("start", math.nan)
    reason: Reason = "steps"
    while progress.step < setup.steps:
        begin = time.perf_counter()
        fraction = progress.step / setup.steps
        if not bool(code.numbers.isfinite().all()):
            reason, code.numbers = "diverged", best
            break
        adam.param_groups[0]["lr"] = LEARNING_RATE * SCHEDULES[setup.schedule](fraction)
        if fraction >= chosen and (fraction < 1 - _AWARE * (1 - _SETTLED) or code.step == _FINE):
            code.choose(_AIM)
            chosen += _AWARE * _INTERVAL
        weights = projection.weights(code.rounded(), code.step)
        batch = teacher.select(progress.step, None).to(ready.device)
        result = ready.loss_and_grad({key: each.to(ready.device) for key, each in weights.items()}, batch)
        loss = result.loss.item()
        if not math.isfinite(loss):
            reason, code.numbers = "diverged", best
            break
        progress.observe(loss, len(result.residuals))
        if progress.step % max(setup.steps // 50, 10) == 1 and progress.running < progress.best:
            progress.best, best = progress.running, code.numbers.clone()
        if not result.skipped:
            code.numbers.grad = projection.transposed({key: each.to_dense() for key, each in result.grads.items()})
            adam.step()
        progress.seconds += time.perf_counter() - begin
        tell("step", loss)
    if code.step == _FINE:
        code.choose(_AIM)
    code.settle()
    tell("end", progress.running, reason)
