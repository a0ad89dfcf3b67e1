"""Ridge regression on random Fourier features of a limited band, solved at once: what a fit should not fall behind."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inr._errors import InrError
from inr.fitting import RIDGES

_FEATURES = 512


@dataclass(frozen=True)
class RandomFeatures:
    """A regression on random Fourier features.

    Attributes:
        frequencies: (m, D), in cycles over the whole extent [-1, 1].
        weights: (2 m + 1, C), of cosines, sines and the constant.
        sigma: standard deviation of the frequencies, in cycles.
        ridge: in units of the mean squared feature.
        left_out: mean squared error on every sample when it is left out, of the best sigma and ridge.
        ladder: every sigma that was tried and the least error of samples left out.
    """

    frequencies: Float[np.ndarray, "m d"]
    weights: Float[np.ndarray, "k c"]
    sigma: float
    ridge: float
    left_out: float
    ladder: tuple[tuple[float, float], ...]

    def __call__(self, coords: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n c"]:
        """Values at coordinates in [-1, 1]."""
        return _features(coords, self.frequencies) @ self.weights


def random_features(
    coords: Float[np.ndarray, "n d"],
    values: Float[np.ndarray, "n c"],
    *,
    sigmas: Sequence[float] | None = None,
    band: float | None = None,
    features: int = _FEATURES,
    seed: int = 0,
) -> RandomFeatures:
    """Fit random Fourier features in closed form, sigma and ridge by leaving out one sample at a time.

    Rahimi and Recht, Random features for large-scale kernel machines, NeurIPS 2007. Frequencies beyond the band that
    the samples can tell are not drawn: what lies there has an error that no weights can remove, and what is fitted
    with it is wrong between the samples.

    Args:
        coords: in [-1, 1], up to some thousands of neighbouring samples.
        values: what they have.
        sigmas: of the frequencies, to be compared; octaves that suit the samples' density if not given.
        band: the largest frequency along an axis, in cycles over [-1, 1]; half the samples along it if not given.
        features: frequencies drawn.
        seed: of the draw.

    Raises:
        InrError: fewer than 8 samples.

    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> model = inr.diagnostics.random_features(x, np.sin(4 * x))
    >>> bool(model.left_out < 1e-6)
    True
    """
    if len(coords) < 8:
        raise InrError(f"random features are fitted to 8 samples or more, got {len(coords)}")
    extent = np.ptp(coords, axis=0).max() / 2
    density = len(coords) ** (1 / coords.shape[1]) / max(extent, 1e-6)  # samples along an axis of [-1, 1]
    limit = density / 2 if band is None else band
    ladder, best = [], None
    for sigma in sigmas or [density / 2**octave for octave in range(2, 9)]:
        draw = np.random.default_rng(seed)
        drawn = draw.normal(0, sigma, (4 * features, coords.shape[1]))
        drawn = drawn[(np.abs(drawn) <= limit).all(1)][:features]
        if len(drawn) == 0:
            continue
        errors, weights = _ridge(_features(coords, drawn), values)
        place = int(np.argmin(errors))
        ladder.append((float(sigma), float(errors[place])))
        if best is None or errors[place] < best.left_out:
            best = RandomFeatures(drawn, weights[place], float(sigma), RIDGES[place], float(errors[place]), ())
    if best is None:
        raise InrError(f"no frequency of sigmas {list(sigmas or [])} lies within a band of {limit:g} cycles")
    return RandomFeatures(best.frequencies, best.weights, best.sigma, best.ridge, best.left_out, tuple(ladder))


def _features(coords: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    phases = math.pi * coords @ frequencies.T  # a cycle over [-1, 1] is pi per unit
    return np.concatenate([np.cos(phases), np.sin(phases), np.ones((len(coords), 1))], axis=1)


def _ridge(matrix: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Errors of samples left out, and weights, for every ridge: by one decomposition of the kernel of samples."""
    eigenvalues, vectors = np.linalg.eigh(matrix @ matrix.T)
    turned = vectors.T @ values
    mean = float(np.square(matrix).sum()) / len(matrix)
    errors, weights = [], []
    for ridge in RIDGES:
        inverse = 1 / (eigenvalues.clip(min=0) + ridge * mean)
        dual = vectors @ (inverse[:, None] * turned)
        diagonal = (np.square(vectors) * inverse).sum(1)
        errors.append(float(np.square(dual / diagonal[:, None]).mean()))
        weights.append(matrix.T @ dual)
    return np.array(errors), weights
