"""Hyper-parameters of the Gaussian distribution of signals, by how well it predicts signals that it was not told of."""

import itertools
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from inr.priors._process import Exponential, Process, Split

SHARES = (1 / 64, 1 / 16, 1 / 4, 1 / 2)  # of the samples that are seen
_RATIOS = (0.0, 0.1, 0.25, 0.6, 1.6, 6.0, 30.0)  # of the kernel's part to that of the deviations
_LENGTHS = (0.25, 0.5, 1.0, 2.0)
_DEGREES = (3.0, 4.0, 6.0, 10.0, 20.0, math.inf)
_SCALES = 2.0 ** np.arange(-2, 0.26, 0.25)  # of the errors' root mean square
_FOLDS, _JUDGED = 8, 16  # parts that signals are left out by; signals that are predicted, all parts together
_MOST_SEEN, _MOST_PREDICTED = 800, 400


class Settings(NamedTuple):
    """What a Gaussian distribution of signals is scaled by.

    Attributes:
        factors: of the covariance of the signals; kernel: of the variance between channels, in the exponential kernel.
        length: of the kernel; degrees: of freedom of single values.
    """

    factors: float
    kernel: float
    length: float
    degrees: float


def tuned(
    values: Float64[np.ndarray, "b n c"], places: Float64[np.ndarray, "n d"]
) -> Float64[np.ndarray, "shares settings"]:
    """Settings that predict left-out signals best, a row for each of `SHARES`: factors, kernel, length, 1 / degrees.

    Signals are left out in runs, for neighbours may be alike. The score is the mean log density of single unseen values
    under Student's distribution; its scale and degrees follow from the standardised errors.

    Args:
        values: of all signals.
        places: of their samples, as of `Process`.
    """
    found = np.array([_tuned_for(share, values, places) for share in SHARES])
    found[:, 3] = 1 / found[:, 3]
    return found


def _tuned_for(share: float, values: np.ndarray, places: np.ndarray) -> Settings:
    """The best settings where a share of the samples is seen."""
    best, found = -math.inf, Settings(1.0, 1.0, 1.0, math.inf)
    tasks = _tasks(share, values)
    for length in _LENGTHS:
        splits = [_split(length, task, places) for task in tasks]
        for ratio in _RATIOS:
            told = [split.told(*split.weights(ratio), ratio) for split in splits]
            errors = np.concatenate([mean - task.asked for (mean, _), task in zip(told, tasks, strict=True)])
            score, scale, degrees = _students(errors, np.sqrt(np.concatenate([variance for _, variance in told])))
            if score > best:
                best, found = score, Settings(scale**2 * max(ratio, 1e-9), scale**2, length, degrees)
    return found


class _Task(NamedTuple):
    """A left-out signal: which samples are seen and which are asked, the others' distribution, and what is asked."""

    seen: np.ndarray
    rest: np.ndarray
    mean: np.ndarray
    factors: np.ndarray
    channels: np.ndarray
    values: np.ndarray
    asked: np.ndarray


def _tasks(share: float, values: np.ndarray) -> list[_Task]:
    count, samples = values.shape[:2]
    draw = np.random.default_rng(0)
    folds = np.array_split(np.arange(count), min(_FOLDS, count))
    tasks = []
    for fold in folds:
        others = np.delete(values, fold, axis=0)
        mean = others.mean(0)
        factors = (others - mean) / math.sqrt(max(len(others) - 1, 1))
        flat = factors.reshape(-1, factors.shape[-1])
        channels = flat.T @ flat / samples
        for place in fold[:: max(1, -(-len(fold) * len(folds) // _JUDGED))]:
            order = draw.permutation(samples)
            count_seen = min(max(round(share * samples), 1), _MOST_SEEN, samples - 1)
            seen, rest = order[:count_seen], order[count_seen : count_seen + _MOST_PREDICTED]
            differences = values[place] - mean
            tasks.append(_Task(seen, rest, mean, factors, channels, values[place][seen], differences[rest].ravel()))
    return tasks


def _split(length: float, task: _Task, places: np.ndarray) -> Split:
    """With a kernel of the signals' variance."""
    floor = 1e-9 * np.eye(len(task.channels))
    process = Process(places, task.mean, task.factors, Exponential(task.channels + floor, length))
    return Split.of(process, task.seen, task.rest, task.values)


def _students(errors: np.ndarray, deviations: np.ndarray) -> tuple[float, float, float]:
    """Mean log density, scale and degrees under which errors in units of deviations are likeliest."""
    standard = np.abs(errors / deviations)
    spread = max(float(np.sqrt(np.mean(np.square(standard)))), 1e-6)
    best = (-math.inf, 1.0, math.inf)
    for scale, degrees in itertools.product(spread * _SCALES, _DEGREES):
        score = float(_log_density(standard / scale, degrees).mean()) - math.log(scale)
        if score > best[0]:
            best = (score, float(scale), degrees)
    return best[0] - float(np.log(deviations).mean()), best[1], best[2]


def _log_density(standard: np.ndarray, degrees: float) -> np.ndarray:
    """Of Student's distribution of scale 1."""
    if math.isinf(degrees):
        return -0.5 * np.square(standard) - 0.5 * math.log(2 * math.pi)
    constant = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2) - 0.5 * math.log(degrees * math.pi)
    return constant - (degrees + 1) / 2 * np.log1p(np.square(standard) / degrees)
