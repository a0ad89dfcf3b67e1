"""Comparison sheets of pictures, frames of videos and slices of volumes."""

import numpy as np
from jaxtyping import Float, Int, Shaped

from inr.diagnostics._layout import Panel
from inr.diagnostics._pixels import LONGEST_SIDE, error_picture, fitted, picture
from inr.diagnostics._sampling import estimate, reference
from inr.field import Execute, Field
from inr.signals import Signal

_LONGEST_SIDE_IN_ROWS = 640  # pixels, of a panel where there are several rows


def picture_rows(field: Field, signal: Signal, execute: Execute | None = None) -> list[list[Panel]]:
    """A picture: original, fit and error; of a large one also a crop at full resolution where the error is largest."""
    plane = _plane(signal, {})
    original, fit = reference(signal, plane), estimate(field, signal, plane, execute)
    height, width = plane.shape
    rows = [_row(original, fit, signal, f"{width} x {height}", LONGEST_SIDE)]
    if max(plane.shape) >= 2 * LONGEST_SIDE:
        # as many pixels as the whole is shown with
        crop = max(height * LONGEST_SIDE // max(plane.shape), 1), max(width * LONGEST_SIDE // max(plane.shape), 1)
        top, left = _worst(original, fit, crop)
        part = slice(top, top + crop[0]), slice(left, left + crop[1])
        note = f"at {left}, {top}: where the error is largest"
        rows.append(_row(original[part], fit[part], signal, note, LONGEST_SIDE))
    return rows


def video_rows(field: Field, signal: Signal, execute: Execute | None = None) -> list[list[Panel]]:
    """The first, the middle and the last frame of a video."""
    count = _shape(signal)[0]
    chosen = sorted({0, count // 2, count - 1})
    return [_plane_row(field, signal, _plane(signal, {0: i}), f"frame {i + 1} of {count}", execute) for i in chosen]


def volume_rows(field: Field, signal: Signal, execute: Execute | None = None) -> list[list[Panel]]:
    """The three middle slices of a volume; of the middle moment, where there are four axes."""
    shape = _shape(signal)
    moment = {0: shape[0] // 2} if len(shape) == 4 else {}
    rows = []
    for place, name in enumerate("zyx", start=len(moment)):
        middle = shape[place] // 2
        plane = _plane(signal, moment | {place: middle})
        others = [other for other in "zyx" if other != name]
        note = f"{signal.domain.axes['xyz'.index(name)].name} = {middle + 1} of {shape[place]}"
        rows.append(_plane_row(field, signal, _upright(plane, others, signal), note, execute))
    return rows


def middle_plane(signal: Signal) -> Int[np.ndarray, "h w"]:
    """Flat indices (h, w) of a picture, a video's middle frame, or a volume's middle slice."""
    shape = _shape(signal)
    fixed = {axis: shape[axis] // 2 for axis in range(len(shape) - 2)}
    return _plane(signal, fixed)


def shown_plane(signal: Signal) -> Int[np.ndarray, "h w"]:
    """As `middle_plane`, with slices of volumes the way they are looked at."""
    plane = middle_plane(signal)
    return _upright(plane, ["y", "x"], signal) if signal.domain.kind == "volume" and signal.in_dim > 2 else plane


def _shape(signal: Signal) -> tuple[int, ...]:
    assert signal.domain.shape is not None
    return signal.domain.shape


def _plane(signal: Signal, fixed: dict[int, int]) -> Int[np.ndarray, "h w"]:
    """Flat indices of the samples whose array axes `fixed` stand where it says; the two other axes remain."""
    shape = _shape(signal)
    places = [np.array([fixed[axis]]) if axis in fixed else np.arange(size) for axis, size in enumerate(shape)]
    return np.squeeze(np.ravel_multi_index(np.ix_(*places), shape), axis=tuple(fixed))


def _plane_row(
    field: Field, signal: Signal, plane: Int[np.ndarray, "h w"], note: str, execute: Execute | None
) -> list[Panel]:
    """Original, fit and error of a plane of samples, given by their indices."""
    return _row(reference(signal, plane), estimate(field, signal, plane, execute), signal, note, _LONGEST_SIDE_IN_ROWS)


def _row(
    original: Shaped[np.ndarray, "h w c"], fit: Float[np.ndarray, "h w c"], signal: Signal, note: str, longest: int
) -> list[Panel]:
    error, factor = error_picture(original, fit, signal.domain)
    return [
        Panel(fitted(picture(original, signal.domain), longest), "original", note),
        Panel(fitted(picture(fit, signal.domain), longest), "fit"),
        Panel(fitted(error, longest), "error", f"x{factor}"),
    ]


def _upright(plane: Int[np.ndarray, "h w"], names: list[str], signal: Signal) -> Int[np.ndarray, "rows columns"]:
    """A slice as it is looked at: scanner axes point up, and voxels get their shape back."""
    affine = signal.domain.meta.get("affine")
    row = "xyz".index(names[0])
    if affine is not None and affine[row][row] > 0:
        plane = plane[::-1]
    axes = [signal.domain.axes["xyz".index(name)] for name in names]
    if len({axis.unit for axis in axes}) > 1:
        return plane
    steps = [abs(axis.high - axis.low) / (axis.size or 1) for axis in axes]
    for index, step in enumerate(steps):
        plane = np.repeat(plane, min(max(round(step / min(steps)), 1), 16), axis=index)
    return plane


def _worst(
    original: Shaped[np.ndarray, "h w c"], fit: Float[np.ndarray, "h w c"], crop: tuple[int, int]
) -> tuple[int, int]:
    """Top left corner of the crop with the largest squared error, among corners half a crop apart."""
    down, across = (max(side // 2, 1) for side in crop)
    height, width = fit.shape[:2]
    energy = np.zeros((-(-height // down), -(-width // across)))
    for index, top in enumerate(range(0, height, down)):
        strip = slice(top, top + down)
        squares = np.nansum(np.square(fit[strip] - original[strip].astype(np.float32)), axis=(0, 2))
        energy[index] = np.add.reduceat(squares, np.arange(0, width, across))
    padded = np.pad(energy, ((0, 1), (0, 1)))
    crops = padded[:-1, :-1] + padded[1:, :-1] + padded[:-1, 1:] + padded[1:, 1:]
    row, column = divmod(int(np.argmax(crops)), crops.shape[1])
    return max(min(row * down, height - crop[0]), 0), max(min(column * across, width - crop[1]), 0)
