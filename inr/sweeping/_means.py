"""What a combination came to over several signals and seeds: means, and how far single fits deviate from them."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from inr.sweeping._rows import Row, Status

AVERAGED = ("psnr", "between", "holdout", "ssim", "snr", "seconds")
_COUNTED = ("steps", "points", "parameters")


def mean_rows(runs: Iterable[Row], expected: int) -> list[Row]:
    """A row for every combination, in the order in which they come.

    Args:
        runs: single fits.
        expected: how many a combination has when all are finished.

    Returns:
        Single fits as they are where one is expected; else means over those that are done, with the names and parts of
        the first of them, whose field stands for the others.
    """
    if expected == 1:
        return list(runs)
    groups: dict[tuple[tuple[str, str], ...], list[Row]] = {}
    for run in runs:
        groups.setdefault(tuple(sorted(run.label.items())), []).append(run)
    return [_mean(group, expected) for group in groups.values()]


def mean_curve(curves: Sequence[Float[np.ndarray, "_ 3"]]) -> Float[np.ndarray, "n 3"]:
    """The mean of several fits' curves, as far as the shortest goes.

    Args:
        curves: steps, seconds and dB, float64 (n, 3), each of as many points as it has.

    Returns:
        The same, at the steps of the first curve; a single curve as it is.
    """
    curves = [curve for curve in curves if len(curve)]
    if len(curves) < 2:
        return curves[0] if curves else np.zeros((0, 3))
    last = min(curve[-1, 0] for curve in curves)
    steps = curves[0][:, 0][curves[0][:, 0] <= last]
    columns = [
        np.mean([np.interp(steps, curve[:, 0], curve[:, column]) for curve in curves], axis=0) for column in (1, 2)
    ]
    return np.stack([steps, *columns], axis=1)


def _mean(runs: Sequence[Row], expected: int) -> Row:
    done = [run for run in runs if run.status == "done"]
    counted = done or runs
    means: dict[str, Any] = {name: _average([getattr(run, name) for run in counted]) for name in AVERAGED}
    counts: dict[str, Any] = {name: round(statistics.fmean(getattr(run, name) for run in counted)) for name in _COUNTED}
    deviation = {name: _spread([getattr(run, name) for run in counted]) for name in (*AVERAGED, "parameters")}
    known = {name: number for name, number in deviation.items() if not math.isnan(number)}
    broken = [run for run in runs if run.status != "done"]
    status: Status = broken[0].status if broken else "done"
    return replace(
        counted[0], **means, **counts, status=status, note=_note(runs, broken, expected), deviation=known,
        runs=len(runs),
    )  # fmt: skip


def _note(runs: Sequence[Row], broken: Sequence[Row], expected: int) -> str:
    """What is to be known of the runs: those that are missing, and those that are not as they were asked for."""
    words = [f"{len(runs)} of {expected} runs"] if len(runs) < expected else []
    noted = broken or [run for run in runs if run.note]
    if noted:
        words.append(f"{len(noted)} of {len(runs)} runs: {noted[0].note}" if len(noted) < len(runs) else noted[0].note)
    return "; ".join(words)


def _average(numbers: Sequence[float]) -> float:
    """The mean, NaN where a number is missing."""
    return statistics.fmean(numbers) if numbers else math.nan


def _spread(numbers: Sequence[float]) -> float:
    """The sample standard deviation, NaN of a single number or where one is not finite."""
    if len(numbers) < 2 or not all(map(math.isfinite, numbers)):
        return math.nan
    return statistics.stdev(numbers)
