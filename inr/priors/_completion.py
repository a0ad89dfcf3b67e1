"""What is known of a signal when some of its samples are: the rest of it, and how sure that is."""

import math
import os
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from scipy import stats

from inr._errors import InrError
from inr.field import Field
from inr.priors._base import Base, as_base
from inr.priors._gaussian import Gaussian
from inr.priors._harmonics import estimated_period, harmonics, line_error
from inr.priors._inner import values_of
from inr.priors._method import Adapted, Sampled
from inr.priors._neural_process import NeuralProcess
from inr.priors._process import (
    Posterior,
    Process,
    check_size,
    condition,
    exponential_process,
    places_of,
    residual_process,
    wider,
)
from inr.signals import Domain, GridSignal, Signal, as_signal, grid_coords, psnr, usual_values

EXPONENTIAL, HARMONICS = "exponential", "harmonics"  # the names of what needs no base
_FOLDS = 5  # parts that seen samples are left out by, to find how far a field is from what it has not seen
_LEAST = 3  # samples that say something of a signal


class Figures(NamedTuple):
    """How near a completed signal is to the true one.

    Attributes:
        psnr: of all samples, in dB over the true signal's value range; psnr_unseen: of the unseen ones.
        nll: mean negative log density of unseen values, in nats, of values that this range normalises to [-1, 1].
        coverage_50, coverage_90: shares of unseen values within the intervals that were to hold 50 and 90 %.
    """

    psnr: float
    psnr_unseen: float
    nll: float
    coverage_50: float
    coverage_90: float


@dataclass(frozen=True)
class Periodic:
    """What is known of a signal's period.

    Attributes:
        period: in `unit`, that of the axis.
        unit: as "s" or "samples".
        harmonics: how many of it tell the samples best.
        told: share of the seen samples' variance about a line that they tell of samples left out; at most 1.
        estimated: whether the period was estimated, not given.
    """

    period: float
    unit: str
    harmonics: int
    told: float
    estimated: bool


@dataclass(frozen=True)
class Completed:
    """A signal of which some samples were seen.

    Attributes:
        mean: what is expected, float32 (…, c) in the signal's units; seen samples are as they were.
        deviation: standard deviations, likewise; 0 where samples were seen.
        samples: signals as they might be, (draws, …, c).
        unseen: where nothing was seen, bool (…).
        domain: of the signal.
        method: "exponential", "harmonics", or the base's.
        degrees: of freedom of Student's distribution of single values; infinite where it is Gauss's.
        field: that was adapted to what was seen, where the method has one.
        periodic: the period in the axis's unit, and what was found with it; None without one.
    """

    mean: Float[np.ndarray, "*shape c"]
    deviation: Float[np.ndarray, "*shape c"]
    samples: Float[np.ndarray, "s *shape c"]
    unseen: Bool[np.ndarray, "*shape"]
    domain: Domain
    method: str
    degrees: float
    field: Field | None = None
    periodic: Periodic | None = None

    def interval(self, share: float) -> tuple[Float[np.ndarray, "*shape c"], Float[np.ndarray, "*shape c"]]:
        """The lower and the upper ends of the intervals in which values lie with some probability, each by itself.

        Args:
            share: that probability, between 0 and 1.

        Returns:
            Both in the signal's units, float32 (…, c).
        """
        if not 0 < share < 1:
            raise InrError(f"an interval holds a share between 0 and 1 of what may be, got {share:g}")
        reach = self._scale() * self._distribution().ppf(0.5 + share / 2)
        return (self.mean - reach).astype(np.float32), (self.mean + reach).astype(np.float32)

    def compare(self, truth: Any) -> Figures:
        """Measure it by the true signal.

        Args:
            truth: as of `inr.fit`, on the same grid.

        Raises:
            InrError: another grid, or no unseen samples.
        """
        signal = as_signal(truth)
        true = np.asarray(signal.array, dtype=np.float64)
        if true.shape != self.mean.shape:
            raise InrError(f"the true signal is of shape {true.shape}, and the completed one of {self.mean.shape}")
        if not self.unseen.any():
            raise InrError("all samples were seen: there is nothing to compare")
        span = signal.domain.values.data_range
        missed, scale = (true - self.mean)[self.unseen], self._scale()[self.unseen].astype(np.float64)
        density = self._distribution().logpdf(missed / scale) - np.log(scale / (span / 2))
        within = [np.abs(missed) <= scale * self._distribution().ppf(0.5 + share / 2) for share in (0.5, 0.9)]
        return Figures(
            psnr(true, self.mean, data_range=span), psnr(true[self.unseen], self.mean[self.unseen], data_range=span),
            -float(density.mean()), *(float(each.mean()) for each in within),
        )  # fmt: skip

    def _distribution(self) -> Any:
        return stats.norm if math.isinf(self.degrees) else stats.t(self.degrees)

    def _scale(self) -> np.ndarray:
        return self.deviation / wider(self.degrees)


def complete(
    signal: Any,
    mask: Any = None,
    *,
    base: Base | str | os.PathLike[str] | None = None,
    period: float | str | None = None,
    samples: int = 4,
    seed: int = 0,
) -> Completed:
    """Tell the unseen samples of a signal from the seen ones, and how sure that is.

    Without a base it is a Gaussian process with an exponential covariance, whose length and variance are the likeliest
    ones. A base of method gaussian is a Gaussian process with the covariance of the signals that it was learned from;
    one of method neural-process tells means and scales itself. Fields of all others are adapted to the seen samples;
    how far such a field is from what it has not seen, they find out by leaving out a fifth of them at a time, and a
    Gaussian process with an exponential covariance of these errors corrects the field and tells the deviations.

    With a period a signal of one axis is a line and the harmonics of that period, by ridge regression in closed form,
    and an exponential covariance is that of what is missed by samples that are left out.

    What the values of unseen samples are in the signal, numbers or NaN, changes nothing.

    Args:
        signal: as of `inr.fit`, on a grid, of up to some thousand samples.
        mask: where samples are unseen: bool of the grid's shape; or a picture of the mask, bright where they are, or
            its path. None: those that the signal lacks.
        base: what was learned from similar signals, or the path of its file. Its value range is taken for the signal's.
        period: in the unit of the axis, as seconds of a sound and samples of an array; "auto": estimated from what is
            seen.
        samples: how many signals to draw.
        seed: decides these.

    Returns:
        Mean, standard deviations and samples.

    Raises:
        InrError: a mask of another size, too few seen samples or no unseen one, a signal that is too large or of
            another sort.

    >>> picture = np.add.outer(np.arange(8.0), np.arange(6.0))
    >>> unseen = np.zeros((8, 6), bool); unseen[2:4, 2:5] = True
    >>> found = inr.priors.complete(picture, unseen, samples=2)
    >>> found.mean.shape, found.samples.shape, bool((found.deviation[2:4, 2:5] > 0).all())
    ((8, 6, 1), (2, 8, 6, 1), True)
    """
    if samples < 0:
        raise InrError(f"the number of samples is 0 or more, got {samples}")
    given = None if base is None else as_base(base)
    source = as_signal(signal)
    unseen = _unseen(source, mask)
    domain, values = _seen(source, unseen, given)
    if given is not None:
        given.check(domain)
    seen = np.flatnonzero(~unseen)
    check_size(len(seen) * domain.channels)
    periodic = None
    if period is None:
        posterior, degrees, field = _posterior(given, domain, seen, values, samples, seed)
    else:
        if given is not None:
            raise InrError("a period and a base are two ways of telling unseen samples: give one of them")
        periodic, process = _periodic(domain, period, seen, values)
        posterior, degrees, field = condition(process, seen, values, samples, seed), process.degrees, None
    shape = (*unseen.shape, domain.channels)
    half = np.subtract(domain.values.high, domain.values.low) / 2
    mean = domain.values.restore(posterior.mean.reshape(shape)).astype(np.float32)
    mean[~unseen] = source.array[~unseen]
    return Completed(
        mean, (half * posterior.deviation.reshape(shape)).astype(np.float32),
        domain.values.restore(posterior.draws.reshape(-1, *shape)).astype(np.float32), unseen, domain,
        _name(given, periodic), degrees, field, periodic,
    )  # fmt: skip


def _name(base: Base | None, periodic: Periodic | None) -> str:
    if base is not None:
        name: str = base.method.config()["name"]
        return name
    return EXPONENTIAL if periodic is None else HARMONICS


def _periodic(domain: Domain, period: float | str, seen: np.ndarray, values: np.ndarray) -> tuple[Periodic, Process]:
    """The harmonics of a period, and the process of what they miss."""
    if domain.shape is None or len(domain.shape) != 1:
        raise InrError(f"a period is of signals of one axis, as sounds and series; this one has {domain.in_dim}")
    extent, axis = domain.shape[0], domain.axes[0]
    spacing = abs(axis.high - axis.low) / extent
    where = seen.astype(float)
    if isinstance(period, str) and period != "auto":
        raise InrError(f'a period is a number, or "auto", not {period!r}')
    samples = estimated_period(where, values, extent) if period == "auto" else float(period) / spacing
    try:
        found = harmonics(where, values, samples, extent)
    except InrError as error:
        raise InrError(f"{error} ({samples * spacing:g} {axis.unit})") from None
    told = 1 - found.error / max(line_error(where, values, extent), 1e-300)
    places = np.arange(extent, dtype=float)
    process = residual_process(
        places_of(places[:, None] * (2 / extent), domain.shape), found(places), seen, found.missed
    )
    return Periodic(samples * spacing, axis.unit, found.count, told, period == "auto"), process


def _unseen(signal: Signal, mask: Any) -> Bool[np.ndarray, "*shape"]:
    """Where samples are unseen."""
    if not isinstance(signal, GridSignal):
        raise InrError(f"completion is of signals on grids, and this is of kind {signal.domain.kind}")
    shape = signal.array.shape[:-1]
    unseen = np.zeros(shape, dtype=bool) if signal.missing is None else signal.missing.copy()
    if mask is not None:
        marked = mask if isinstance(mask, np.ndarray) and mask.dtype == bool else _bright(mask)
        if marked.shape != shape:
            ours, theirs = ("x".join(map(str, reversed(each))) for each in (shape, marked.shape))
            raise InrError(f"the mask is {theirs} and the signal {ours}: they must be of one size")
        unseen |= marked
    if (count := int((~unseen).sum())) < _LEAST:
        raise InrError(f"{count} samples are seen, and completion needs at least {_LEAST}")
    if not unseen.any():
        raise InrError("no sample is unseen: give a mask that is bright where some are, or a signal that lacks some")
    return unseen


def _bright(mask: Any) -> Bool[np.ndarray, "*shape"]:
    """Where a picture is brighter than half of its type's range."""
    found = as_signal(mask)
    array: Shaped[np.ndarray, "*shape c"] = found.array
    top = np.iinfo(array.dtype).max if array.dtype.kind in "ui" and array.max() > 1 else 1
    return np.any(array > top / 2, axis=-1)


def _seen(signal: Signal, unseen: np.ndarray, base: Base | None) -> tuple[Domain, np.ndarray]:
    """The domain, with a value range that nothing unseen tells, and the normalised values that are seen."""
    seen = signal.array[~unseen]
    if not np.isfinite(seen).all():
        raise InrError("a seen sample is not finite; mark it in the mask")
    values = usual_values(seen, signal.domain.kind) if base is None else base.domain.values
    domain = replace(signal.domain, values=values, missing=b"")
    return domain, values.normalise(seen.astype(np.float64))


def _posterior(
    base: Base | None, domain: Domain, seen: np.ndarray, values: np.ndarray, draws: int, seed: int
) -> tuple[Posterior, float, Field | None]:
    """The posterior of normalised values, degrees of freedom, and the adapted field."""
    assert domain.shape is not None
    coords = grid_coords(domain.shape, torch.arange(math.prod(domain.shape)))
    places = places_of(coords.numpy(), domain.shape)
    field = None
    if base is not None and isinstance(base.method, NeuralProcess):
        field = base.field(domain)
        context = Sampled(coords[torch.from_numpy(seen)], torch.from_numpy(values).float()[None])
        told = base.method.posterior(base.learned, field, coords, seen, values, draws, seed)
        return told, math.inf, base.filled(field, base.method.adapt(base.learned, field, context, None))
    if base is None:
        process = exponential_process(places, seen, values)
    elif isinstance(base.method, Gaussian):
        assert base.domain.shape is not None
        process = base.method.process(base.learned, domain, base.domain.shape, len(seen) / len(places))
    else:
        field, mean, missed = _adapted(base, domain, coords, seen, values)
        process = residual_process(places, mean, seen, missed)
    return condition(process, seen, values, draws, seed), process.degrees, field


def _adapted(
    base: Base, domain: Domain, coords: torch.Tensor, seen: np.ndarray, values: np.ndarray
) -> tuple[Field, np.ndarray, np.ndarray]:
    """The field that is adapted to what is seen, its values, and errors of such fields where they saw nothing."""
    field = base.field(domain)
    targets = torch.from_numpy(values).float()[None]
    places = torch.from_numpy(seen)

    def by(chosen: torch.Tensor) -> Adapted:
        return base.method.adapt(base.learned, field, Sampled(coords[places[chosen]], targets[:, chosen]), None)

    def told(adapted: Adapted, where: torch.Tensor) -> np.ndarray:
        shared = {name: each for name, each in base.weights.items() if name not in adapted.weights}
        with torch.no_grad():
            return values_of(field, shared, adapted.weights, where)[0].double().numpy()

    missed = np.empty_like(values)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(seen)))
    for part in order.tensor_split(min(_FOLDS, len(seen))):
        rest = torch.ones(len(seen), dtype=torch.bool)
        rest[part] = False
        missed[part.numpy()] = values[part.numpy()] - told(by(torch.nonzero(rest)[:, 0]), coords[places[part]])
    adapted = by(torch.arange(len(seen)))
    return base.filled(field, adapted), told(adapted, coords), missed
