"""Running an advice at a small share of the budget, beside the fit as it was, to see what it brings."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from inr._errors import InrError
from inr.diagnostics._explain._explanation import Explanation, Finding
from inr.diagnostics._explain._settings import settings_of
from inr.field import Field
from inr.fitting import Budget, make_fitter, whole_psnr
from inr.signals import GridSignal, Signal, pack_missing

SHARE = 0.1  # of the steps of the fit, and of the samples, which are held out
_LEAST_STEPS = 20


@dataclass(frozen=True)
class Trial:
    """Two short fits that differ in the advised change.

    Attributes:
        steps: of each.
        before, after: PSNR in dB on samples that neither was fitted to, as the fit was and with the change.
        seconds: that both took.
    """

    steps: int
    before: float
    after: float
    seconds: float

    @property
    def gain(self) -> float:
        """In decibels."""
        return self.after - self.before


def try_finding(
    field: Field, signal: Signal, finding: Finding, *, share: float = SHARE, engine: str = "auto", seed: int = 0
) -> Trial:
    """Fit with and without an advised change, both at a share of the fit's steps, without a tenth of the samples.

    Args:
        field: that was explained.
        signal: that it was fitted to, on a grid.
        finding: whose change is tried.
        share: of the fit's steps.
        engine: that runs the fits.
        seed: of the fits, and of which samples are held out.

    Raises:
        InrError: a signal that is no grid, a file that does not say how it was fitted, or a change of the number of
            steps, which a share of them tells nothing of.
    """
    if not isinstance(signal, GridSignal):
        raise InrError("an advice is tried on signals on a grid: fit with the command instead")
    if not field.fit.get("steps"):
        raise InrError("the file does not say how it was fitted: fit with the command instead")
    if "steps" in finding.changes:
        raise InrError("a change of the number of steps cannot be tried in a few: fit with the command instead")
    steps = max(round(share * field.fit["steps"]), _LEAST_STEPS)
    learned, unseen = held_out(signal, SHARE, seed)
    settings = settings_of(field, signal)
    begin = time.perf_counter()
    before, after = (
        _psnr(learned, unseen, {**settings, **changes}, steps, engine, seed) for changes in ({}, finding.changes)
    )
    return Trial(steps, before, after, time.perf_counter() - begin)


def tried(explanation: Explanation, trial: Trial) -> Explanation:
    """An explanation whose first finding says what its advice brought in a trial."""
    first, *others = explanation.findings
    words = f"{first.sentence[:-1]}, measured {trial.gain:+.1f} dB in {trial.steps} steps)"
    if trial.gain <= 0:
        words += ": leave it, or try it in more steps"
    return replace(explanation, findings=(replace(first, measured=trial.gain, sentence=words), *others))


def held_out(signal: GridSignal, share: float, seed: int) -> tuple[GridSignal, GridSignal]:
    """A signal without a random share of its samples, and one of these alone."""
    there = np.ones(signal.domain.shape or (), dtype=bool) if signal.missing is None else ~signal.missing
    out = there & (np.random.default_rng(seed).random(there.shape) < share)
    if not out.any() or not (there & ~out).any():
        raise InrError(f"{int(there.sum())} samples are too few to hold {share:.0%} out")
    first, second = (
        GridSignal(signal.array, replace(signal.domain, missing=pack_missing(~mask))) for mask in (there & ~out, out)
    )
    return first, second


def _psnr(
    learned: GridSignal, unseen: GridSignal, settings: Mapping[str, Any], steps: int, engine: str, seed: int
) -> float:
    options = {name: value for name, value in settings.items() if name not in ("steps", "seed")}
    with torch.random.fork_rng(devices=[]):
        fitter = make_fitter(learned, budget=Budget(steps=steps), engine=engine, seed=seed, **options)
        for _ in fitter.run():
            pass
        return whole_psnr(fitter.field, unseen, execute=fitter.execute)
