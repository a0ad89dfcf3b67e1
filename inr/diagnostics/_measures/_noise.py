"""How noisy samples are, told from the samples alone."""

import math

import numpy as np
from jaxtyping import Shaped

from inr._errors import InrError

_SECOND, _FOURTH = np.array([1.0, -2.0, 1.0]), np.array([1.0, -4.0, 6.0, -4.0, 1.0])


def noise_estimate(values: Shaped[np.ndarray, "*shape c"]) -> float:
    """The standard deviation of white noise in samples on a grid, in their units.

    What is left by second differences along every axis, which take straight edges and slopes away (Immerkær, Fast
    noise variance estimation, Computer Vision and Image Understanding 1996), by the median of absolute values, which
    few edges do not move. Samples along one axis are differenced four times, for as much is taken away then. Texture
    of one sample's width counts as noise.

    Args:
        values: numbers on a grid, with a last axis of channels, over which estimates are averaged; NaN is left out.
            Axes of fewer than 5 samples are not differenced.

    Raises:
        InrError: too few samples.

    >>> found = inr.diagnostics.noise_estimate(np.random.default_rng(0).normal(0, 0.1, (64, 64, 1)))
    >>> 0.09 < found < 0.11
    True
    """
    found = np.asarray(values, np.float64)
    long = [axis for axis in range(found.ndim - 1) if found.shape[axis] >= 5]
    if not long:
        raise InrError(f"noise is told from 5 samples along an axis or more, got shape {values.shape[:-1]}")
    kernel = _FOURTH if len(long) == 1 else _SECOND
    for axis in long:
        size = found.shape[axis] - len(kernel) + 1
        parts = (number * np.take(found, range(k, k + size), axis) for k, number in enumerate(kernel))
        found = sum(parts)
    scale = math.sqrt(float(np.square(kernel).sum())) ** len(long)
    medians = np.nanmedian(np.abs(found).reshape(-1, found.shape[-1]), axis=0)
    return float(np.mean(medians)) / 0.6745 / scale
