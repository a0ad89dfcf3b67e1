"""What a sweep came to, and the files that say so."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from inr._files import replacing
from inr._version import __version__
from inr.diagnostics import (
    Comparison,
    Run,
    estimate,
    latex_table,
    markdown_table,
    sweep_curves,
    sweep_page,
    sweep_sheet,
    table_html,
)
from inr.engines import machine, versions
from inr.field import Field
from inr.io import load
from inr.signals import Signal
from inr.sweeping._means import AVERAGED, mean_curve
from inr.sweeping._processes import Inputs
from inr.sweeping._rows import Row, titles
from inr.sweeping._run import load_thumbnail
from inr.sweeping._store import Store
from inr.sweeping._tasks import PARTS, Terms

_COLUMNS = (
    "rung", "title", "status", "psnr", "between", "holdout", "ssim", "snr", "seconds", "steps", "parameters", "points",
    "engine", "threads", "signal", "seed", "note", "command", "name",
)  # fmt: skip
# what is equal for all fits, as `SweepResult.to_json` calls it
_RECORDED = (
    "versions", "machine", "signals", "budget", "batch", "rates", "schedule", "engine", "holdout", "seeds",
)  # fmt: skip

# columns of the table in notebooks: heading, what of a row, and how it is written
_SHOWN = (
    ("held out, dB", "holdout", ".2f"), ("PSNR, dB", "psnr", ".2f"), ("between, dB", "between", ".2f"),
    ("SSIM", "ssim", ".4f"), ("SNR, dB", "snr", ".2f"), ("seconds", "seconds", ".1f"),
    ("parameters", "parameters", ",d"),
)  # fmt: skip


@dataclass(frozen=True)
class SweepResult:
    """The fits of a sweep.

    Attributes:
        rows: those with the whole budget, the best first; of an interrupted sweep those that are finished. With several
            signals or seeds each is the mean of a combination's fits.
        earlier: those of a search's earlier rounds, round after round, the best first.
        chosen: whose `command` makes the best field; after a search with held-out samples, a fit of all of them. None
            where no fit was finished.
        runs: every single fit, of all rounds, in the order in which they were finished.
        planned: how many fits there were to be, as far as was known.
        interrupted: whether some are missing.
        kept: how many of them an earlier run had done.
        inputs: what was fitted.
        seeds: of weights and samples.
        terms: what was equal for all.
        refused: combinations that were left out, each with the reason.
        store: what keeps the folder.
    """

    rows: tuple[Row, ...]
    earlier: tuple[Row, ...]
    chosen: Row | None
    runs: tuple[Row, ...]
    planned: int
    interrupted: bool
    kept: int
    inputs: Inputs
    seeds: tuple[int, ...]
    terms: Terms
    refused: tuple[str, ...]
    store: Store

    @property
    def folder(self) -> Path:
        """Where the files are; a temporary folder goes with the result."""
        return self.store.folder

    @property
    def best(self) -> Row | None:
        """The best of the finished fits; None where there is none."""
        return next((row for row in self.rows if row.score > -math.inf), None)

    @property
    def titles(self) -> dict[str, str]:
        """What rows are called beside each other, by their names."""
        return titles([*self.rows, *self.earlier, *([self.chosen] if self.chosen is not None else [])])

    def field(self, row: Row) -> Field:
        """The field that a row is about; of `rows`, `runs` and `chosen`, unless they failed. Of a mean the first."""
        return load(self.store.fits / f"{row.name}.inr")

    def runs_of(self, row: Row) -> list[Row]:
        """The single fits that a row is the mean of, by signal and seed."""
        found = [run for run in self.runs if run.label == row.label and run.rung == row.rung]
        return sorted(found, key=lambda run: (self.inputs.names.index(run.signal), self.seeds.index(run.seed)))

    def to_json(self) -> dict[str, Any]:
        """Everything but the fields and curves, as plain JSON."""
        terms, names = self.terms, self.titles
        first = self.inputs.signals[0].domain
        return {
            "inr": __version__,
            "signal": self.inputs.sources[0],
            "kind": first.kind,
            "shape": None if first.shape is None else list(first.shape),
            "signals": [_signal(*each) for each in zip(self.inputs.signals, self.inputs.sources, strict=True)],
            "budget": {"steps": terms.steps, "seconds": terms.seconds, "parameters": terms.parameters},
            "batch": terms.batch,
            "rates": terms.rates,
            "schedule": terms.schedule,
            "engine": terms.engine,
            "holdout": terms.holdout,
            "seed": terms.seed,
            "seeds": list(self.seeds),
            "side_by_side": max(terms.jobs, 1),
            "versions": versions(),
            "machine": machine(),
            "planned": self.planned,
            "interrupted": self.interrupted,
            "refused": list(self.refused),
            "best": None if self.best is None else self.best.name,
            "command": None if self.chosen is None else self.chosen.command,
            "rows": [{"title": names[row.name], **row.to_json()} for row in self._everything()],
            "runs": [run.to_json() for row in self._everything() for run in self.runs_of(row)] if self._several else [],
        }

    def _repr_html_(self) -> str:
        """What notebooks show: the table, the best first."""
        shown = [each for each in _SHOWN if any(not math.isnan(getattr(row, each[1])) for row in self.rows)]
        names = self.titles
        lines = [[names[row.name], *(_cell(getattr(row, key), form) for _, key, form in shown)] for row in self.rows]
        return table_html(["combination", *(heading for heading, _, _ in shown)], lines)

    def _everything(self) -> list[Row]:
        """All rows, those of earlier rounds and the chosen one too."""
        rows = [*self.rows, *self.earlier]
        return rows if self.chosen is None or self.chosen in rows else [*rows, self.chosen]

    def write_tables(self) -> None:
        """Write `results.json`, `results.csv` with a line for every single fit, `table.tex` and `table.md`."""
        document, names = self.to_json(), self.titles
        lines = [self._csv_line(run, names[row.name]) for row in self._everything() for run in self.runs_of(row)]
        with replacing(self.folder / "results.json", force=True) as temporary:
            temporary.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        with (
            replacing(self.folder / "results.csv", force=True) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, [*_COLUMNS[:2], *PARTS, *_COLUMNS[2:], "preset"])
            writer.writeheader()
            writer.writerows(lines)
        runs = [self._run_of(row, names[row.name], None) for row in self.rows]
        for name, table in (("table.tex", latex_table), ("table.md", markdown_table)):
            with replacing(self.folder / name, force=True) as temporary:
                temporary.write_text(table(runs, self.facts(), self._record(document)), encoding="utf-8")

    def _csv_line(self, run: Row, title: str) -> dict[str, Any]:
        """A single fit by column."""
        plain = run.to_json()
        line = {name: plain[name] for name in _COLUMNS if name != "title"}
        return line | {"title": title, "preset": run.label.get("preset")} | {part: run.parts[part] for part in PARTS}

    def _record(self, document: Mapping[str, Any]) -> list[str]:
        """All settings, to be found again beside the table: what is equal for all, then every combination's own."""
        lines = [f"{name}: {json.dumps(document[name], ensure_ascii=False)}" for name in _RECORDED]
        for row in self.rows:
            lines.append(f"{self.titles[row.name]}: {json.dumps(dict(row.settings), ensure_ascii=False)}")
            lines.append(f"    {row.command}")
        return lines

    def draw(self) -> None:
        """Draw `curves.png`, `sheet.png` and `index.html`."""
        comparison = self._comparison()
        sweep_curves(comparison, self.folder / "curves.png", force=True)
        sweep_sheet(comparison, self.folder / "sheet.png", force=True)
        sweep_page(comparison, self.folder / "index.html", force=True)

    def _comparison(self) -> Comparison:
        @lru_cache(maxsize=1)  # regions are drawn fit by fit
        def loaded(row_name: str) -> Field:
            return load(self.store.fits / f"{row_name}.inr")

        names = self.titles
        return Comparison(
            name=_listed([_called(*each) for each in zip(self.inputs.signals, self.inputs.sources, strict=True)]),
            signal=self.inputs.signals[0],
            runs=[self._run_of(row, names[row.name], loaded) for row in self.rows],
            earlier=[self._run_of(row, f"round {row.rung}: {names[row.name]}", None) for row in self.earlier],
            facts=[*self.facts(), *([self._shown()] if self._several else [])],
            about_psnr="over all samples" if self.terms.holdout is None else "over the samples that were learned from",
            command="" if self.chosen is None else self.chosen.command,
            signals=len(self.inputs.signals),
        )

    def _run_of(self, row: Row, title: str, loaded: Any) -> Run:
        """What is shown of a row; its pictures, with `loaded`, are those of the first signal and seed."""
        metrics = {name: float(getattr(row, name)) for name in (*AVERAGED, "steps", "parameters")}
        shown = loaded is not None and row.signal == self.inputs.names[0] and self._drawable(row)
        curve, kept = np.zeros((0, 3)), None
        if shown:
            kept = load_thumbnail(self.store.fits / row.name)[1]
            curve = mean_curve(
                [load_thumbnail(self.store.fits / run.name)[0] for run in self.runs_of(row) if self._drawable(run)]
            )

        def values(indices: np.ndarray) -> np.ndarray:
            return estimate(loaded(row.name), self.inputs.signals[0], indices)

        return Run(
            title, metrics, row.note, row.command, curve, kept, values if shown else None, row.status == "done",
            _parts_in_words(row.parts), row.deviation,
        )  # fmt: skip

    def _drawable(self, run: Row) -> bool:
        """Whether a fit left something to be drawn."""
        return (self.store.fits / f"{run.name}.npz").exists()

    def facts(self) -> list[str]:
        """What was equal for all, a sentence each; first of all whether some of it is missing."""
        terms, count = self.terms, sum(row.runs for row in self.rows)
        budget = f"{terms.steps:,} steps" if terms.steps is not None else f"{terms.seconds:g} seconds of fitting"
        batch = "with batches that suit each"
        if terms.batch is not None:
            batch = f"{min(terms.batch, max(signal.size for signal in self.inputs.signals)):,} samples a step"
        size = f", about {terms.parameters:,} parameters" if terms.parameters else ""
        lines = []
        if self.interrupted:
            lines.append(f"Partial: the sweep was interrupted after {len(self.runs)} of {self.planned} fits.")
        lines.append(f"{count} fits of {budget}, {batch}{size}.")
        if self._several:
            over = [(len(self.inputs.signals), "signals"), (len(self.seeds), "seeds")]
            words = " and ".join(f"{count} {what}" for count, what in over if count > 1)
            lines.append(f"Means ± sample standard deviations over {words}.")
        if self.earlier:
            tried = sum(row.rung == 1 for row in self.earlier)
            lines.append(f"The last of a search that began with {tried} combinations at a part of the budget.")
        if terms.holdout is not None:
            lines.append(f"{100 * terms.holdout:g} % of the samples were held out, and decide the order.")
        lines.append(_side_by_side(terms, self.runs))
        return lines

    @property
    def _several(self) -> bool:
        """Whether rows are means."""
        return len(self.inputs.signals) * len(self.seeds) > 1

    def _shown(self) -> str:
        """Of which fits pictures and curves are."""
        name = _called(self.inputs.signals[0], self.inputs.sources[0])
        return f"Pictures are of {name}, seed {self.seeds[0]}; curves are means."


def _signal(signal: Signal, source: str | None) -> dict[str, Any]:
    """What a signal is, as plain JSON."""
    domain = signal.domain
    values = {"low": list(map(float, domain.values.low)), "high": list(map(float, domain.values.high))}
    shape = None if domain.shape is None else list(domain.shape)
    return {
        "source": source, "kind": domain.kind, "shape": shape, "size": signal.size, "channels": signal.channels,
        "sampling": domain.sampling, "values": values,
    }  # fmt: skip


def _called(signal: Signal, source: str | None) -> str:
    """What a signal is called on sheets."""
    return Path(source).name if source else signal.domain.kind


def _listed(names: Sequence[str], most: int = 3) -> str:
    """Names in a line, as far as it has room."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _side_by_side(terms: Terms, rows: Sequence[Row]) -> str:
    """How the machine was shared, which seconds are to be read by."""
    threads = sorted({row.threads for row in rows if row.status != "failed"})
    each = " or ".join(map(str, threads)) or "?"
    words = f"{each} thread{'' if each == '1' else 's'}"
    if terms.jobs > 1:
        return f"Up to {terms.jobs} fits ran side by side with {words} each: seconds are those of a shared machine."
    return f"Fits ran one after the other, with {words}."


def _cell(value: float, form: str) -> str:
    return "" if math.isnan(value) else "exact" if value == math.inf else format(value, form)


def _parts_in_words(parts: Mapping[str, str]) -> str:
    return " · ".join(spec for part, spec in parts.items() if (part, spec) != ("teacher", "uniform"))
