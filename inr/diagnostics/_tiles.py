"""Regions of fits and their errors as pixels."""

import numpy as np
from jaxtyping import Float, UInt8

from inr.diagnostics._comparison import Comparison, Run, error_tones
from inr.diagnostics._pixels import picture
from inr.diagnostics._plot import heat
from inr.diagnostics._regions import Region
from inr.diagnostics._thumbnail import NO_SAMPLES, SILENCE, Thumbnail

_LEAST_SPECTRUM_RANGE = 20.0  # dB


def region_pixels(comparison: Comparison, region: Region, run: Run | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """A region of a fit, or of the signal, as uint8 RGB."""
    return picture(comparison.crop(region, run).values, comparison.signal.domain)


def error_pixels(error: Float[np.ndarray, "h w"], scale: float) -> UInt8[np.ndarray, "h w 3"]:
    """Errors (h, w) on the scale that all have in common, as uint8 RGB."""
    colours = heat(error_tones(error, scale))
    colours[np.isnan(error)] = NO_SAMPLES
    return colours


def whole_error(comparison: Comparison, thumbnail: Thumbnail) -> UInt8[np.ndarray, "h w 3"]:
    """All of a fit's error: a map, or a sound's spectrogram of it, as uint8 RGB."""
    if not comparison.is_line:
        return error_pixels(thumbnail.error, comparison.error_scale)
    loudest = spectrum_top(comparison)
    return heat(np.clip((thumbnail.spectrum[::-1] - SILENCE) / (loudest - SILENCE), 0, 1))


def spectrum_top(comparison: Comparison) -> float:
    """dB at the bright end of the scale that all spectrograms have in common."""
    spectra = [run.thumbnail.spectrum for run in comparison.shown if run.thumbnail is not None]
    tops = [float(spectrum.max()) for spectrum in spectra if spectrum.size]
    return max([*tops, SILENCE + _LEAST_SPECTRUM_RANGE])


def has_spectra(comparison: Comparison) -> bool:
    """Whether the whole of a fit's error is shown as a spectrogram."""
    return any(run.thumbnail is not None and run.thumbnail.spectrum.size for run in comparison.shown)


def spectrum_marks(comparison: Comparison) -> list[tuple[float, str]]:
    """Places on the scale of spectrograms, from 0 to 1, and what they stand for."""
    top = spectrum_top(comparison)
    return [(share, f"{SILENCE + share * (top - SILENCE):.0f} dB") for share in (0.0, 0.5, 1.0)]
