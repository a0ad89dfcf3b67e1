"""The tables of an explanation as text, for the terminal and the page; the whole as plain JSON."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from inr._json import finite
from inr.diagnostics._explain._explanation import Explanation
from inr.diagnostics._explain._facts import Facts
from inr.diagnostics._explain._parts import BandRow, PartRow

_NONE = "–"


def part_cells(rows: Sequence[PartRow]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the table by part, predicted before actual."""
    headings = ["part", "parameters", "bytes", "time predicted", "actual", "kernel predicted", "actual"]
    cells = [
        [
            f"{row.part} {row.name}", f"{row.parameters:,}", f"{row.bytes:,}", _percent(row.work), _percent(row.time),
            _percent(row.weight_share), _percent(row.kernel_share),
        ]
        for row in rows
    ]  # fmt: skip
    return headings, cells


def band_cells(rows: Sequence[BandRow]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the table by band."""
    headings = ["frequencies, of the Nyquist one", "residual predicted", "actual"]
    return headings, [[f"{row.low:.3g} to {row.high:.3g}", _level(row.predicted), _level(row.actual)] for row in rows]


def explanation_document(explanation: Explanation) -> dict[str, Any]:
    """An explanation as plain JSON, without what pictures alone are made from."""
    facts = explanation.facts
    history = facts.history
    numbers = {
        "psnr": facts.psnr, "psnr_of_mean": facts.psnr_of_mean, "psnr_held_out": facts.psnr_held_out,
        "baseline": facts.baseline, "alias_ratio": facts.alias, "noise": facts.noise, "feature_rank": facts.rank,
        "autocorrelation": facts.whiteness, "dead_units": facts.dead, "stable_ranks": dict(facts.ranks),
        "grid": None if facts.grid is None else asdict(facts.grid),
        "frequencies": [{**asdict(each), "best": each.best, "gain": each.gain} for each in facts.ladders],
        "regions": {name: line.regions for name, line in explanation.lines.items()},
    }  # fmt: skip
    numbers |= {"looked_at": list(facts.looked_at), "standard_errors": dict(facts.errors)}
    if explanation.eigenvalues is not None and explanation.shares is not None:
        numbers["kernel"] = {"eigenvalues": explanation.eigenvalues.tolist(), "shares": explanation.shares.tolist()}
    if history is not None:
        numbers["history"] = {
            "spikes": history.spikes(), "rising": history.rising(), "gain_of_half": history.gain(0.5),
            "looks": [asdict(look) for look in history.looks],
        }  # fmt: skip
    found: dict[str, Any] = finite(
        {
            "signal": explanation.signal,
            "verdict": explanation.sentences,
            "findings": [asdict(each) for each in explanation.findings],
            "parts": [asdict(each) for each in explanation.parts],
            "bands": [asdict(each) for each in explanation.bands],
            "facts": numbers,
            "notes": list(explanation.notes),
        }
    )
    return found


def looked_at(facts: Facts) -> str:
    """How much of a signal was looked at, and what that leaves open; nothing where it was all."""
    seen, whole = facts.looked_at
    if seen >= whole or "psnr" not in facts.errors:
        return ""
    return (
        f"looked at {seen:,} of {whole:,} samples, which leaves {facts.errors['psnr']:.1f} dB of the PSNR open (one "
        "standard error)"
    )


def _percent(share: float) -> str:
    return _NONE if math.isnan(share) else f"{share:.0%}"


def _level(decibels: float) -> str:
    return _NONE if math.isnan(decibels) else f"{decibels:.1f} dB"
