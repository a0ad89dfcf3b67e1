"""What steps and looks cost, calibrated once, so that counts and not a noisy clock decide.

A fit costs `steps (fixed + own) + points each + scored look` seconds on one thread: `fixed` a step whatever its batch,
`each` for a sample that is learned from, `look` for one that is only evaluated, and `own` what the teacher takes a step
besides.
"""

import itertools
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import inr
from inr.bench import tables
from inr.fitting import Budget
from inr.teaching import teachers
from studies.teaching import cells

REHEARSED = 400  # steps
COLUMNS = ["what", "kind", "name", "fixed", "each", "look", "own"]


@dataclass(frozen=True)
class Prices:
    """Seconds: of a step, of a sample learned from, of a sample looked at, by (kind, field); own, by (kind, method)."""

    fields: Mapping[tuple[str, str], tuple[float, float, float]]
    teachers: Mapping[tuple[str, str], float]

    def cost(self, signal: str, field: str, method: str, *, steps: float, points: float, scored: float) -> float:
        """Seconds of a fit."""
        fixed, each, look = self.fields[cells.kind(signal), field]
        own = self.teachers[cells.kind(signal), method]
        return steps * (fixed + own) + points * each + scored * look

    def full(self, signal: str, field: str, size: int) -> float:
        """Seconds of the full-batch fit."""
        steps = cells.FULL_STEPS
        return self.cost(signal, field, "uniform", steps=steps, points=steps * size, scored=0)


class _Pretender:
    """A scorer whose field misses everything by random numbers; it counts."""

    def __init__(self, signal: inr.Signal) -> None:
        self.scored = 0
        self.seconds = 0.0
        self._missed = torch.randn(signal.size, signal.channels)

    def residuals(self, indices: torch.Tensor | None = None) -> torch.Tensor:
        """Random ones."""
        start = time.perf_counter()
        found = self._missed.clone() if indices is None else self._missed[indices]
        self.scored += len(found)
        self.seconds += time.perf_counter() - start
        return found

    def tangent(self, residuals: torch.Tensor) -> torch.Tensor:
        """The residuals themselves, at three evaluations each."""
        self.scored += 3 * len(residuals)
        return residuals


def rehearse(signal: inr.Signal, teacher: str, batch: int, steps: int) -> tuple[float, float, float]:
    """Samples learned from, samples looked at and seconds of the teacher's own, a step, without a field."""
    chosen = teachers.build(teacher)
    scorer = _Pretender(signal)
    chosen.prepare()
    start = time.perf_counter()
    chosen.bind(signal, steps, batch, 0)
    spent, points = time.perf_counter() - start, 0
    for step in range(steps):
        start = time.perf_counter()
        selected = chosen.select(step, scorer)
        spent += time.perf_counter() - start
        missed = scorer.residuals(selected.indices)
        scorer.scored -= len(missed)
        start = time.perf_counter()
        chosen.observe(selected, missed)
        spent += time.perf_counter() - start
        points += len(selected.indices)
    return points / steps, scorer.scored / steps, (spent - min(scorer.seconds, spent)) / steps


def calibrate(data: Path, path: Path) -> Prices:
    """Measure what is not in the table at `path` yet. Nothing else should run meanwhile."""
    known = {(row["what"], row["kind"], row["name"]) for row in tables.read(path)}
    representatives = {cells.kind(name): name for name in cells.SIGNALS}
    for kind, name in representatives.items():
        signal = cells.load(data, name)
        for field in cells.FIELDS:
            if ("field", kind, field) not in known:
                fixed, each, look = _timed(signal, field)
                found = {"fixed": f"{fixed:.4g}", "each": f"{each:.4g}", "look": f"{look:.4g}", "own": ""}
                tables.append(path, COLUMNS, {"what": "field", "kind": kind, "name": field, **found})
        for method in cells.methods(name):
            if ("teacher", kind, method) not in known:
                made = cells.METHODS[method]
                batch = max(round(made.pool * signal.size / 64), 1)
                own = min(rehearse(signal, made.teacher, batch, REHEARSED)[2] for _ in range(3))
                found = {"fixed": "", "each": "", "look": "", "own": f"{own if method != 'uniform' else 0:.4g}"}
                tables.append(path, COLUMNS, {"what": "teacher", "kind": kind, "name": method, **found})
    return read(path)


def read(path: Path) -> Prices:
    """The prices in a table."""
    rows = tables.read(path)
    return Prices(
        {
            (row["kind"], row["name"]): (float(row["fixed"]), float(row["each"]), float(row["look"]))
            for row in rows
            if row["what"] == "field"
        },
        {(row["kind"], row["name"]): float(row["own"]) for row in rows if row["what"] == "teacher"},
    )


def _timed(signal: inr.Signal, field: str) -> tuple[float, float, float]:
    """Seconds of a step whatever its batch, of a sample learned from, and of a sample looked at."""
    batches, seconds = [signal.size >> shift for shift in (8, 6, 4, 2, 0)], []
    for batch in batches:
        running = cells.fitter(signal, field, "uniform", batch, 1, budget=Budget(steps=10**6))
        events = running.run()
        for _ in itertools.islice(events, 3):
            pass
        durations: list[float] = []
        begin = time.perf_counter()
        while time.perf_counter() - begin < 1.5 or len(durations) < 5:
            start = time.perf_counter()
            next(events)
            durations.append(time.perf_counter() - start)
        seconds.append(statistics.quantiles(durations, n=4)[0])
    # relative errors are what counts, hence the weights
    each, fixed = np.polyfit(batches, seconds, 1, w=1 / np.array(seconds))
    looks: list[float] = []
    for _ in range(5):
        start = time.perf_counter()
        running._scorer.residuals()
        looks.append(time.perf_counter() - start)
    return max(float(fixed), 0.0), float(each), min(looks) / signal.size
