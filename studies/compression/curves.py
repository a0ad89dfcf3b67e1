"""Curves of rate and quality, and how two of them compare."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

Points = Sequence[tuple[float, float]]  # bits per pixel (or bytes) and dB


def quality_at(points: Points, bpp: float) -> float | None:
    """dB at a rate, by PCHIP over the logarithm of the rate; None beyond the points."""
    rates, decibels = _columns(points)
    if len(rates) < 2 or not rates[0] <= bpp <= rates[-1]:
        return None
    return float(PchipInterpolator(np.log2(rates), decibels)(math.log2(bpp)))


def size_at(points: Points, decibels: float) -> float | None:
    """The least size that reaches a quality, straight between points by the size's logarithm; None beyond them.

    Points that are no better than a smaller one do not count: a user would take that one.
    """
    best: list[tuple[float, float]] = []
    for size, found in sorted(points):
        if not best or found > best[-1][1]:
            best.append((size, found))
    if not best or not best[0][1] <= decibels <= best[-1][1]:
        return None
    sizes, found = zip(*best, strict=True)
    return float(np.exp(np.interp(decibels, found, np.log(sizes))))


def bd_rate(anchor: Points, points: Points) -> float | None:
    """How much larger files are at equal quality, as a share; below zero where they are smaller.

    By PCHIP of the logarithm of the rate over dB, on the dB that both curves span; None where they share none.
    """
    curves = []
    for curve in (anchor, points):
        rates, decibels = _columns(curve)
        rising = np.concatenate([[True], decibels[1:] > np.maximum.accumulate(decibels)[:-1]])
        if rising.sum() < 2:
            return None
        curves.append((decibels[rising], PchipInterpolator(decibels[rising], np.log(rates[rising]))))
    low, high = max(curve[0][0] for curve in curves), min(curve[0][-1] for curve in curves)
    if not low < high:
        return None
    means = [interpolator.integrate(low, high) / (high - low) for _, interpolator in curves]
    return math.expm1(means[1] - means[0])


def _columns(points: Points) -> tuple[np.ndarray, np.ndarray]:
    """Rates and dB in the order of the rates; of equal rates the best."""
    best: dict[float, float] = {}
    for rate, decibels in points:
        best[rate] = max(decibels, best.get(rate, -math.inf))
    ordered = sorted(best.items())
    return np.array([rate for rate, _ in ordered]), np.array([decibels for _, decibels in ordered])
