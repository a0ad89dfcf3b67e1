"""The Gaussian distribution of signals on a grid: their mean, principal deviations, and a kernel for the rest."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional as F

from inr._errors import InrError
from inr._parts import Range
from inr.compression.bitstream.coefficients import Spread
from inr.compression.encoder.coefficients import spread_of
from inr.field import Field
from inr.fitting import Budget, Fitter, Setup
from inr.priors._collection import Collection
from inr.priors._inner import adam, repeated
from inr.priors._method import Adapted, Learned, Method, Sampled, methods
from inr.priors._process import Exponential, Process, places_of
from inr.priors._tuning import SHARES, Settings, tuned
from inr.signals import Domain, grid_coords

MEAN, DEVIATIONS, STEP, CHANNELS, SETTINGS, SPREAD = "mean", "deviations", "step", "channels", "settings", "spread"
# Deviations are rounded to one step, so that small ones take few bytes: levels on either side of 0 at most, and the
# share of what they leave of other signals that all of the rounding may add.
_LEVELS, _ADDED = 32_767, 1 / 16
_MOST_VALUES = 20_000  # of a signal: deviations take as many numbers each
_MOST_AXES = 3  # that are interpolated along
_FOLDS = 8  # parts that signals are left out by


@methods.register(
    "gaussian",
    source="Rasmussen and Williams, Gaussian processes for machine learning, MIT Press 2006; hyper-parameters by "
    "predictions of left-out signals",
    formula="values ~ t(mean, a · Σⱼ dⱼ dⱼᵀ + b · exp(-distance / length)): a, b, length and degrees by the share seen",
    limits="signals of up to 20,000 values; completion and codes, of small signals; its field is that of the mean",
)
class Gaussian(Method):
    """What signals of one sort have in common as a Gaussian process, which tells the unseen in closed form.

    Mean and principal deviations are those of the signals, on their grid; signals of other sizes take them by linear
    interpolation. An exponential kernel holds what some signals cannot tell of all others. How much of either there is,
    the kernel's length and the heaviness of the tails are those that predict left-out signals best, for some shares of
    samples that are seen; of neighbouring signals, which may be alike, none is used to predict another. Without `tuned`
    it is the covariance of the signals and 0.01 of an exponential kernel.

    The field of the mean is where a fit begins (`inr fit --base`).
    """

    steps = 300
    learning_rate = 1e-3
    least = 3

    def __init__(
        self,
        *,
        components: Annotated[int, Range(1, 4_096), "principal deviations, of fewer signals the others are 0"] = 64,
        tuned: Annotated[bool, "by left-out signals"] = True,
        inner_steps: Annotated[int, Range(0, 1_000), "of Adam, where a field is adapted"] = 10,
        inner_rate: Annotated[float, Range(0, above=True), "their rate"] = 5e-4,
    ) -> None:
        self.components = components
        self.tuned = tuned
        self.inner_steps = inner_steps
        self.inner_rate = inner_rate
        self._own: dict[str, Tensor] | None = None  # found once in a fit, which looks at it often

    def own(self, field: Field) -> dict[str, Tensor]:
        """Mean (samples, channels), deviations (components, samples, channels) in whole steps, and the settings."""
        samples, channels = math.prod(field.domain.shape or ()), field.domain.channels
        like = next(field.parameters())
        return {
            MEAN: like.new_empty(samples, channels),
            DEVIATIONS: like.new_empty(self.components, samples, channels, dtype=torch.int16),
            STEP: like.new_empty(1),
            CHANNELS: like.new_empty(channels, channels),
            SETTINGS: like.new_empty(len(SHARES), len(Settings._fields)),
            SPREAD: like.new_empty(len(Spread._fields), self.components),
        }

    def fitter(self, signals: Collection, setup: Setup, steps: int, **options: Any) -> Fitter:
        """The fit of the mean."""
        if math.prod(signals.values.shape[1:]) > _MOST_VALUES:
            raise InrError(
                f"method 'gaussian' is for signals of up to {_MOST_VALUES:,} values, and these have "
                f"{math.prod(signals.values.shape[1:]):,}: bring them to a smaller grid (--size), or take trunk"
            )
        self._own = None
        mean = np.asarray(signals.values.mean(0, dtype=np.float64, keepdims=True), dtype=np.float32)
        return Fitter(signals.with_values(mean).signal(0), setup, Budget(steps=steps), **options)

    def learned(self, fitter: Fitter, signals: Collection) -> Learned:
        """The field of the mean as it stands, and the distribution."""
        if self._own is None:
            self._own = self._distribution(signals)
        return Learned(fitter.field.state_dict(), self._own)

    def _distribution(self, signals: Collection) -> dict[str, Tensor]:
        values = signals.targets.double().numpy()
        shape = signals.values.shape[1:-1]
        places = places_of(grid_coords(shape, torch.arange(values.shape[1])).numpy(), shape)
        mean, deviations = principal(values, self.components)
        runs, left = zip(*_left_out(values, self.components), strict=True)
        step = np.float32(_step(deviations, float(np.mean(left))))
        own = {
            MEAN: mean,
            STEP: np.array([step]),
            SPREAD: np.stack(spread_of(runs)),
            CHANNELS: _between_channels(values - mean),
            SETTINGS: tuned(values, places) if self.tuned else np.tile(_PLAIN, (len(SHARES), 1)),
        }
        if not self.tuned:
            own[CHANNELS] = np.eye(mean.shape[1])
        found = {name: torch.from_numpy(each).float() for name, each in own.items()}
        levels = np.rint(_filled(deviations, self.components) / step)
        return {**found, DEVIATIONS: torch.from_numpy(levels.astype(np.int16))}

    def start(self, learned: Learned, field: Field, signal: Sampled | None) -> Mapping[str, Tensor]:
        """The field of the mean, for all signals."""
        return learned.weights

    def adapt(self, learned: Learned, field: Field, signals: Sampled, steps: int | None) -> Adapted:
        """A few steps of Adam from the mean."""
        own = repeated(field, learned.weights, len(signals.values))
        count = self.inner_steps if steps is None else steps
        return Adapted(adam(field, own, self.inner_rate, *signals, count))

    def process(self, learned: Learned, domain: Domain, own_shape: tuple[int, ...], share: float) -> Process:
        """The distribution of the samples of a signal.

        Args:
            learned: by this method.
            domain: of the signal, on a grid.
            own_shape: of the signals that were learned from.
            share: of the signal's samples that are seen.
        """
        assert domain.shape is not None
        mean, deviations = (
            _on_grid(each, own_shape, domain.shape).numpy()
            for each in (learned.own[MEAN].double(), deviations_of(learned.own))
        )
        settings = settings_at(learned.own[SETTINGS].double().numpy(), share)
        coords = grid_coords(domain.shape, torch.arange(mean.shape[0])).numpy()
        kernel = Exponential(settings.kernel * learned.own[CHANNELS].double().numpy(), settings.length)
        used = deviations[np.square(deviations).any((1, 2))]
        return Process(
            places_of(coords, domain.shape), mean, math.sqrt(settings.factors) * used, kernel, settings.degrees
        )


_PLAIN = np.array([1.0, 0.01, 1.0, 0.0])


def principal(
    values: Float64[np.ndarray, "b n c"], count: int
) -> tuple[Float64[np.ndarray, "n c"], Float64[np.ndarray, "k n c"]]:
    """The mean of signals, and deviations whose squares add up to their covariance.

    Args:
        values: of all signals.
        count: of deviations, at most; the largest are taken.
    """
    mean = values.mean(0)
    flat = (values - mean).reshape(len(values), -1)
    _, scales, directions = np.linalg.svd(flat, full_matrices=False)
    kept = min(count, len(values) - 1)
    deviations = scales[:kept, None] * directions[:kept] / math.sqrt(len(values) - 1)
    return mean, deviations.reshape(-1, *mean.shape)


def _left_out(
    values: Float64[np.ndarray, "b n c"], count: int
) -> Iterator[tuple[Float64[np.ndarray, "run k"], np.floating[Any]]]:
    """Coefficients of signals by the deviations of others, and the mean square of what these leave.

    By their own deviations both would seem smaller than they are.
    """
    for run in np.array_split(np.arange(len(values)), min(_FOLDS, len(values))):
        mean, deviations = principal(np.delete(values, run, axis=0), count)
        rows = (values[run] - mean).reshape(len(run), -1)
        coefficients = rows @ directions(_filled(deviations, count)).T
        yield coefficients, np.square(rows).mean() - np.square(coefficients).sum() / rows.size


def _step(deviations: Float64[np.ndarray, "k n c"], left: float) -> float:
    """What deviations are rounded to: each adds a twelfth of its square for a coefficient of their spread.

    Args:
        deviations: that signals are made of, with coefficients of variance 1.
        left: mean square of what they leave of a signal.
    """
    finest = np.abs(deviations).max() / _LEVELS
    return float(max(finest, math.sqrt(12 * _ADDED * max(left, 0.0) / len(deviations)), np.finfo(np.float32).tiny))


def deviations_of(own: Mapping[str, Tensor]) -> Float[Tensor, "k n c"]:
    """The deviations in what a base of this method holds, float64."""
    return own[DEVIATIONS].double() * own[STEP].double()


def directions(deviations: Float64[np.ndarray, "k n c"]) -> Float64[np.ndarray, "k values"]:
    """Rows of unit length, orthogonal as far as deviations are; those of deviations that are 0 are 0."""
    flat = deviations.reshape(len(deviations), -1)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-30)


def _filled(deviations: Float64[np.ndarray, "k n c"], count: int) -> Float64[np.ndarray, "count n c"]:
    """As many deviations as there are to be, the last ones 0."""
    return np.concatenate([deviations, np.zeros((count - len(deviations), *deviations.shape[1:]))])


def _between_channels(differences: Float64[np.ndarray, "b n c"]) -> Float64[np.ndarray, "c c"]:
    """Covariances between channels, of all samples of all signals."""
    flat = differences.reshape(-1, differences.shape[-1])
    return flat.T @ flat / len(flat)


def settings_at(table: Float64[np.ndarray, "shares 4"], share: float) -> Settings:
    """The settings for a share of samples, between those for the shares on either side.

    The table's last column is one over the degrees of freedom: 0 for the distribution of Gauss.
    """
    logs = np.log([min(max(share, SHARES[0]), SHARES[-1]), *SHARES])
    factors, kernel, length = (np.exp(np.interp(logs[0], logs[1:], np.log(column))) for column in table[:, :3].T)
    heavy = np.interp(logs[0], logs[1:], table[:, 3])
    return Settings(factors, kernel, length, math.inf if heavy == 0 else float(1 / heavy))


def _on_grid(values: Float[Tensor, "*k n c"], own: tuple[int, ...], shape: tuple[int, ...]) -> Float[Tensor, "*k m c"]:
    """Functions on another grid over the same extent, by linear interpolation."""
    if own == shape:
        return values
    if len(own) > _MOST_AXES:
        raise InrError(f"a Gaussian base of {len(own)} axes is for signals of its own size alone")
    channels = values.shape[-1]
    grids = values.movedim(-1, 0).reshape(1, -1, *own)
    sizes = tuple(shape)
    if len(own) == 1:  # torch samples pictures and volumes
        grids, sizes = grids[..., None, :], (1, *sizes)
    coords = grid_coords(sizes, torch.arange(math.prod(sizes))).to(values.dtype).reshape(1, *sizes, len(sizes))
    found = F.grid_sample(grids, coords, mode="bilinear", padding_mode="border", align_corners=False)
    return found.reshape(channels, *values.shape[:-2], -1).movedim(0, -1)
