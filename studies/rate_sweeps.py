"""Sweeps of a factor of the declared rates, the same for every method of a study."""

import math
from collections.abc import Mapping

BEGIN, STRIDE = (1.0, 3.0, 10.0), 3.0
ENDS = (0.01, 300.0)  # of factors


def next_factor(tried: Mapping[float, float]) -> float | None:
    """The factor to try next, so that the best one does not stand at an end of those that were tried.

    Args:
        tried: PSNR by factor; NaN of a fit that diverged.

    Returns:
        A factor, of two digits; None where the best one stands between two others, or at the end of all.
    """
    for factor in BEGIN:
        if factor not in tried:
            return factor
    best, ordered = best_factor(tried), sorted(tried)
    beyond = {ordered[-1]: best * STRIDE, ordered[0]: best / STRIDE}.get(best)
    return None if beyond is None or not ENDS[0] <= beyond <= ENDS[1] else float(f"{beyond:.2g}")


def best_factor(tried: Mapping[float, float]) -> float:
    """The factor with the highest PSNR, among which NaN does not count."""
    return max(tried, key=lambda factor: -math.inf if math.isnan(tried[factor]) else tried[factor])
