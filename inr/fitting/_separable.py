"""Linear least squares on a grid whose features are products of one feature an axis."""

import functools
from collections.abc import Iterable, Sequence

import numpy as np


def least_squares(features: Sequence[np.ndarray], slabs: Iterable[np.ndarray], ridge: float = 0.0) -> np.ndarray:
    """The weights W for which W contracted with the features of every axis comes nearest to samples on a grid.

    With Φ the Kronecker product of all features, W minimises |Φ W - Y|² + ridge ‖Φ‖₂² |W|², and is the smallest such W:
    in two dimensions Φ_x⁺ Y (Φ_yᵀ)⁺ where ridge is 0. Through one singular value decomposition an axis, since those of
    a product are products, all in double precision; never through Φ.

    Args:
        features: Φ_a of every axis of the grid, float64 (samples N_a, functions K_a).
        slabs: Y (N_1, N_2, …, channels), float64, cut into pieces along the first axis.
        ridge: see above; relative to the square of the largest singular value.

    Returns:
        float64 (K_1, K_2, …, channels).
    """
    factors: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for axis, each in enumerate(features):
        same = next((other for other in range(axis) if np.array_equal(features[other], each)), None)
        factors.append(np.linalg.svd(each, full_matrices=False) if same is None else factors[same])
    weights = _projected([left for left, _, _ in factors], slabs)
    strengths = functools.reduce(np.multiply.outer, [values for _, values, _ in factors])
    weights *= _inverse(strengths, ridge, max(max(each.shape) for each in features))[..., None]
    for _, _, right in factors:
        weights = _rotated(weights, right)
    return np.moveaxis(weights, 0, -1)


def _projected(lefts: Sequence[np.ndarray], slabs: Iterable[np.ndarray]) -> np.ndarray:
    """Samples in the bases of left singular vectors: (r_1, r_2, …, channels)."""
    first, *others = lefts
    total, start = np.zeros(()), 0
    for slab in slabs:
        rest = _rotated(slab, first[start : start + len(slab)])
        for left in others:
            rest = _rotated(rest, left)
        total, start = total + np.moveaxis(rest, 0, -1), start + len(slab)
    return total


def _rotated(array: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The first axis multiplied by a matrix (its length, n), and put behind the others."""
    return np.tensordot(array, matrix, axes=(0, 0))


def _inverse(strengths: np.ndarray, ridge: float, largest: int) -> np.ndarray:
    """What undoes singular values: 1/s, damped by the ridge; 0 where s is nothing but rounding."""
    top = strengths.max(initial=0.0)
    sure = strengths > top * largest * np.finfo(np.float64).eps
    return np.divide(strengths, strengths**2 + ridge * top**2, out=np.zeros_like(strengths), where=sure)
