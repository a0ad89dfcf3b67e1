"""Several fits of one signal, and what a sheet shows of them side by side."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from inr.diagnostics._curves import sample_rate
from inr.diagnostics._looks import Look, along, look_of, shares
from inr.diagnostics._pictures import shown_plane
from inr.diagnostics._regions import Region, picture_regions, run_regions
from inr.diagnostics._sampling import reference
from inr.signals import Signal

_DETAIL = 0.02  # seconds of sound in a region
_RUNS = 60  # regions of other curves are this part of them
_NEAR = 3.0  # times the smallest error, within which fits are worth telling apart
_FEWEST = 3
_CLIPPED = 0.03  # of the errors may lie beyond the scale


@dataclass(frozen=True)
class Contender:
    """A fit among others.

    Attributes:
        title: what it is called among them; note: what else is to be known.
        figures: psnr, holdout, ssim, snr, seconds, steps, parameters; NaN for what there is not.
        command: what makes it again.
        curve: (n, 3), steps, seconds and dB on the way.
        look: of the fit as a whole; None where it left nothing to be shown.
        estimate: the fit at flat indices (…) of the signal: (…, C), own units.
        ranked: whether it was finished, and takes part.
        parts: what the field is made of, in words.
    """

    title: str
    figures: Mapping[str, float]
    note: str = ""
    command: str = ""
    curve: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    look: Look | None = None
    estimate: Callable[[np.ndarray], np.ndarray] | None = None
    ranked: bool = True
    parts: str = ""


@dataclass(frozen=True)
class Close:
    """A region of the signal, or of a fit.

    Attributes:
        values: (h, w, C) or (n, C), own units. error: (h, w) or (n,) share of the signal's range, with its sign along
            a line; zeros for the signal itself.
    """

    values: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class Contest:
    """Fits of one signal, the best first.

    Attributes:
        name: the signal's. facts: what was equal for all, a line each.
        about_psnr: what dB are of, in words.
        earlier: fits with less of a budget, of which only figures are shown.
        command: what makes the best of them.
    """

    name: str
    signal: Signal
    contenders: Sequence[Contender]
    facts: Sequence[str] = ()
    about_psnr: str = ""
    earlier: Sequence[Contender] = ()
    command: str = ""
    _closes: dict[tuple[str, int], Close] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def shown(self) -> list[Contender]:
        """Those that left something to be shown."""
        return [one for one in self.contenders if one.look is not None]

    @cached_property
    def original(self) -> Look:
        """The signal as a whole."""
        return look_of(self.signal)

    @property
    def is_line(self) -> bool:
        """Whether there is one axis, and fits are shown as curves."""
        return self.signal.in_dim == 1

    @property
    def shows_whole(self) -> bool:
        """Whether fits are shown as a whole besides their regions, which may be all there is."""
        return self.is_line or len(self.regions) != 1

    @cached_property
    def indices(self) -> np.ndarray:
        """Flat indices of what regions are parts of: the plane (h, w) that is shown, or all samples (1, n) in order."""
        return along(self.signal)[0][None] if self.is_line else shown_plane(self.signal)

    @cached_property
    def regions(self) -> list[Region]:
        """What is shown closely; nothing of scattered samples in a plane or in space."""
        errors = self._peers()
        if not errors or (self.signal.domain.shape is None and not self.is_line):
            return []
        if not self.is_line:
            height, width = self.indices.shape
            return picture_regions(errors, (height, width))
        size = self.signal.size
        sound = self.signal.domain.kind == "audio"
        length = round(_DETAIL * sample_rate(self.signal.domain)) if sound else size // _RUNS
        return run_regions(errors, size, max(length, min(64, size)))

    def _peers(self) -> list[np.ndarray]:
        """Errors of the fits among which regions are to tell: not of those that have failed."""
        looks = [one.look for one in self.shown if one.look is not None and one.ranked]
        looks = looks or [one.look for one in self.shown if one.look is not None]
        sizes = [float(np.sqrt(np.nanmean(np.square(look.error)))) for look in looks]
        near = [look.error for look, size in zip(looks, sizes, strict=True) if size <= _NEAR * min(sizes)]
        return near if len(near) >= _FEWEST else [look.error for look in looks[:_FEWEST]]

    def close(self, region: Region, contender: Contender | None = None) -> Close:
        """A region of a fit, or of the signal itself."""
        key = region.name, id(contender)
        if key not in self._closes:
            self._closes[key] = self._close(region, contender)
        return self._closes[key]

    def _close(self, region: Region, contender: Contender | None) -> Close:
        indices = self.indices[region.part]
        original = reference(self.signal, indices)
        values = original if contender is None or contender.estimate is None else contender.estimate(indices)
        error = shares(values, original, self.signal)
        if self.is_line:
            return Close(values[0], error[0, :, 0])
        return Close(values, np.sqrt(np.square(error).mean(axis=2)))

    @cached_property
    def reach(self) -> float:
        """The error at the end of the scale that all maps have in common, a share of the signal's range.

        It is that of the better half of the fits, which worse ones may exceed.
        """
        errors = self._errors()
        worst = [float(np.nanquantile(np.abs(error), 1 - _CLIPPED)) for error in errors[: max(len(errors) // 2, 2)]]
        return rounded_up(max(worst, default=0.1))

    def _errors(self) -> list[np.ndarray]:
        """All errors of each fit that is shown, closely and as a whole."""
        return [
            np.concatenate(
                [one.look.error.ravel(), *(self.close(region, one).error.ravel() for region in self.regions)]
            )
            for one in self.shown
            if one.look is not None
        ]


def rounded_up(number: float) -> float:
    """The next of 1, 2, 5, 10, 20 … times a power of ten, from 0.0001 to 1."""
    steps = [factor * 10.0**power for power in range(-4, 1) for factor in (1, 2, 5)]
    return next((step for step in steps if step >= number * 0.999 and step <= 1), 1.0)


def tones(errors: np.ndarray, reach: float) -> np.ndarray:
    """Sizes of errors as numbers from 0 to 1: their roots, so that small ones can be told apart as well."""
    return np.sqrt(np.clip(np.nan_to_num(np.abs(errors)) / reach, 0, 1))
