"""What is kept of a fit so that sheets can show it beside others: the whole at a small scale, and its error there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt8

from inr.diagnostics._pictures import shown_plane
from inr.diagnostics._pixels import picture
from inr.diagnostics._sampling import estimate, reference
from inr.diagnostics._waveform import sample_rate, spectrogram
from inr.field import Execute, Field
from inr.signals import Signal

LONGEST_SIDE = 320  # pixels; larger pictures are averaged down
_ERROR_BINS = 1024  # along an only axis, at most
_CELLS_PER_SIDE = 96  # at most, of a map of scattered samples
_SPECTRUM_BINS = 96, 400  # frequencies and moments, at most
_SAMPLES_AT_ONCE = 65_536
SILENCE = -120.0  # dB, the least that a spectrum tells apart
NO_SAMPLES = (128, 128, 128)  # the colour of where there are none

Values = Callable[[np.ndarray], np.ndarray]  # flat indices (…) to values (…, C) in own units


@dataclass(frozen=True)
class Thumbnail:
    """A signal, or a fit, as a whole at a small scale.

    Attributes:
        error: root mean square of the difference from the signal in every pixel (h, w) float32, or in bins along the
            only axis (n,) float32, as a share of the signal's range; NaN where there is nothing.
        picture: (h, w, 3) uint8, of what has two axes or more; of videos and volumes the middle plane.
        spectrum: of a sound's difference, dB (frequency, time) float32; 0 dB is a full-scale square.
    """

    error: Float[np.ndarray, "h w"] | Float[np.ndarray, " n"]
    picture: UInt8[np.ndarray, "y x 3"] = field(default_factory=lambda: np.zeros((0, 0, 3), np.uint8))
    spectrum: Float[np.ndarray, "frequencies moments"] = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def arrays(self) -> Mapping[str, np.ndarray]:
        """By name, to be kept in a file; `Thumbnail(**arrays)` is the way back."""
        return {"error": self.error, "picture": self.picture, "spectrum": self.spectrum}


def thumbnail(model: Field, signal: Signal, execute: Execute | None = None) -> Thumbnail:
    """What a field comes to, at a small scale, beside its signal.

    Args:
        model: a field fitted to the signal.
        signal: what it was fitted to.
        execute: what evaluates the field at coordinates; the field itself by default.

    Returns:
        Samples of both, and what is measured of them, small enough to be kept for thousands of fits.

    >>> signal = inr.Signal.from_array(np.zeros((640, 320, 3), np.uint8))
    >>> field = inr.Field.build(signal.domain, network="mlp:depth=1,width=8")
    >>> inr.diagnostics.thumbnail(field, signal).picture.shape
    (320, 160, 3)
    """
    return _thumbnail(signal, lambda indices: estimate(model, signal, indices, execute))


def signal_thumbnail(signal: Signal) -> Thumbnail:
    """The thumbnail of the signal itself."""
    return _thumbnail(signal, lambda indices: reference(signal, indices))


def samples_along(signal: Signal) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Flat indices (n,) of the samples of a signal with one axis, from left to right, and their places in own units.

    On a grid these are the cells, whether their samples are there or not.
    """
    axis = signal.domain.axes[0]
    if signal.positions is not None:
        order = np.argsort(signal.positions[:, 0], kind="stable")
        return order, signal.positions[order, 0]
    count = len(signal.array)
    return np.arange(count), axis.low + (np.arange(count) + 0.5) * (axis.high - axis.low) / count


def range_shares(
    values: Shaped[np.ndarray, "*shape c"], original: Shaped[np.ndarray, "*shape c"], signal: Signal
) -> Float[np.ndarray, "*shape c"]:
    """Differences of values (…, C) as a share of the signal's range."""
    normalise = signal.domain.values.normalise
    return (normalise(values.astype(np.float32)) - normalise(original.astype(np.float32))) / 2


def _thumbnail(signal: Signal, values: Values) -> Thumbnail:
    if signal.in_dim == 1:
        return _line(signal, values)
    return _plane(signal, values) if signal.domain.shape is not None else _cells(signal, values)


def _plane(signal: Signal, values: Values) -> Thumbnail:
    plane = shown_plane(signal)
    factor = -(-max(plane.shape) // LONGEST_SIDE)
    rows = factor * max(_SAMPLES_AT_ONCE // (factor * plane.shape[1]), 1)
    means, squares = [], []
    for top in range(0, len(plane), rows):
        strip = plane[top : top + rows]
        found = values(strip)
        means.append(pooled(found, factor))
        squares.append(pooled(np.square(range_shares(found, reference(signal, strip), signal)), factor))
    error = np.sqrt(np.concatenate(squares).mean(axis=2))
    return Thumbnail(error.astype(np.float32), picture(np.concatenate(means), signal.domain))


def pooled(values: Float[np.ndarray, "h w c"], factor: int) -> Float[np.ndarray, "rows columns c"]:
    """Means of values (h, w, c) over squares of so many pixels; those at the edges may be smaller."""
    for axis in (0, 1):
        starts = np.arange(0, values.shape[axis], factor)
        counts = np.diff(np.append(starts, values.shape[axis]))
        shape = [1, 1, 1]
        shape[axis] = -1
        values = np.add.reduceat(values, starts, axis=axis) / counts.reshape(shape).astype(np.float32)
    return values


def _line(signal: Signal, values: Values) -> Thumbnail:
    indices, _ = samples_along(signal)
    difference = range_shares(values(indices), reference(signal, indices), signal)
    size = len(indices)
    starts = np.linspace(0, size, min(_ERROR_BINS, size), endpoint=False).astype(np.int64)
    counts = np.diff(np.append(starts, size))
    error = np.sqrt(np.add.reduceat(np.square(difference).mean(axis=1), starts) / counts)
    if signal.domain.kind != "audio" or size < 256:
        return Thumbnail(error.astype(np.float32))
    return Thumbnail(error.astype(np.float32), spectrum=_spectrum(2 * difference[:, 0], sample_rate(signal.domain)))


def _spectrum(difference: Float[np.ndarray, " n"], rate: float) -> Float[np.ndarray, "frequencies moments"]:
    """Power of a difference from -1 to 1, in few frequencies and moments, a full-scale square being 0 dB."""
    frequencies, moments = _SPECTRUM_BINS
    levels = spectrogram(difference, rate, moments)
    window = 2 * (levels.shape[0] - 1)
    power = 10.0 ** (levels / 10) / (window / 2) ** 2  # a Hann window of n samples has the sum n/2
    for axis, most in ((0, frequencies), (1, moments)):
        starts = np.linspace(0, power.shape[axis], min(most, power.shape[axis]), endpoint=False).astype(np.int64)
        counts = np.diff(np.append(starts, power.shape[axis]))
        power = np.add.reduceat(power, starts, axis=axis) / (counts[:, None] if axis == 0 else counts)
    return (10 * np.log10(np.maximum(power, 10 ** (SILENCE / 10)))).astype(np.float32)


def _cells(signal: Signal, values: Values) -> Thumbnail:
    """Means of scattered samples in squares of their first two coordinates."""
    assert signal.positions is not None
    side = int(np.clip(np.sqrt(signal.size / 4), 8, _CELLS_PER_SIDE))
    cells = np.zeros(signal.size, np.int64)
    for factor, axis in ((1, 0), (side, 1)):
        low, high = signal.domain.axes[axis].low, signal.domain.axes[axis].high
        share = (signal.positions[:, axis] - low) / (high - low)
        cells += factor * np.clip((share * side).astype(np.int64), 0, side - 1)
    indices = np.arange(signal.size)
    found = values(indices)
    squares = np.square(range_shares(found, reference(signal, indices), signal)).mean(axis=1)
    counts = np.bincount(cells, minlength=side * side)
    with np.errstate(invalid="ignore"):
        error = np.sqrt(np.bincount(cells, squares, side * side) / counts)
        means = np.stack([np.bincount(cells, column, side * side) / counts for column in found.T], axis=1)
    tones = picture(np.nan_to_num(means).reshape(side, side, -1), signal.domain).copy()
    tones[(counts == 0).reshape(side, side)] = NO_SAMPLES
    # upwards, as plots have it
    return Thumbnail(error.reshape(side, side)[::-1].astype(np.float32), tones[::-1])
