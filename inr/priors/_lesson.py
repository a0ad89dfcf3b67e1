"""What is learned from similar signals, and how: what a machine needs to take learning further."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from inr._errors import InrError
from inr.field import Spec
from inr.fitting import Event, Fitter, Setup
from inr.priors._base import Base, base_of
from inr.priors._collection import Collection
from inr.priors._method import Method

_LOOKS = 10  # times that held-out signals are looked at in a fit
_LOOKED_AT = 32  # of them while it runs; all of them at its end


@dataclass(frozen=True)
class LearningEvent:
    """One moment of learning.

    Attributes:
        event: of the fit; its PSNR is that of the signals that are learned from.
        held_out: PSNR in dB of signals that are not, when it was last measured; NaN before, or without such.
    """

    event: Event
    held_out: float


@dataclass(frozen=True)
class Lesson:
    """What is learned from which signals, and how: all of learning but how far it is.

    Attributes:
        method: with its settings.
        setup: parts of a field of one signal, batch, schedule and learning rate.
        signals, held: what is learned from, and what is held out.
        others: what the spread is found by: those that nothing was learned from yet, where there are enough.
        steps: of the fit.
        engine, seed: as of `Fitter`.
    """

    method: Method
    setup: Setup
    signals: Collection
    held: Collection
    others: Collection
    steps: int
    engine: Spec
    seed: int

    def fitter(self, **keeping: Any) -> Fitter:
        """The fit that learns.

        Args:
            keeping: checkpoint, every and resume of `Fitter`.
        """
        return self.method.fitter(self.signals, self.setup, self.steps, engine=self.engine, seed=self.seed, **keeping)

    def events(self, fitter: Fitter, held_out: float = math.nan) -> Iterator[LearningEvent]:
        """Learn, as far as the events are asked for.

        Args:
            fitter: of `fitter`.
            held_out: quality of held-out signals as it was last measured.
        """
        gap = max(1, -(-fitter.steps // _LOOKS))
        looked_at = self.held.part(range(min(len(self.held), _LOOKED_AT)))
        for event in fitter.run():
            due = event.kind == "step" and event.step % gap == 0 and event.step < event.steps
            if due and len(self.held):
                held_out = self._base(fitter).measure(looked_at)
            yield LearningEvent(event, held_out)

    def base(self, fitter: Fitter) -> Base:
        """What is learned as a fitter stands, with its quality measured.

        Args:
            fitter: of `fitter`.

        Raises:
            InrError: nothing was, for the weights are not finite.
        """
        base = self._base(fitter)
        if not all(bool(each.isfinite().all()) for each in (*base.weights.values(), *base.own.values())):
            raise InrError("nothing was learned: the loss diverged; a lower learning rate may help (--lr)")
        about: dict[str, Any] = {
            "signals": len(self.signals), "steps": fitter.choices()["steps"], "fit": fitter.choices(),
            "learned": _decibels(base.measure(self.signals.part(range(min(len(self.signals), _LOOKED_AT))))),
        }  # fmt: skip
        if len(self.held):
            about |= {"held_out": _decibels(base.measure(self.held)), "held_out_signals": len(self.held)}
        spread = self.method.spread(base.learned, base.field(base.domain), self.others, about["steps"])
        return replace(base, about=about, spread=spread)

    def _base(self, fitter: Fitter) -> Base:
        with torch.no_grad():
            learned = self.method.learned(fitter, self.signals)
        return base_of(self.setup, self.method, self.signals.domain, learned.weights, learned.own, {})


def _decibels(value: float) -> float | None:
    """As files tell it."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
