"""The pieces of a sheet of several fits: regions and their errors as pixels, or as charts where there is one axis."""

import numpy as np
from PIL import Image

from inr.diagnostics._chart import Chart, Curve, Shape, Words
from inr.diagnostics._contest import Close, Contender, Contest, tones
from inr.diagnostics._looks import SILENCE, Look, along
from inr.diagnostics._pixels import picture
from inr.diagnostics._plot import heat
from inr.diagnostics._regions import Region

TILE = 192  # pixels a side of an enlarged region
BLANK = (128, 128, 128)
_CHART = 316, TILE
_PAD = 10
_UPPER, _LOWER = 112, 134  # where a chart's curves end, and where their difference begins


def region_pixels(contest: Contest, region: Region, contender: Contender | None = None) -> np.ndarray:
    """A region of a fit, or of the signal, as uint8 RGB."""
    return picture(contest.close(region, contender).values, contest.signal.domain)


def error_pixels(error: np.ndarray, reach: float) -> np.ndarray:
    """Errors (h, w) on the scale that all have in common, as uint8 RGB."""
    colours = heat(tones(error, reach))
    colours[np.isnan(error)] = BLANK
    return colours


def whole_error(contest: Contest, look: Look) -> np.ndarray:
    """All of a fit's error: a map, or a sound's spectrogram of it, as uint8 RGB."""
    if not contest.is_line:
        return error_pixels(look.error, contest.reach)
    loudest = spectrum_top(contest)
    return heat(np.clip((look.spectrum[::-1] - SILENCE) / (loudest - SILENCE), 0, 1))


def spectrum_top(contest: Contest) -> float:
    """dB at the bright end of the scale that all spectrograms have in common."""
    tops = [float(one.look.spectrum.max()) for one in contest.shown if one.look is not None and one.look.spectrum.size]
    return max([*tops, SILENCE + 20])


def has_spectra(contest: Contest) -> bool:
    """Whether the whole of a fit's error is shown as a spectrogram."""
    return any(one.look is not None and one.look.spectrum.size for one in contest.shown)


def enlarged(pixels: np.ndarray, side: int = TILE) -> Image.Image:
    """Pixels in whole squares, as large as fit a square of `side`; averaged down where they are more."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    longest = max(image.size)
    if longest <= side:
        factor = side // longest
        return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    scale = side / longest
    size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
    return image.resize(size, Image.Resampling.BOX)


def region_chart(contest: Contest, region: Region, contender: Contender | None = None) -> Chart:
    """A run of a signal, with that of a fit over it and the error below, on the scale that all have in common."""
    width, height = _CHART
    places = along(contest.signal)[1][region.part[1]]
    original = contest.close(region)
    across = _spread(places, float(places[0]), float(places[-1]), _PAD, width - _PAD)
    low, high = _limits(contest, region, original)
    shapes: list[Shape] = [Curve([(_PAD, _LOWER - 3.0), (width - _PAD, _LOWER - 3.0)], "rule", 1)]
    shapes.append(_curve(across, original.values[:, 0], low, high, _UPPER, 8, "original", 3.0))
    if contender is not None:
        fit = contest.close(region, contender)
        shapes.append(_curve(across, fit.values[:, 0], low, high, _UPPER, 8, "fit", 1.4))
        shapes.append(_curve(across, fit.error, -contest.reach, contest.reach, height - 6, _LOWER, "error", 1.2))
        shapes.append(Words((width - _PAD, _LOWER - 11.0), f"error, ±{percent(contest.reach)}", "faint", 9, "end"))
    return Chart(width, height, shapes, f"region {region.name}")


def envelope_chart(contest: Contest, look: Look) -> Chart:
    """The size of a fit's error along all of the axis."""
    width, height = _CHART
    across = np.linspace(_PAD, width - _PAD, len(look.error))
    shapes: list[Shape] = [Curve([(_PAD, height - 24.0), (width - _PAD, height - 24.0)], "rule", 1)]
    shapes.append(_curve(across, look.error, 0, contest.reach, height - 24, 20, "error", 1.2))
    shapes.append(Words((_PAD, 10), f"error, up to {percent(contest.reach)}", "faint", 9))
    return Chart(width, height, shapes, "error along the axis")


def percent(share: float) -> str:
    """0.02 as '2 %'."""
    return f"{100 * share:.3g} %"


def scale_marks(reach: float) -> list[tuple[float, str]]:
    """Places on the scale of errors, from 0 to 1, and what they stand for."""
    marks = [(float(np.sqrt(share)), percent(share * reach)) for share in (0.0, 0.05, 0.25, 1.0)]
    return [*marks[:-1], (1.0, f"{marks[-1][1]} or more")] if reach < 1 else marks


def scale_pixels(width: int, height: int) -> np.ndarray:
    """The scale of colours, from left to right."""
    return heat(np.tile(np.linspace(0, 1, width), (height, 1)))


def _limits(contest: Contest, region: Region, original: Close) -> tuple[float, float]:
    """The values that a chart spans: the signal's in this region, with some room."""
    low, high = float(original.values[:, 0].min()), float(original.values[:, 0].max())
    room = max(0.15 * (high - low), 0.02 * contest.signal.domain.values.data_range)
    return low - room, high + room


def _curve(
    across: np.ndarray, values: np.ndarray, low: float, high: float, bottom: float, top: float, ink: str, width: float
) -> Curve:
    up = _spread(values, low, high, bottom, top)
    return Curve([(float(x), float(y)) for x, y in zip(across, up, strict=True)], ink, width)


def _spread(numbers: np.ndarray, low: float, high: float, start: float, stop: float) -> np.ndarray:
    share = (np.nan_to_num(np.asarray(numbers, np.float64)) - low) / max(high - low, 1e-12)
    return start + np.clip(share, 0, 1) * (stop - start)
