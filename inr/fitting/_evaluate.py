"""How well a field reproduces its signal."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from inr.field import Execute, Field
from inr.fitting._errors_kernel import add_errors
from inr.signals import GridSignal, OrientedSignal, ShapeSignal, Signal, block_ranges, snr, ssim

# points by which the insides of shapes are compared, everywhere and near the surface, and how near
_UNIFORM, _NEAR, _SPREAD = 1 << 17, 1 << 16, 0.01


def evaluate(field: Field, signal: Signal, *, execute: Execute | None = None, block: int = 16_384) -> dict[str, float]:
    """Measure a field against its whole signal.

    Predictions are clipped to the signal's range, which is known beforehand, as they are when they are written, but not
    rounded to its type.

    Args:
        field: what is measured.
        signal: what it should be.
        execute: what evaluates coordinates, float32 (n, d) to (n, c); the field itself by default.
        block: points evaluated at once.

    Returns:
        Numbers by name: psnr in dB over all samples and channels, every channel on its own range where they differ, and
        in own units rmse, the root of the mean squared error, and max_error, the largest; for grids also psnr_between,
        see `between_psnr`; for pictures ssim, for sounds snr in dB. Missing samples are left out of all of them.

        For shapes iou, the intersection over union of the insides of field and shape, by points that are uniform in
        the box, and iou_near, by points of the surface moved by N(0, 0.01) of half the box's side; where they have
        colours, psnr_colours, in dB, at points of the surface; of points of which
        no inside is known rmse and max_error, those of the field at the points, where it should be 0.
    """
    if isinstance(signal, ShapeSignal | OrientedSignal):
        return _of_shape(field, signal, execute or field, block)
    metrics = _on_samples(field, signal, execute, block)
    if isinstance(signal, GridSignal):
        metrics["psnr_between"] = between_psnr(field, signal, execute=execute, block=block)
    return metrics


@torch.no_grad()
def _of_shape(field: Field, signal: ShapeSignal | OrientedSignal, run: Execute, block: int) -> dict[str, float]:
    """What is measured of shapes."""

    def everything(points: np.ndarray) -> np.ndarray:
        blocks = torch.from_numpy(points.astype(np.float32)).split(block)
        return np.concatenate([run(part).float().cpu().numpy() for part in blocks])

    def values(points: np.ndarray) -> np.ndarray:
        return everything(points)[:, 0]

    if signal.solid is None:
        assert isinstance(signal, OrientedSignal)
        missed = np.abs(values(signal.sets[signal.SURFACE].coords)) * (field.domain.values.data_range / 2)
        return {"rmse": float(np.sqrt(np.square(missed, dtype=np.float64).mean())), "max_error": float(missed.max())}
    draw = np.random.default_rng(0)
    uniform = draw.uniform(-1, 1, (_UNIFORM, signal.in_dim))
    near, theirs = signal.solid.around(_NEAR, _SPREAD, draw)
    found = {
        "iou": _overlap(values(uniform) < 0, signal.solid.inside(uniform)),
        "iou_near": _overlap(values(near) < 0, theirs[:, 0] < 0),
    }
    if signal.channels > 1:
        surface, theirs = signal.solid.around(_NEAR, 0.0, draw)
        missed = everything(surface)[:, 1:].clip(-1, 1) - theirs[:, 1:]
        found["psnr_colours"] = decibels(float(np.square(missed).mean()))
    return found


def _overlap(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Intersection over union; 1 where both are empty."""
    union = int((ours | theirs).sum())
    return float((ours & theirs).sum() / union) if union else 1.0


def _on_samples(field: Field, signal: Signal, execute: Execute | None, block: int) -> dict[str, float]:
    """What is measured at the signal's own samples."""
    compared = signal.domain.kind in ("image", "audio")
    into = np.empty(signal.samples.shape, dtype=np.float32) if compared else None
    metrics = whole_errors(field, signal, execute=execute, block=block, into=into)
    if into is None:
        return metrics
    if signal.domain.kind == "audio":
        metrics["snr"] = snr(signal.samples, into)
    else:
        similarity = _similarity(signal, into)
        if similarity is not None:
            metrics["ssim"] = similarity
    return metrics


def _similarity(signal: Signal, estimate: np.ndarray) -> float | None:
    """SSIM of a picture's samples (size, C), whose missing ones count as equal and are left out of the mean."""
    missing = signal.missing if isinstance(signal, GridSignal) else None
    peak = signal.domain.values.data_range
    if missing is None:
        return ssim(signal.array, estimate.reshape(signal.array.shape), peak)
    whole = signal.array.astype(np.float32)
    whole[~missing] = estimate
    return ssim(signal.array, whole, peak, missing)


@torch.no_grad()
def whole_psnr(
    field: Field,
    signal: Signal,
    *,
    execute: Execute | None = None,
    block: int = 16_384,
) -> float:
    """PSNR in dB of the clipped field on the whole signal, in normalised values, whose range is 2.

    Args:
        field: what is measured.
        signal: what it should be.
        execute: what evaluates coordinates, float32 (n, d) to (n, c); the field itself by default.
        block: points evaluated at once.

    Returns:
        The PSNR; infinite where nothing differs, NaN where the field has no numbers.
    """
    return whole_errors(field, signal, execute=execute, block=block)["psnr"]


@torch.no_grad()
def whole_errors(
    field: Field,
    signal: Signal,
    *,
    execute: Execute | None = None,
    block: int = 16_384,
    into: np.ndarray | None = None,
) -> dict[str, float]:
    """How far the clipped field is from all samples of a signal.

    Args:
        field, signal, execute, block: as of `evaluate`.
        into: float32 (size, c) that takes the clipped field in own units, for further measures of the same pass.

    Returns:
        psnr of normalised values, in dB; rmse and max_error in own units.
    """
    halves = np.diff((signal.domain.values.low, signal.domain.values.high), axis=0)[0] / 2
    squares, largest = np.zeros(signal.channels), np.zeros(signal.channels)
    start, total = 0, 0.0
    for measured, values in _measured_blocks(field, signal, execute, block):
        # by a kernel: torch would wake threads of its own, which then stand in the way of an engine's
        total = add_errors(measured, values.numpy(), squares, largest)
        if into is not None:
            np.clip(measured, -1, 1, out=into[start : start + len(values)])
            field.domain.values.restore_(into[start : start + len(values)])
        start += len(values)
    count = signal.size * signal.channels
    return {
        "psnr": decibels(total / count),
        "rmse": float(halves.max()) * math.sqrt(float((squares * np.square(halves / halves.max())).sum()) / count),
        "max_error": float((largest * halves).max()),
    }


@torch.no_grad()
def between_psnr(
    field: Field, signal: GridSignal, *, execute: Execute | None = None, block: int = 16_384, places: int = 65_536
) -> float:
    """PSNR in dB of the clipped field between the samples, against the continuous signal that these stand for.

    Args:
        field: what is measured.
        signal: on a grid; its interpolant is what the field is compared with, see `inr.signals.Interpolant`.
        execute: what evaluates coordinates, float32 (n, d) to (n, c); the field itself by default.
        block: points evaluated at once.
        places: how many, at most as many as there are samples: the same ones for every field of a signal.

    Returns:
        The PSNR of normalised values, whose range is 2; infinite where nothing differs.
    """
    run = execute or field
    draw = np.random.default_rng(0)
    count = min(places, signal.size)
    indices = torch.from_numpy(np.sort(draw.choice(signal.size, count, replace=False)))
    shifts = torch.from_numpy(draw.random((count, signal.in_dim), dtype=np.float32) - np.float32(0.5))
    squares = 0.0
    for start, stop in block_ranges(count, block):
        part, shift = indices[start:stop], shifts[start:stop]
        estimate = run(signal.shifted_coords(part, shift)).float().cpu().numpy()
        error = np.clip(estimate, -1, 1) - np.clip(signal.interpolated(part, shift).numpy(), -1, 1)
        squares += float(np.square(error, dtype=np.float64).sum())
    return decibels(squares / (count * signal.channels))


def _measured_blocks(
    field: Field, signal: Signal, execute: Execute | None, block: int
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """The field measured at a signal's samples, in order, and the samples' values, normalised."""
    for coords, values in signal.blocks(block):
        yield field.measure(coords, execute=execute).numpy(), values


def decibels(mean_squared_error: float) -> float:
    """PSNR of normalised values, whose range is 2.

    Args:
        mean_squared_error: of them.

    Returns:
        Decibels, infinite where nothing differs.
    """
    return 10 * math.log10(4 / mean_squared_error) if mean_squared_error != 0 else math.inf
