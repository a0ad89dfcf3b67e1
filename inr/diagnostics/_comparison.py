"""Several fits of one signal, and what a sheet or a page shows of them side by side."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from inr.diagnostics._pictures import shown_plane
from inr.diagnostics._regions import Region, line_regions, picture_regions
from inr.diagnostics._sampling import reference
from inr.diagnostics._thumbnail import Thumbnail, range_shares, samples_along, signal_thumbnail
from inr.diagnostics._waveform import sample_rate
from inr.signals import Signal

_REGION_SECONDS = 0.02  # of sound in a region
_REGIONS_PER_LINE = 60  # of other curves, one region is so small a part
_PEER_ERROR = 3.0  # times the smallest error, within which fits are worth telling apart
_FEWEST_PEERS = 3
_SHARE_BEYOND_SCALE = 0.03  # of the errors, which may be larger than the scale shows


@dataclass(frozen=True)
class Run:
    """One fit among others.

    Attributes:
        title: what it is called among them.
        metrics: psnr, between, holdout, ssim and snr in dB or as a number, seconds, steps, parameters; NaN for what
            there is not.
        note: what else is to be known.
        command: what makes it again.
        curve: (n, 3) float64, steps, seconds and dB on the way.
        thumbnail: of the fit as a whole; None where it left nothing to be shown.
        estimate: the fit at flat indices (…), int64, of the signal: (…, C) float32, own units.
        ranked: whether it was finished, and takes part.
        parts: what the field is made of, in words.
        deviation: how far single fits deviate from `metrics`, where these are means of several: by the same names.
    """

    title: str
    metrics: Mapping[str, float]
    note: str = ""
    command: str = ""
    curve: Float[np.ndarray, "n 3"] = field(default_factory=lambda: np.zeros((0, 3)))
    thumbnail: Thumbnail | None = None
    estimate: Callable[[np.ndarray], np.ndarray] | None = None
    ranked: bool = True
    parts: str = ""
    deviation: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Crop:
    """A region of the signal, or of a fit.

    Attributes:
        values: (h, w, C) or (n, C) float32, own units.
        error: (h, w) or (n,) float32, share of the signal's range, with its sign along a line; zeros for the signal
            itself.
    """

    values: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """Fits of one signal side by side, the best first.

    Attributes:
        name: the signal's.
        signal: what all of them fit.
        runs: the fits.
        facts: what was equal for all, a line each.
        about_psnr: what dB are of, in words.
        earlier: fits with less of a budget, of which only the metrics are shown.
        command: what makes the best of them.
        signals: how many signals metrics are means over; the first is the one that is shown.
    """

    name: str
    signal: Signal
    runs: Sequence[Run]
    facts: Sequence[str] = ()
    about_psnr: str = ""
    earlier: Sequence[Run] = ()
    command: str = ""
    signals: int = 1
    _crops: dict[tuple[str, int], Crop] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def shown(self) -> list[Run]:
        """Those that left something to be shown."""
        return [run for run in self.runs if run.thumbnail is not None]

    @cached_property
    def original(self) -> Thumbnail:
        """The signal as a whole."""
        return signal_thumbnail(self.signal)

    @property
    def is_line(self) -> bool:
        """Whether there is one axis, and fits are shown as curves."""
        return self.signal.in_dim == 1

    @property
    def shows_whole(self) -> bool:
        """Whether fits are shown as a whole besides their regions, which may be all there is."""
        return self.is_line or len(self.regions) != 1

    @cached_property
    def indices(self) -> Int[np.ndarray, "h w"]:
        """Flat indices of what regions are parts of: the plane (h, w) that is shown, or all samples (1, n) in order."""
        return samples_along(self.signal)[0][None] if self.is_line else shown_plane(self.signal)

    @cached_property
    def regions(self) -> list[Region]:
        """What is shown closely; nothing of scattered samples in a plane or in space."""
        errors = self._errors_of_peers()
        if not errors or (self.signal.domain.shape is None and not self.is_line):
            return []
        if not self.is_line:
            height, width = self.indices.shape
            return picture_regions(errors, (height, width))
        size = self.indices.size
        sound = self.signal.domain.kind == "audio"
        length = round(_REGION_SECONDS * sample_rate(self.signal.domain)) if sound else size // _REGIONS_PER_LINE
        return line_regions(errors, size, max(length, min(64, size)))

    def _errors_of_peers(self) -> list[np.ndarray]:
        """Errors of the fits among which regions are to tell: not of those that have failed."""
        errors = [run.thumbnail.error for run in self.shown if run.thumbnail is not None and run.ranked]
        errors = errors or [run.thumbnail.error for run in self.shown if run.thumbnail is not None]
        sizes = [float(np.sqrt(np.nanmean(np.square(error)))) for error in errors]
        near = [error for error, size in zip(errors, sizes, strict=True) if size <= _PEER_ERROR * min(sizes)]
        return near if len(near) >= _FEWEST_PEERS else errors[:_FEWEST_PEERS]

    def crop(self, region: Region, run: Run | None = None) -> Crop:
        """A region of a fit, or of the signal itself."""
        key = region.name, id(run)
        if key not in self._crops:
            self._crops[key] = self._cropped(region, run)
        return self._crops[key]

    def _cropped(self, region: Region, run: Run | None) -> Crop:
        indices = self.indices[region.part]
        original = reference(self.signal, indices)
        values = original if run is None or run.estimate is None else run.estimate(indices)
        error = range_shares(values, original, self.signal)
        if self.is_line:
            return Crop(values[0], error[0, :, 0])
        return Crop(values, np.sqrt(np.square(error).mean(axis=2)))

    @cached_property
    def error_scale(self) -> float:
        """The error at the end of the scale that all maps have in common, a share of the signal's range.

        It is that of the better half of the fits, which worse ones may exceed.
        """
        better = self._errors()[: max(len(self.shown) // 2, 2)]
        largest = [float(np.nanquantile(np.abs(error), 1 - _SHARE_BEYOND_SCALE)) for error in better]
        return rounded_up(max(largest, default=0.1))

    def _errors(self) -> list[np.ndarray]:
        """All errors of each fit that is shown, closely and as a whole."""
        return [
            np.concatenate(
                [run.thumbnail.error.ravel(), *(self.crop(region, run).error.ravel() for region in self.regions)]
            )
            for run in self.shown
            if run.thumbnail is not None
        ]


def rounded_up(number: float) -> float:
    """The next of 1, 2, 5, 10, 20 … times a power of ten, from 0.0001 to 1."""
    steps = [factor * 10.0**power for power in range(-4, 1) for factor in (1, 2, 5)]
    return next((step for step in steps if step >= number * 0.999 and step <= 1), 1.0)


def error_tones(errors: Float[np.ndarray, "*shape"], scale: float) -> Float[np.ndarray, "*shape"]:
    """Sizes of errors as numbers from 0 to 1: their roots, so that small ones can be told apart as well."""
    return np.sqrt(np.clip(np.nan_to_num(np.abs(errors)) / scale, 0, 1))
