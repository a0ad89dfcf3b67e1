"""Gaussian processes on the samples of a grid: what is seen of a signal, and what follows for the rest of it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.spatial.distance import cdist

from inr._errors import InrError

# numbers that are seen, and numbers that are drawn together: what dense equations of some seconds hold
MOST_SEEN, MOST_DRAWN = 6_000, 6_000
_JITTER = 1e-6  # of the kernel's variance: keeps the equations of nearly equal rows solvable
_LENGTHS = tuple(2.0**power for power in np.arange(-5, 3.5, 0.5))
_VAGUE = 10.0  # standard deviations of the values: a constant of which nothing is known before


class Exponential(NamedTuple):
    """A stationary covariance: variance · exp(-distance / length), the same for all channels but for their variances.

    Attributes:
        variance: of the channels and between them, (c, c).
        length: in half extents of the longest axis.
    """

    variance: Float64[np.ndarray, "c c"]
    length: float


class Process(NamedTuple):
    """A Gaussian process on the samples of a grid: covariance Σⱼ fⱼ fⱼᵀ + kernel.

    Attributes:
        places: coordinates of all samples, (n, d), in half extents of the longest axis.
        mean: (n, c).
        factors: the functions fⱼ, (k, n, c); k may be 0.
        kernel: what they leave.
        degrees: of freedom of Student's distribution that single values follow; infinite where it is Gauss's.
    """

    places: Float64[np.ndarray, "n d"]
    mean: Float64[np.ndarray, "n c"]
    factors: Float64[np.ndarray, "k n c"]
    kernel: Exponential
    degrees: float = math.inf


def near(
    kernel: Exponential, first: Float64[np.ndarray, "a d"], second: Float64[np.ndarray, "b d"]
) -> Float64[np.ndarray, "ac bc"]:
    """The kernel's covariances of the values at some places, channel by channel, with those at others."""
    return np.kron(np.exp(-cdist(first, second) / kernel.length), kernel.variance)


class Posterior(NamedTuple):
    """What follows from the samples that were seen.

    Attributes:
        mean: (n, c); at seen samples what was seen.
        deviation: standard deviations (n, c); 0 at seen samples.
        draws: (draws, n, c).
    """

    mean: Float64[np.ndarray, "n c"]
    deviation: Float64[np.ndarray, "n c"]
    draws: Float64[np.ndarray, "s n c"]


def condition(
    process: Process, seen: Int64[np.ndarray, " m"], values: Float64[np.ndarray, "m c"], draws: int = 0, seed: int = 0
) -> Posterior:
    """Condition a process on samples that were seen without noise.

    Args:
        process: before.
        seen: which samples.
        values: theirs.
        draws: how many signals to draw from the posterior.
        seed: decides these.

    Returns:
        The posterior; deviations and draws are those of Student's distribution where the process has degrees.

    Raises:
        InrError: more samples than dense equations hold.
    """
    count, channels = process.mean.shape
    rest = np.setdiff1d(np.arange(count), seen)
    check_size(len(seen) * channels, len(rest) * channels if draws else 0)
    split = Split.of(process, seen, rest, values)
    weights, root = split.weights(1.0)
    told, variance = split.told(weights, root)
    mean, deviation = process.mean.copy(), np.zeros_like(process.mean)
    mean[rest] += told.reshape(len(rest), channels)
    deviation[rest] = np.sqrt(variance).reshape(len(rest), channels)
    mean[seen] = values
    drawn, scale = np.repeat(mean[None], draws, axis=0), wider(process.degrees)
    if draws and len(rest):
        generator = np.random.default_rng(seed)
        places = process.places[rest]
        left = _root(near(process.kernel, places, places) - split.across.T @ split.across, split.level)
        noise = generator.standard_normal((draws, len(left))) @ left.T
        noise += generator.standard_normal((draws, len(root))) @ solve_triangular(root, split.free.T, lower=True)
        drawn[:, rest] += scale * noise.reshape(draws, len(rest), channels)
    return Posterior(mean, scale * deviation, drawn)


class Split(NamedTuple):
    """A process of which some values are seen: what its kernel tells of the others, and what is left to its factors.

    Given the factors' weights z, of prior N(0, 1), the kernel alone is random; the weights follow by ridge regression,
    so that covariances of signals, which have few factors, cost next to nothing for any scale of them.

    Attributes:
        across: L⁻¹ K(seen, rest), L being the Cholesky factor of K(seen, seen).
        missed: L⁻¹ (values - mean).
        loadings: L⁻¹ of the factors at seen values, (m, k).
        free: of the factors at the rest, what the kernel does not tell, (rest, k).
        variance: of the rest, given the weights.
        level: of the kernel's variance.
    """

    across: Float64[np.ndarray, "m r"]
    missed: Float64[np.ndarray, " m"]
    loadings: Float64[np.ndarray, "m k"]
    free: Float64[np.ndarray, "r k"]
    variance: Float64[np.ndarray, " r"]
    level: float

    @classmethod
    def of(
        cls, process: Process, seen: Int64[np.ndarray, " m"], rest: Int64[np.ndarray, " r"], values: np.ndarray
    ) -> "Split":
        """Of a process, and the values of its seen samples."""
        kernel, channels = process.kernel, process.mean.shape[1]
        level = float(np.trace(kernel.variance)) / channels
        known, asked = process.places[seen], process.places[rest]
        root = _root(near(kernel, known, known), level)
        across = solve_triangular(root, near(kernel, known, asked), lower=True)
        factors = [
            process.factors[:, chosen].reshape(len(process.factors), len(chosen) * channels).T
            for chosen in (seen, rest)
        ]
        loadings = solve_triangular(root, factors[0], lower=True)
        missed = solve_triangular(root, (values - process.mean[seen]).ravel(), lower=True)
        whole = np.tile(np.diag(kernel.variance), len(rest))
        variance = np.maximum(whole - np.square(across).sum(0), _JITTER * whole)
        return cls(across, missed, loadings, factors[1] - across.T @ loadings, variance, level)

    def weights(self, scale: float) -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, "k k"]]:
        """The factors' weights, and the Cholesky factor of their inverse covariance.

        Args:
            scale: of the factors' covariance; weights are in units of its root.
        """
        loadings = math.sqrt(scale) * self.loadings
        root = cholesky(np.eye(loadings.shape[1]) + loadings.T @ loadings, lower=True)
        return cho_solve((root, True), loadings.T @ self.missed), root

    def told(
        self, weights: Float64[np.ndarray, " k"], root: Float64[np.ndarray, "k k"], scale: float = 1.0
    ) -> tuple[Float64[np.ndarray, " r"], Float64[np.ndarray, " r"]]:
        """What the rest is more than its mean, and its variances.

        Args:
            weights, root: of `weights`.
            scale: likewise.
        """
        free = math.sqrt(scale) * self.free
        spread = solve_triangular(root, free.T, lower=True)
        return self.across.T @ self.missed + free @ weights, self.variance + np.square(spread).sum(0)


def wider(degrees: float) -> float:
    """The standard deviation of Student's distribution of scale 1."""
    return math.sqrt(degrees / (degrees - 2)) if math.isfinite(degrees) else 1.0


def check_size(seen: int, drawn: int = 0) -> None:
    """Refuse what dense equations do not hold.

    Args:
        seen: numbers that are seen, samples times channels; drawn: those that are drawn together.

    Raises:
        InrError: too many of them.
    """
    if seen > MOST_SEEN:
        raise InrError(
            f"{seen:,} numbers are seen, and completion solves equations of at most {MOST_SEEN:,}: give a smaller "
            "signal or see less of it; inr reconstruct --task inpaint fills in large pictures"
        )
    if drawn > MOST_DRAWN:
        raise InrError(
            f"{drawn:,} numbers are unseen, and samples are drawn of at most {MOST_DRAWN:,} together: ask for 0 samples"
        )


def _root(matrix: Float64[np.ndarray, "m m"], level: float) -> Float64[np.ndarray, "m m"]:
    """The lower Cholesky factor, with as small a share of a variance on the diagonal as it takes."""
    for share in (_JITTER, 1e2 * _JITTER, 1e4 * _JITTER):
        try:
            return cholesky(matrix + max(share * level, 1e-300) * np.eye(len(matrix)), lower=True)
        except LinAlgError:
            continue
    raise InrError("the covariance of what is seen is singular; nothing was completed")


def likeliest(
    places: Float64[np.ndarray, "m d"], values: Float64[np.ndarray, "m c"], *, constant: bool
) -> tuple[Exponential, Float64[np.ndarray, " c"]]:
    """The exponential covariance under which values are likeliest, by the restricted marginal likelihood.

    The length is one of a grid of half octaves; variances follow in closed form.

    Args:
        places: coordinates, as of `Process`.
        values: there.
        constant: whether they vary about a constant of which nothing is known; if not, about 0.

    Returns:
        The covariance, and the constant of each channel.
    """
    count, channels = values.shape
    distances = cdist(places, places)
    best = (-math.inf, _LENGTHS[0], np.eye(channels), np.zeros(channels))
    for length in _LENGTHS:
        root = _root(np.exp(-distances / length), 1.0)
        rows = solve_triangular(root, values, lower=True)
        logs = 2 * np.log(np.diag(root)).sum()
        level, free = np.zeros(channels), count
        if constant:
            ones = solve_triangular(root, np.ones(count), lower=True)
            level = ones @ rows / (ones @ ones)
            rows = rows - np.outer(ones, level)
            logs, free = logs + math.log(ones @ ones), max(count - 1, 1)
        variance = rows.T @ rows / free
        variance = variance + max(_JITTER * np.trace(variance) / channels, 1e-12) * np.eye(channels)
        likelihood = -0.5 * (free * np.linalg.slogdet(variance)[1] + channels * logs)
        if likelihood > best[0]:
            best = (likelihood, length, variance, level)
    return Exponential(best[2], best[1]), best[3]


def exponential_process(
    places: Float64[np.ndarray, "n d"], seen: Int64[np.ndarray, " m"], values: Float64[np.ndarray, "m c"]
) -> Process:
    """The process that knows nothing but what is seen: an exponential covariance about a constant.

    Args:
        places: of all samples.
        seen: which of them.
        values: theirs.
    """
    count, channels = len(places), values.shape[1]
    kernel, level = likeliest(places[seen], values, constant=True)
    vague = _VAGUE * np.sqrt(np.diag(kernel.variance))
    factors = np.eye(channels)[:, None] * np.broadcast_to(vague, (count, channels))
    return Process(places, np.broadcast_to(level, (count, channels)).copy(), factors, kernel, _free(len(seen) - 1))


def residual_process(
    places: Float64[np.ndarray, "n d"],
    mean: Float64[np.ndarray, "n c"],
    seen: Int64[np.ndarray, " m"],
    missed: Float64[np.ndarray, "m c"],
) -> Process:
    """The process about a guess at the whole signal whose errors are known at some samples.

    Args:
        places: of all samples.
        mean: the guess.
        seen: where its errors are known.
        missed: how far a guess of this sort is from values that it has not seen.
    """
    kernel, _ = likeliest(places[seen], missed, constant=False)
    return Process(places, mean, np.zeros((0, *mean.shape)), kernel, _free(len(seen)))


def _free(count: int) -> float:
    """Degrees of freedom of a variance that so many values tell; at least 3, so that there is a standard deviation."""
    return float(max(count, 3))


def places_of(coords: Float[np.ndarray, "n d"], shape: Sequence[int]) -> Float64[np.ndarray, "n d"]:
    """Coordinates in half extents of the longest axis, so that distances are those of cells.

    Args:
        coords: in [-1, 1] on every axis, columns x, y, ….
        shape: samples per axis in array order.
    """
    sizes = np.asarray(shape[::-1], dtype=np.float64)
    return np.asarray(coords, dtype=np.float64) * sizes / sizes.max()
