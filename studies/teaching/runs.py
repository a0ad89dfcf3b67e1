"""Fits, each under a budget of cost, kept in a table as they end."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from inr.bench import tables
from inr.bench.quality import psnr
from inr.fitting import Budget
from studies.teaching import cells, costs

COLUMNS = [
    "signal",
    "field",
    "method",
    "batch",
    "factor",
    "seed",
    "share",
    "steps",
    "points",
    "scored",
    "psnr",
    "seconds",
]
# Budgets are shares of the cost of the full-batch fit; every method begins with the first one.
FIRST_BUDGET, SMALLEST_BUDGET, LARGEST_BUDGET = 1 / 16, 1 / 128, 1 / 2
# A method so far below the quality to reach is given the largest budget at once, which tells whether it gets there.
HOPELESS_DECIBELS = 6.0
FACTORS = (1, 2)  # of the default learning rate, that the mini-batches are tuned over
FEWEST_BATCHES, MOST_BATCHES = 8, 1_024  # that a signal is cut into: mini-batches are 1/8 to 1/1024 of it


@dataclass(frozen=True)
class Settings:
    """Where things lie."""

    data: Path
    results: Path

    @property
    def runs(self) -> Path:
        """The table of fits."""
        return self.results / "teaching_runs.tsv"

    @property
    def prices(self) -> Path:
        """The table of what steps and looks cost."""
        return self.results / "teaching_costs.tsv"


class Explorer:
    """Fits of one signal by one field, each made once only and then remembered in the table.

    Args:
        comment: said in the table.
    """

    def __init__(self, settings: Settings, signal: str, field: str, comment: str) -> None:
        torch.set_num_threads(1)
        self._settings, self._comment = settings, comment
        self._name, self._field = signal, field
        self._signal = cells.load(settings.data, signal)
        self._prices = costs.read(settings.prices)
        self._full = self._prices.full(signal, field, self._signal.size)
        self._rows = {_key(row): row for row in tables.read(settings.runs) if _cell(row) == (signal, field)}

    def full(self) -> float:
        """PSNR of the full-batch fit, in dB; with one seed, for it takes longer than all others together."""
        return self._ended("full", self._signal.size, self._factor(), 0, 1.0, cells.FULL_STEPS)

    def whole(self, method: str, seed: int) -> None:
        """A fit of as many steps as the full batch's, with the signal as the batch a teacher chooses from."""
        self._ended(f"{method}, whole", self._signal.size, self._factor(), seed, 0.0, cells.FULL_STEPS)

    def _factor(self) -> float:
        """Of the learning rate, for steps that see the whole signal."""
        tuned = self.settings(FIRST_BUDGET)
        assert tuned is not None
        return tuned[1]

    def tune(self, share: float) -> None:
        """Find the mini-batch and learning rate by which uniform samples do best at a budget, uphill step by step."""
        size = self._signal.size
        batch, factor = self.settings(share) or (size >> 6, FACTORS[0])
        tried: dict[tuple[int, float], float] = {}
        while True:
            around = [(batch, factor), (2 * batch, factor), *((batch, each) for each in FACTORS if each < factor)]
            if share == FIRST_BUDGET:  # longer fits want batches as large or larger, and rates as low or lower
                around += [(batch // 2, factor), *((batch, each) for each in FACTORS)]
            for given in around:
                if given not in tried and size // MOST_BATCHES <= given[0] <= size // FEWEST_BATCHES:
                    tried[given] = self._budgeted("uniform", *given, 0, share)
            if (batch, factor) == (best := max(tried, key=lambda given: tried[given])):
                return
            batch, factor = best

    def settings(self, share: float) -> tuple[int, float] | None:
        """The mini-batch and factor tuned at a budget, or at the next smaller one that was tuned."""
        return settings([*self._rows.values()], share)

    def reach(self, method: str, seed: int, goal: float, *, tuning: bool = False) -> None:
        """Fits with budgets that double, until one ends at the goal in dB, and one below it."""

        def ended(share: float) -> float:
            if tuning and share >= FIRST_BUDGET:
                self.tune(share)
            tuned = self.settings(share)
            assert tuned is not None
            return self._budgeted(method, *tuned, seed, share)

        share = FIRST_BUDGET
        if ended(share) >= goal:
            while share > SMALLEST_BUDGET and ended(share) >= goal:
                share /= 2
        else:
            if not tuning and ended(share) < goal - HOPELESS_DECIBELS and ended(LARGEST_BUDGET) < goal:
                return
            while share < LARGEST_BUDGET and ended(share) < goal:
                share *= 2
        ended(share)

    def _budgeted(self, method: str, batch: int, factor: float, seed: int, share: float) -> float:
        """PSNR of a fit that costs a share of the full-batch fit."""
        return self._ended(method, batch, factor, seed, share, None)

    def _ended(self, method: str, batch: int, factor: float, seed: int, share: float, steps: int | None) -> float:
        key = (method, batch, factor, seed, share)
        if key not in self._rows:
            name = method.removesuffix(", whole")
            made = cells.METHODS["uniform" if name == "full" else name]
            pool = batch if batch == self._signal.size else min(round(made.pool * batch), self._signal.size)
            row = self._fitted(made.teacher, pool, factor, seed, steps or self._steps(name, made.teacher, pool, share))
            told = {"signal": self._name, "field": self._field, "method": method, "batch": str(batch)}
            told |= {"factor": f"{factor:g}", "seed": str(seed), "share": f"{share:.6g}"}
            self._rows[key] = told | row
            tables.append(self._settings.runs, COLUMNS, self._rows[key], self._comment)
        return float(self._rows[key]["psnr"])

    def _steps(self, method: str, teacher: str, pool: int, share: float) -> int:
        """As many steps as a share of the full-batch fit's cost pays for, by a rehearsal."""
        rehearse = cache(lambda steps: costs.rehearse(self._signal, teacher, pool, steps))
        steps = 1_000
        for _ in range(3):  # what a step costs may depend on how many there are
            points, scored, _ = rehearse(min(steps, 2_000))
            each = self._prices.cost(self._name, self._field, method, steps=1, points=points, scored=scored)
            steps = max(round(share * self._full / each), 1)
        return steps

    def _fitted(self, teacher: str, pool: int, factor: float, seed: int, steps: int) -> tables.Row:
        running = cells.fitter(self._signal, self._field, teacher, pool, factor, budget=Budget(steps=steps), seed=seed)
        *_, end = running.run()
        return {
            "steps": str(end.step), "points": str(end.points), "scored": str(end.scored),
            "psnr": f"{psnr(running.field, self._signal):.3f}", "seconds": f"{running.seconds:.1f}",
        }  # fmt: skip


def prepare(settings: Settings, signal: str, field: str, seed: int, comment: str) -> None:
    """What other fits of a cell are measured by: the full batch, and mini-batches tuned at every budget."""
    explorer = Explorer(settings, signal, field, comment)
    explorer.tune(FIRST_BUDGET)
    explorer.reach("uniform", seed, explorer.full(), tuning=seed == 0)


def compare(settings: Settings, signal: str, field: str, seed: int, comment: str, method: str) -> None:
    """Fits by a method until the full batch's quality is reached, with the mini-batches' settings."""
    explorer = Explorer(settings, signal, field, comment)
    explorer.reach(method, seed, explorer.full())


def whole(settings: Settings, signal: str, field: str, seed: int, comment: str, method: str) -> None:
    """A fit of as many steps as the full batch has, by a teacher that chooses from the whole signal."""
    Explorer(settings, signal, field, comment).whole(method, seed)


def settings(rows: Sequence[tables.Row], share: float) -> tuple[int, float] | None:
    """The mini-batch and factor of the learning rate by which a cell's uniform samples ended best at a budget.

    Where none were tried at it, those of the next smaller budget, or of the smallest; None where there are none.
    """
    tried = [row for row in rows if row["method"] == "uniform" and row["seed"] == "0"]
    # shares below the first were not tuned at, but made with the first one's settings
    shares = sorted({float(row["share"]) for row in tried if float(row["share"]) > 0.99 * FIRST_BUDGET})
    if not shares:
        return None
    at = max((each for each in shares if each < 1.01 * share), default=shares[0])
    best = max((row for row in tried if float(row["share"]) == at), key=lambda row: float(row["psnr"]))
    return int(best["batch"]), float(best["factor"])


def _cell(row: tables.Row) -> tuple[str, str]:
    return row["signal"], row["field"]


def _key(row: tables.Row) -> tuple[str, int, float, int, float]:
    return row["method"], int(row["batch"]), float(row["factor"]), int(row["seed"]), float(row["share"])
