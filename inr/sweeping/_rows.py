"""What a fit of a sweep came to: one row of its table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Literal

Status = Literal["done", "diverged", "failed"]


@dataclass(frozen=True)
class Row:
    """One fit of a sweep, or the mean of several that differ in signal and seed only.

    Attributes:
        name: of its files; of means, of those of the first fit.
        label: the parts as they were asked for, by kind.
        parts: all of them, with what `inr fit` would not choose by itself.
        status: done; diverged, when its figures are of the best state before; or failed, when it has none.
        note: why it is not done, or what else is to be known.
        psnr: dB, over all samples that were learned from.
        holdout: dB, over those that were not; NaN where none were held out.
        between: dB, between the samples of a grid, see `inr.fitting.between_psnr`; NaN in sweeps of earlier versions.
        ssim: of pictures, over all samples.
        snr: of sounds, in dB, over all samples.
        seconds: spent fitting.
        steps: made.
        points: samples seen, each as often as it was.
        parameters: trainable numbers.
        engine: what ran it.
        threads: of the processor, that it had.
        rung: which round of a search it is in, from 1; the only one of a plain sweep.
        command: the `inr fit` that does the same.
        signal: what was fitted, the path of its file where it came from one.
        seed: of weights and samples.
        settings: what the field's file says of the fit: rates, batch, schedule, ….
        runs: how many fits it is the mean of.
        deviation: sample standard deviations by the names of means, of what differs.
    """

    name: str
    label: Mapping[str, str]
    parts: Mapping[str, str]
    status: Status
    note: str
    psnr: float
    holdout: float
    ssim: float
    snr: float
    seconds: float
    steps: int
    points: int
    parameters: int
    engine: str
    threads: int
    rung: int
    command: str
    between: float = math.nan
    signal: str = ""
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    runs: int = 1
    deviation: Mapping[str, float] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """What rows are ordered by, dB: of samples held out, where some are."""
        if self.status != "done":
            return -math.inf
        return self.psnr if math.isnan(self.holdout) else self.holdout

    def to_json(self) -> dict[str, Any]:
        """The row as plain JSON: null where there is no number, "inf" dB of an exact fit."""
        return {key: _plain(value) for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Row":
        """The row that `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        values = dict[str, Any]()
        for each in fields(cls):
            if each.name in data or (each.default is MISSING and each.default_factory is MISSING):
                values[each.name] = _number(data[each.name]) if each.type is float else data[each.name]
        return cls(**values)


def ordered(rows: Sequence[Row]) -> list[Row]:
    """The best first, means of fewer fits after all others; those without a score at the end, in their order."""
    return sorted(rows, key=lambda row: (row.score == -math.inf, -row.runs, -row.score))


def differing(rows: Sequence[Row]) -> list[str]:
    """The kinds of parts in which rows differ, or else all that were asked for."""
    kinds = list(dict.fromkeys(part for row in rows for part in row.label))
    return [part for part in kinds if len({row.label.get(part) for row in rows}) > 1] or kinds


def titles(rows: Sequence[Row]) -> dict[str, str]:
    """What each row is called beside the others, by its name: its preset, and the parts in which they differ."""
    kinds = ["preset", *(kind for kind in differing(rows) if kind != "preset")]
    return {row.name: _title(row, kinds) for row in rows}


def _title(row: Row, kinds: Sequence[str]) -> str:
    """Parts that were left open are named where nothing else would be."""
    words = [row.label[kind] for kind in kinds if kind in row.label]
    return " + ".join(words or [row.parts["encoding"], row.parts["activation"]])


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "inf" if value > 0 else "-inf"
    return dict(value) if isinstance(value, Mapping) else value


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
