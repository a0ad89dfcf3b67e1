"""What the table of fits says: tables in Markdown, and curves."""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inr.bench import tables
from inr.diagnostics import Series, Subplot, plot
from studies.teaching import cells, costs, runs

Key = tuple[str, str, int]  # signal, field, seed


@dataclass(frozen=True)
class Reached:
    """The cost in seconds at which a method ends at the full batch's quality; a bound where no fits lie around it."""

    cost: float
    bound: str = ""  # "<": reached by the cheapest fit; ">": not reached by the dearest


class Study:
    """The fits of a table, by cell and method, with what they cost."""

    def __init__(self, settings: runs.Settings) -> None:
        self._prices = costs.read(settings.prices)
        self._rows = tables.read(settings.runs)
        self._sizes: dict[str, int] = {}
        for row in self._rows:
            if row["method"] == "full":
                self._sizes[row["signal"]] = int(row["batch"])

    def settings(self, signal: str, field: str, share: float) -> tuple[int, float] | None:
        """The mini-batch and factor of the learning rate that were tuned at a budget."""
        return runs.settings([row for row in self._rows if (row["signal"], row["field"]) == (signal, field)], share)

    def keys(self, field: str) -> list[Key]:
        """Cells whose full batch and tuned mini-batch are there, by signal and seed."""
        found = {
            (row["signal"], field, int(row["seed"]))
            for row in self._rows
            if row["field"] == field and row["method"] == "auto"
        }
        complete = [key for key in found if self.goal(key) is not None and self.reached(key, "uniform") is not None]
        return sorted(complete, key=lambda key: (cells.SIGNALS.index(key[0]), key[2]))

    def goal(self, key: Key) -> float | None:
        """Where the full batch ends, in dB."""
        tuned = self.settings(key[0], key[1], runs.FIRST_BUDGET)
        for row in self._of((key[0], key[1], 0), "full"):
            if tuned is not None and float(row["factor"]) == tuned[1]:
                return float(row["psnr"])
        return None

    def full_cost(self, signal: str, field: str) -> float:
        """Seconds of the full-batch fit."""
        return self._prices.full(signal, field, self._sizes[signal])

    def curve(self, key: Key, method: str) -> list[tuple[float, float]]:
        """Seconds and final PSNR of a method's fits with the tuned settings, the cheapest first."""
        return sorted(
            (self.cost(row), float(row["psnr"]))
            for row in self._of(key, method)
            if (int(row["batch"]), float(row["factor"])) == self.settings(key[0], key[1], float(row["share"]))
        )

    def whole(self, key: Key, method: str) -> tuple[float, float] | None:
        """Seconds and final PSNR of the fit that chose from the whole signal."""
        for row in self._of(key, f"{method}, whole"):
            return self.cost(row), float(row["psnr"])
        return None

    def reached(self, key: Key, method: str) -> Reached | None:
        """The cost at which the full batch's quality is reached; between fits, by the logarithm of the cost.

        None where it was not reached yet and dearer fits are still to be made.
        """
        curve, goal = self.curve(key, method), self.goal(key)
        if not curve or goal is None:
            return None
        if curve[0][1] >= goal:
            return Reached(curve[0][0], "<")
        for (low, below), (high, above) in itertools.pairwise(curve):
            if above >= goal:
                share = (goal - below) / (above - below)
                return Reached(low * (high / low) ** share)
        dearest = max(float(row["share"]) for row in self._of(key, method))
        return Reached(curve[-1][0], ">") if dearest >= 0.99 * runs.LARGEST_BUDGET else None

    def at_equal_cost(self, key: Key, method: str) -> float | None:
        """PSNR at the first budget, between fits where a budget was not met to the second."""
        curve = self.curve(key, method)
        budget = runs.FIRST_BUDGET * self.full_cost(key[0], key[1])
        for (low, below), (high, above) in itertools.pairwise(curve):
            if low <= budget <= high:
                return below + (above - below) * math.log(budget / low) / math.log(high / low)
        near = [psnr for cost, psnr in curve if abs(cost / budget - 1) < 0.05]
        return near[0] if near else None

    def cost(self, row: tables.Row) -> float:
        """Seconds of a fit."""
        method = row["method"].removesuffix(", whole")
        counts = {name: float(row[name]) for name in ("steps", "points", "scored")}
        return self._prices.cost(row["signal"], row["field"], "uniform" if method == "full" else method, **counts)

    def _of(self, key: Key, method: str) -> list[tables.Row]:
        signal, field, seed = key
        wanted = (signal, field, method, str(seed))
        return [row for row in self._rows if (row["signal"], row["field"], row["method"], row["seed"]) == wanted]


def write(settings: runs.Settings) -> str:
    """Write teaching.md and the curves of every field; the text."""
    study = Study(settings)
    parts = [_head(settings)]
    for field in cells.FIELDS:
        keys = study.keys(field)
        if keys:
            parts += [_field(study, field, keys)]
            _draw(study, field, keys, settings.results / f"teaching_{field}.png")
    text = "\n".join([*parts, _wholes(study)]).rstrip() + "\n"
    (settings.results / "teaching.md").write_text(text)
    return text


def _head(settings: runs.Settings) -> str:
    machine = tables.origin(settings.runs)
    return f"""# What teachers save

`python -m studies.teaching --data DIR`, from teaching_runs.tsv and teaching_costs.tsv. {machine}.

Costs are seconds on one thread: steps, samples learned from and samples looked at, times what each was measured to
cost. The quality to reach is where the full batch ends after {cells.FULL_STEPS:,} steps (one seed); "saved" is the
cost that a method did not need for it, as geometric means over signals and seeds. `<` and `>`: beyond the cheapest or
dearest fit made, so the figure is a bound. Size of the mini-batch and learning rate are those by which `uniform` does
best at each budget; all others use them too. `reshuffled` draws evenly as well, but every sample once before any
twice.
"""


def _field(study: Study, field: str, keys: Sequence[Key]) -> str:
    parts = cells.FIELDS[field]
    names = f"encoding `{parts.encoding}`, activation `{parts.activation}`, network `{parts.network}`"
    signals = list(dict.fromkeys(key[0] for key in keys))
    seeds = sorted({key[2] for key in keys})
    lines = [
        f"## {field}",
        "",
        f"{names}; {len(signals)} signals, seeds {', '.join(map(str, seeds))}.",
        "",
        "| teacher | saved against full batch | 30 % saved on | saved against mini-batch | least, most "
        "| against reshuffled | dB at 1/16 of the full cost, against mini-batch | authors, against full batch |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(study, method, keys) for method in cells.METHODS if any(study.curve(key, method) for key in keys)]
    lines += [
        "",
        "| signal | mini-batch | rate | full batch dB | s | mini-batch s | reshuffled s | auto s "
        "| auto saves against full batch | against mini-batch |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_cell(study, signal, field, [key for key in keys if key[0] == signal]) for signal in signals]
    return "\n".join([*lines, ""])


def _row(study: Study, method: str, keys: Sequence[Key]) -> str:
    full = {key: _ratio(study.reached(key, method), study.full_cost(key[0], key[1])) for key in keys}
    by_signal: dict[str, list[tuple[float, str]]] = {}
    for key, found in full.items():
        if found is not None:
            by_signal.setdefault(key[0], []).append(found)
    # a quality that was not reached is none that was reached with less
    enough = sum(
        statistics.fmean(ratio for ratio, _ in ratios) <= math.log(0.7) and all(bound != ">" for _, bound in ratios)
        for ratios in by_signal.values()
    )
    beside = [_against(study, key, method, "uniform") for key in keys]
    shuffled = [_against(study, key, method, "reshuffled") for key in keys]
    gains = [
        ours - theirs
        for key in keys
        if (ours := study.at_equal_cost(key, method)) is not None
        and (theirs := study.at_equal_cost(key, "uniform")) is not None
    ]
    found = [ratio for ratio in beside if ratio is not None]
    span = f"{_saved(max(found)[0])}, {_saved(min(found)[0])}" if found else ""
    gain = f"{statistics.fmean(gains):+.2f}" if gains else ""
    return (
        f"| {method} | {_mean(list(full.values()))} | {enough} of {len(by_signal)} | {_mean(beside)} | {span} "
        f"| {_mean(shuffled)} | {gain} | {cells.METHODS[method].claim} |"
    )


def _cell(study: Study, signal: str, field: str, keys: Sequence[Key]) -> str:
    tuned = [study.settings(signal, field, share) for share in (runs.FIRST_BUDGET, runs.LARGEST_BUDGET)]
    goals = [goal for key in keys if (goal := study.goal(key)) is not None]
    full = study.full_cost(signal, field)
    seconds = {}
    for method in ("uniform", "reshuffled", "auto"):
        found = [reached for key in keys if (reached := study.reached(key, method)) is not None]
        seconds[method] = (
            f"{_bounds(found)}{statistics.geometric_mean(reached.cost for reached in found):.1f}" if found else ""
        )
    batches = " to ".join(dict.fromkeys(str(each[0]) for each in tuned if each is not None))
    rates = " to ".join(dict.fromkeys(f"{each[1] * cells.FIELDS[field].rate:g}" for each in tuned if each is not None))
    ours = [_ratio(study.reached(key, "auto"), full) for key in keys]
    beside = [_against(study, key, "auto", "uniform") for key in keys]
    return (
        f"| {signal} | {batches} | {rates} | {statistics.fmean(goals):.2f} | {full:.0f} | {seconds['uniform']} "
        f"| {seconds['reshuffled']} | {seconds['auto']} | {_mean(ours)} | {_mean(beside)} |"
    )


def _wholes(study: Study) -> str:
    """As many steps as the full batch has, choosing from the whole picture, with SIREN."""
    keys = [key for key in study.keys("siren") if study.whole(key, "auto") is not None]
    if not keys:
        return ""
    lines = [
        "## Equal steps, from the whole picture (SIREN)",
        "",
        f"{cells.FULL_STEPS:,} steps with the whole picture as the batch to choose from, as in the papers; "
        f"{len({key[0] for key in keys})} pictures.",
        "",
        "| teacher | final dB, against full batch | cost, against full batch |",
        "|---|---|---|",
    ]
    for method in cells.WHOLE:
        gains, prices = [], []
        for key in keys:
            found, goal = study.whole(key, method), study.goal(key)
            if found is not None and goal is not None:
                gains.append(found[1] - goal)
                prices.append(found[0] / study.full_cost(key[0], key[1]))
        if gains:
            lines.append(f"| {method} | {statistics.fmean(gains):+.2f} | {statistics.fmean(prices):.2f} |")
    return "\n".join([*lines, ""])


Ratio = tuple[float, str]  # logarithm of a quotient of costs, and which way it is a bound


def _ratio(ours: Reached | None, theirs: float) -> Ratio | None:
    return None if ours is None else (math.log(ours.cost / theirs), ours.bound)


def _against(study: Study, key: Key, method: str, other: str) -> Ratio | None:
    ours, theirs = study.reached(key, method), study.reached(key, other)
    if ours is None or theirs is None:
        return None
    flipped = {"<": ">", ">": "<", "": ""}[theirs.bound]
    return math.log(ours.cost / theirs.cost), ours.bound or flipped


def _mean(ratios: Sequence[Ratio | None]) -> str:
    """The mean saving; where some are bounds, so is it."""
    found = [ratio for ratio in ratios if ratio is not None]
    if not found:
        return ""
    bounds = {bound for _, bound in found if bound}
    # a cost below a bound is a saving above one
    sign = "" if not bounds else "about " if len(bounds) > 1 else {"<": "> ", ">": "< "}[bounds.pop()]
    return sign + _saved(statistics.fmean(ratio for ratio, _ in found))


def _saved(ratio: float) -> str:
    """A cost's logarithm as the share that was saved."""
    return f"{100 * (1 - math.exp(ratio)):.0f} %"


def _bounds(found: Sequence[Reached]) -> str:
    bounds = {reached.bound for reached in found if reached.bound}
    return "" if not bounds else "~" if len(bounds) > 1 else f"{bounds.pop()} "


COLOURS = {
    "auto": "#d9480f", "uniform": "#1d5bd6", "reshuffled": "#02a1d9", "int": "#89284b", "int, half mixed": "#d490b4",
    "soft": "#b78c79", "evos": "#391a6d", "evos, no Laplacians": "#9e7400", "mint": "#7a808c", "nint": "#473400",
    "expansive": "#238636",
}  # fmt: skip


def _draw(study: Study, field: str, keys: Sequence[Key], path: Path) -> None:
    """Final PSNR over cost, a plot for each signal; the first seed."""
    first = min(key[2] for key in keys)
    subplots = [_subplot(study, key) for key in keys if key[2] == first]
    title = f"{field}: what a fit comes to over its cost; dark line: the full batch"
    plot(subplots, path, title=title, x_label="cost, in octaves of the full batch's", y_label="PSNR, dB", force=True)


def _subplot(study: Study, key: Key) -> Subplot:
    full, goal = study.full_cost(key[0], key[1]), study.goal(key)
    assert goal is not None
    curves = {method: study.curve(key, method) for method in COLOURS}
    points = [point for curve in curves.values() for point in curve]
    low, high = min(psnr for _, psnr in points), max(psnr for _, psnr in points)
    drawn = [
        Series(
            method, np.log2([cost / full for cost, _ in curve]), [psnr for _, psnr in curve],
            colour=COLOURS[method], width=2.2 if method == "auto" else 1.4,
        )
        for method, curve in curves.items()
        if curve
    ]  # fmt: skip
    left = math.floor(min(math.log2(cost / full) for cost, _ in points))
    limits = math.floor(min(low, goal)), math.ceil(max(high, goal))
    return Subplot(key[0], drawn, f"{goal:.1f} dB", goal, x_limits=(left, 0), y_limits=limits)
