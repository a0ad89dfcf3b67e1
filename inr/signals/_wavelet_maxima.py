"""Wavelet modulus maxima: where a signal on a grid is singular, across scales."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from inr._errors import InrError
from inr.signals._grid import grid_coords
from inr.signals._signal import GridSignal, Signal

SCALES = (1.0, 2.0, 4.0)
_ROUNDING = 1e-5  # relative difference of two moduli that rounding alone can make


class ModulusMaxima(NamedTuple):
    """Where a signal is singular, in the order of its samples.

    Attributes:
        points: coordinates in [-1, 1], columns x, y(, z)(, t).
        orientations: unit vectors along the gradient, per unit of [-1, 1].
        moduli: of the wavelet transform at the finest scale, positive.
    """

    points: Float[np.ndarray, "m d"]
    orientations: Float[np.ndarray, "m d"]
    moduli: Float[np.ndarray, " m"]


class _Transform(NamedTuple):
    """One scale of the transform: gradient (D, *shape), its modulus (*shape), and where that is maximal."""

    gradient: np.ndarray
    modulus: np.ndarray
    maximal: np.ndarray


def modulus_maxima(
    signal: Signal,
    scales: Sequence[float] = SCALES,
    *,
    min_exponent: float = -0.5,
    min_cosine: float = 0.5,
    min_modulus: float = 0.01,
) -> ModulusMaxima:
    """Samples where the modulus of a wavelet transform is maximal along its gradient, and remains so across scales.

    The wavelets are the partial derivatives of a Gaussian of standard deviation s samples, so the transform is
    s ∇(f * G_s), of normalised values; of several channels the steepest one's counts. A maximum of the finest scale
    stays if at each coarser scale t (after s) there is one within t samples that points the same way and has not lost
    too much. A singularity of Lipschitz exponent a has moduli that grow as scale^a: a step keeps them, white noise in
    D dimensions loses them as s^(-D/2).

    Args:
        signal: samples on a grid, of any number of axes.
        scales: standard deviations in samples, rising; dyadic ones are usual. One alone asks for no persistence.
        min_exponent: a modulus may fall with the scale as scale^min_exponent at most.
        min_cosine: of the angle between the orientations at two scales; 0.5 is 60 degrees.
        min_modulus: maxima below this part of a scale's largest are left out: samples of 8 bits are flat there.

    Returns:
        Points, orientations and moduli of the maxima, in the order of the samples.

    Raises:
        InrError: scattered samples, or scales that do not rise from above 0.

    Source: Mallat and Hwang, Singularity detection and processing with wavelets, IEEE Trans. Inf. Theory 1992.

    >>> step = inr.from_array(np.repeat([0.0, 1.0], 16))  # one edge, in the middle
    >>> inr.signals.modulus_maxima(step).points.ravel()
    array([-0.03125,  0.03125], dtype=float32)
    """
    if not isinstance(signal, GridSignal):
        raise InrError("modulus maxima need samples on a grid, and these are scattered")
    if not scales or not all(low < high for low, high in itertools.pairwise((0.0, *scales, math.inf))):
        raise InrError(f"scales must be positive and rise, as in 1, 2, 4; got {', '.join(map(str, scales))}")
    samples = signal.values(torch.arange(signal.size)).numpy().reshape(signal.array.shape)
    channels = [np.ascontiguousarray(samples[..., channel]) for channel in range(signal.channels)]
    transform = _transform(channels, scales[-1], min_modulus)
    kept = transform.maximal
    for scale, coarser in reversed(list(itertools.pairwise(scales))):
        coarse, transform = transform, _transform(channels, scale, min_modulus)
        decay = (coarser / scale) ** min_exponent
        kept = _persistent(transform, coarse, kept, reach=coarser, min_ratio=decay, min_cosine=min_cosine)
    return _found(transform, np.flatnonzero(kept))


def _transform(channels: Sequence[np.ndarray], scale: float, min_modulus: float) -> _Transform:
    """The transform of the channel that is steepest, sample by sample."""
    from scipy.ndimage import gaussian_filter

    gradient = np.zeros((channels[0].ndim, *channels[0].shape), np.float32)
    modulus = np.zeros(channels[0].shape, np.float32)
    for values in channels:
        orders = np.eye(values.ndim, dtype=int)
        slopes = np.stack([scale * gaussian_filter(values, scale, order=order, mode="nearest") for order in orders])
        steepness = np.sqrt(np.square(slopes).sum(axis=0))
        gradient = np.where(steepness > modulus, slopes, gradient)
        modulus = np.maximum(modulus, steepness)
    return _Transform(gradient, modulus, _maximal(gradient, modulus, min_modulus))


def _maximal(gradient: np.ndarray, modulus: np.ndarray, min_modulus: float) -> np.ndarray:
    """A mask of the samples whose modulus no neighbour along the gradient exceeds, and one at least falls short of.

    Neighbours lie where the gradient's line leaves the box of adjacent samples, between those; both samples beside a
    symmetric step are maximal.
    """
    from scipy.ndimage import map_coordinates

    places = np.flatnonzero(modulus > min_modulus * modulus.max())
    here, slopes = modulus.ravel()[places], gradient.reshape(len(gradient), -1)[:, places]
    steps = slopes / np.abs(slopes).max(axis=0, initial=np.finfo(np.float32).tiny)
    centres = np.stack(np.unravel_index(places, modulus.shape))
    sides = np.stack([map_coordinates(modulus, centres + way * steps, order=1, mode="nearest") for way in (-1, 1)])
    mask = np.zeros(modulus.size, bool)
    mask[places] = (sides.max(axis=0) <= (1 + _ROUNDING) * here) & (sides.min(axis=0) < (1 - _ROUNDING) * here)
    return mask.reshape(modulus.shape)


def _persistent(
    fine: _Transform, coarse: _Transform, kept: np.ndarray, *, reach: float, min_ratio: float, min_cosine: float
) -> np.ndarray:
    """A mask of the fine maxima that the nearest of the `kept` coarse ones, within `reach` samples, continues."""
    from scipy.ndimage import distance_transform_edt

    places = np.flatnonzero(fine.maximal)
    mask = np.zeros(fine.maximal.size, bool)
    if len(places) and kept.any():
        distances, nearest = distance_transform_edt(~kept, return_indices=True)
        successors = np.ravel_multi_index(tuple(nearest), kept.shape).ravel()[places]
        ours, tsuccessors = (
            each.gradient.reshape(len(each.gradient), -1)[:, where] / each.modulus.ravel()[where]
            for each, where in ((fine, places), (coarse, successors))
        )
        least = min_ratio * fine.modulus.ravel()[places]
        mask[places] = (
            (distances.ravel()[places] <= reach)
            & ((ours * tsuccessors).sum(axis=0) >= min_cosine)
            & (coarse.modulus.ravel()[successors] >= least)
        )
    return mask.reshape(kept.shape)


def _found(transform: _Transform, places: Int[np.ndarray, " m"]) -> ModulusMaxima:
    """The samples at flat indices, in coordinates: axes reversed, n samples an axis spanning 2."""
    shape = transform.modulus.shape
    points = grid_coords(shape, torch.from_numpy(places)).numpy()
    per_unit = transform.gradient.reshape(len(shape), -1)[::-1, places].T * np.array(shape[::-1], np.float32) / 2
    orientations = per_unit / np.linalg.norm(per_unit, axis=1, keepdims=True)
    return ModulusMaxima(points, orientations.astype(np.float32), transform.modulus.ravel()[places])
