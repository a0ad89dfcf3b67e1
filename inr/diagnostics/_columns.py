"""The columns of tables of fits: which there are, how their numbers are written, which is the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inr.diagnostics._comparison import Run


@dataclass(frozen=True)
class Column:
    """One figure of all fits.

    Attributes:
        heading: with its unit.
        name: of the figure among `Run.metrics`.
        form: how it is written, as a format.
        more: whether more is better.
        judged: whether one fit is the best by it.
    """

    heading: str
    name: str
    form: str
    more: bool
    judged: bool = True

    def written(self, run: Run, plus_minus: str = " ± ") -> str:
        """The figure of a fit, with its deviation where there is one; nothing where there is no figure."""
        number, deviation = run.metrics[self.name], run.deviation.get(self.name)
        return self._one(number) + ("" if not deviation else f"{plus_minus}{self._one(deviation)}")

    def best(self, runs: Sequence[Run]) -> float:
        """The best figure of those that take part; NaN where there is nothing to choose from."""
        numbers = [run.metrics[self.name] for run in runs if run.ranked]
        numbers = [number for number in numbers if not math.isnan(number)]
        return (max if self.more else min)(numbers) if self.judged and len(numbers) > 1 else math.nan

    def _one(self, number: float) -> str:
        return "" if math.isnan(number) else "exact" if number == math.inf else format(number, self.form)


_COLUMNS = (
    Column("held out, dB", "holdout", ".2f", True),
    Column("PSNR, dB", "psnr", ".2f", True),
    Column("between samples, dB", "between", ".2f", True),
    Column("SSIM", "ssim", ".4f", True),
    Column("SNR, dB", "snr", ".2f", True),
    Column("seconds", "seconds", ".2f", False),
    Column("steps", "steps", ",.0f", True, judged=False),
    Column("parameters", "parameters", ",.0f", False),
)


def columns_of(runs: Sequence[Run]) -> list[Column]:
    """Those that tell something of the fits: figures that are there, and steps only where they differ."""
    found = []
    for column in _COLUMNS:
        numbers = {run.metrics[column.name] for run in runs if not math.isnan(run.metrics.get(column.name, math.nan))}
        if numbers and (column.name != "steps" or len(numbers) > 1):
            found.append(column)
    return found
