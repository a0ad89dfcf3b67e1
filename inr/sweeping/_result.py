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
from inr.diagnostics import Comparison, Run, estimate, sweep_curves, sweep_page, sweep_sheet, table_html
from inr.field import Field
from inr.io import load
from inr.signals import Signal
from inr.sweeping._rows import Row, ordered, titles
from inr.sweeping._run import load_thumbnail
from inr.sweeping._store import Store
from inr.sweeping._tasks import PARTS, Terms

_COLUMNS = (
    "rung", "title", "status", "psnr", "between", "holdout", "ssim", "snr", "seconds", "steps", "parameters", "points",
    "engine", "threads", "note", "command", "name",
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
        rows: those with the whole budget, the best first; of an interrupted sweep those that are finished.
        earlier: those of a search's earlier rounds, round after round, the best first.
        chosen: whose `command` makes the best field; after a search with held-out samples, a fit of all of them. None
            where no fit was finished.
        planned: how many fits there were to be, as far as was known.
        interrupted: whether some are missing.
        kept: how many of them an earlier run had done.
        signal: what was fitted.
        source: the file that it came from; None where it came from none.
        terms: what was equal for all.
        refused: combinations that were left out, each with the reason.
        store: what keeps the folder.
    """

    rows: tuple[Row, ...]
    earlier: tuple[Row, ...]
    chosen: Row | None
    planned: int
    interrupted: bool
    kept: int
    signal: Signal
    source: str | None
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
        """The field that a row is about; of `rows` and `chosen`, unless they failed."""
        return load(self.store.fits / f"{row.name}.inr")

    def to_json(self) -> dict[str, Any]:
        """Everything but the fields and curves, as plain JSON."""
        terms, names = self.terms, self.titles
        everything = [*self.rows, *self.earlier]
        if self.chosen is not None and self.chosen not in everything:
            everything.append(self.chosen)
        return {
            "inr": __version__,
            "signal": self.source,
            "kind": self.signal.domain.kind,
            "shape": None if self.signal.domain.shape is None else list(self.signal.domain.shape),
            "budget": {"steps": terms.steps, "seconds": terms.seconds, "parameters": terms.parameters},
            "batch": terms.batch,
            "holdout": terms.holdout,
            "seed": terms.seed,
            "side_by_side": max(terms.jobs, 1),
            "planned": self.planned,
            "interrupted": self.interrupted,
            "refused": list(self.refused),
            "best": None if self.best is None else self.best.name,
            "command": None if self.chosen is None else self.chosen.command,
            "rows": [{"title": names[row.name], **row.to_json()} for row in everything],
        }

    def _repr_html_(self) -> str:
        """What notebooks show: the table, the best first."""
        shown = [each for each in _SHOWN if any(not math.isnan(getattr(row, each[1])) for row in self.rows)]
        names = self.titles
        lines = [[names[row.name], *(_cell(getattr(row, key), form) for _, key, form in shown)] for row in self.rows]
        return table_html(["combination", *(heading for heading, _, _ in shown)], lines)

    def write_tables(self) -> None:
        """Write `results.csv` and `results.json`."""
        document = self.to_json()
        with replacing(self.folder / "results.json", force=True) as temporary:
            temporary.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        with (
            replacing(self.folder / "results.csv", force=True) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            parts = list(PARTS)
            writer = csv.DictWriter(file, [*_COLUMNS[:2], *parts, *_COLUMNS[2:]])
            writer.writeheader()
            for row in document["rows"]:
                writer.writerow(
                    {**{name: row[name] for name in _COLUMNS}, **{part: row["parts"][part] for part in parts}}
                )

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
            name=Path(self.source).name if self.source else self.signal.domain.kind,
            signal=self.signal,
            runs=[self._run_of(row, names[row.name], loaded) for row in self.rows],
            earlier=[self._run_of(row, f"round {row.rung}: {names[row.name]}", None) for row in self.earlier],
            facts=self.facts(),
            about_psnr="over all samples" if self.terms.holdout is None else "over the samples that were learned from",
            command="" if self.chosen is None else self.chosen.command,
        )

    def _run_of(self, row: Row, title: str, loaded: Any) -> Run:
        metrics = {
            name: float(getattr(row, name))
            for name in ("psnr", "between", "holdout", "ssim", "snr", "seconds", "steps", "parameters")
        }
        path = self.store.fits / row.name
        shown = loaded is not None and path.with_name(f"{row.name}.npz").exists()
        curve, kept = load_thumbnail(path) if shown else (np.zeros((0, 3)), None)

        def values(indices: np.ndarray) -> np.ndarray:
            return estimate(loaded(row.name), self.signal, indices)

        return Run(
            title, metrics, row.note, row.command, curve, kept, values if shown else None, row.status == "done",
            _parts_in_words(row.parts),
        )  # fmt: skip

    def facts(self) -> list[str]:
        """What was equal for all, a sentence each."""
        terms, count = self.terms, len(self.rows)
        budget = f"{terms.steps:,} steps" if terms.steps is not None else f"{terms.seconds:g} seconds of fitting"
        batch = "with batches that suit each"
        if terms.batch is not None:
            batch = f"{min(terms.batch, self.signal.size):,} samples a step"
        size = f", about {terms.parameters:,} parameters" if terms.parameters else ""
        lines = [f"{count} fits of {budget}, {batch}{size}."]
        if self.earlier:
            tried = sum(row.rung == 1 for row in self.earlier)
            lines.append(f"The last of a search that began with {tried} combinations at a part of the budget.")
        if terms.holdout is not None:
            lines.append(f"{100 * terms.holdout:g} % of the samples were held out, and decide the order.")
        lines.append(_side_by_side(terms, self.rows))
        return lines


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


def collected(rows: Sequence[Row], last: int) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """The rows of the last round, and those before it, each round with the best first."""
    final = tuple(ordered([row for row in rows if row.rung == last]))
    earlier = [ordered([row for row in rows if row.rung == rung]) for rung in range(1, last)]
    return final, tuple(row for group in earlier for row in group)
