"""The sheet that shows which samples a teacher drew."""

import math
import os
from pathlib import Path

import numpy as np
from jaxtyping import Float

from inr._errors import InrError
from inr._files import replacing
from inr.diagnostics._layout import Panel, page
from inr.diagnostics._pictures import middle_plane
from inr.diagnostics._pixels import fitted, picture
from inr.diagnostics._plot import FIT, ORIGINAL, Plot, heat
from inr.diagnostics._sampling import reference
from inr.fitting import SampleCounts
from inr.signals import GridSignal, Signal

_OCTAVES = 3.0  # above and below uniform sampling, that colours tell apart
_LONGEST_SIDE = 480  # pixels, of a map
_WIDTH, _HEIGHT = 1200, 110  # pixels, of a curve
_BINS = 600  # along the axis, at most
_STAGES = ("first quarter", "second quarter", "third quarter", "last quarter")


def sample_counts_sheet(
    sample_counts: SampleCounts, signal: Signal, path: str | os.PathLike[str], *, force: bool = False
) -> None:
    """Draw how often a teacher drew each sample, relative to uniform sampling, in the quarters of a fit, as a PNG.

    Of videos and volumes a middle plane is shown; over one axis, and of scattered samples over their first one, a
    curve.

    Args:
        sample_counts: how often each sample was learned from, in four stages.
        signal: whose samples they are.
        path: the PNG to write.
        force: whether to overwrite an existing file.

    Raises:
        InrError: another suffix than .png, an existing file without `force`, or one that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InrError(f"a sheet is a PNG; call it {path.with_suffix('.png')}")
    drawn = signal.domain.shape is not None and signal.in_dim > 1
    rows = _maps(sample_counts, signal) if drawn else _curves(sample_counts, signal)
    sheet = page("samples that the teacher drew, relative to uniform sampling", rows)
    with replacing(path, force=force) as temporary:
        sheet.save(temporary, format="PNG")


def _maps(sample_counts: SampleCounts, signal: Signal) -> list[list[Panel]]:
    plane = middle_plane(signal)
    shown = Panel(fitted(picture(reference(signal, plane), signal.domain), _LONGEST_SIDE), "signal")
    preference = _over_grid(sample_counts.relative(), signal)[:, plane]
    maps = [
        Panel(fitted(heat(_shades(stage)), _LONGEST_SIDE), caption, _spread(stage))
        for stage, caption in zip(preference, _STAGES, strict=True)
    ]
    scale = heat(np.tile(np.linspace(0, 1, 256), (24, 1)))
    key = Panel(fitted(scale, _LONGEST_SIDE), "scale", "1/8 of uniform sampling or less, to 8 times as often or more")
    return [[shown, *maps[:2]], [key, *maps[2:]]]


def _over_grid(relative: Float[np.ndarray, "stages size"], signal: Signal) -> Float[np.ndarray, "stages cells"]:
    """By cells of the grid; a missing sample was never drawn."""
    if not isinstance(signal, GridSignal) or signal.cells is None:
        return relative
    found = np.zeros((len(relative), math.prod(signal.array.shape[:-1])), np.float32)
    found[:, signal.cells.numpy()] = relative
    return found


def _shades(preference: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """From 0 to 1: the middle is uniform sampling."""
    octaves = np.log2(np.maximum(preference, 2.0 ** -(2 * _OCTAVES)))
    return np.clip(octaves / (2 * _OCTAVES) + 0.5, 0, 1)


def _spread(preference: Float[np.ndarray, "*shape"]) -> str:
    """How uneven a map is, in words."""
    ordered = np.sort(preference, axis=None)[::-1]
    top = float(ordered[: max(len(ordered) // 10, 1)].sum()) / max(float(ordered.sum()), 1e-12)
    return f"{100 * top:.0f} % of draws on a tenth of the samples"


def _curves(sample_counts: SampleCounts, signal: Signal) -> list[list[Panel]]:
    """The signal, and for each quarter the density of draws in bins along the (first) axis."""
    axis = signal.domain.axes[0]
    span = (axis.low, axis.high)
    low, high = signal.domain.values.low[0], signal.domain.values.high[0]
    places = _places(signal)
    indices = np.linspace(0, len(places) - 1, min(len(places), 2 * _WIDTH)).astype(np.int64)
    plot = Plot((_WIDTH, _HEIGHT), span, (low, high), x_unit=axis.unit)
    values = reference(signal, indices)[:, 0]
    if signal.positions is None:
        plot.line(places[indices], values, ORIGINAL)
    else:
        plot.dots(places[indices], values, ORIGINAL, radius=1.5)
    rows = [[Panel(plot.image(), "signal")]]
    edges = np.linspace(*span, min(_BINS, len(places)) + 1)
    shares = (places - axis.low) / (axis.high - axis.low)
    bins = np.clip((shares * (len(edges) - 1)).astype(np.int64), 0, len(edges) - 2)
    samples = np.maximum(np.bincount(bins, minlength=len(edges) - 1), 1)
    for stage, caption in zip(_over_grid(sample_counts.relative(), signal), _STAGES, strict=True):
        density = np.bincount(bins, weights=stage, minlength=len(edges) - 1) / samples
        plot = Plot((_WIDTH, _HEIGHT), span, (0, max(float(density.max()), 1.0) * 1.05), x_unit=axis.unit)
        plot.line((edges[1:] + edges[:-1]) / 2, density, FIT)
        rows.append([Panel(plot.image(), caption, _spread(stage))])
    return rows


def _places(signal: Signal) -> Float[np.ndarray, " n"]:
    """Every sample's, or cell's, place on the first axis, in own units."""
    axis = signal.domain.axes[0]
    if signal.positions is not None:
        return signal.positions[:, 0]
    cells = len(signal.array)
    return axis.low + (np.arange(cells) + 0.5) * (axis.high - axis.low) / cells
