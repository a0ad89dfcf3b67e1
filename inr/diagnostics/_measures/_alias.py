"""Whether a field invents detail between the samples that it was fitted to."""

import numpy as np
import torch
from jaxtyping import Float

from inr.diagnostics._measures._bands import hann

FLOOR = 0.006  # of the power about the mean: what even good fits of pictures have above the samples' Nyquist frequency


def alias_power(values: Float[np.ndarray, "*shape c"]) -> float:
    """The power above half the Nyquist frequency of some axis, in samples at twice the density of a signal's own.

    Args:
        values: on the finer grid, about their mean, with a last axis of channels.

    Returns:
        Its share of all power; 0 of values that do not vary.
    """
    shape = values.shape[:-1]
    centred = (values - values.mean(axis=tuple(range(len(shape))))) * hann(shape)[..., None]
    power = np.square(np.abs(np.fft.fftn(centred, axes=tuple(range(len(shape)))))).sum(-1)
    within = np.ones(shape, dtype=bool)
    for axis, size in enumerate(shape):
        if size >= 8:
            low = np.abs(np.fft.fftfreq(size)) <= 0.25
            within &= low.reshape([-1 if other == axis else 1 for other in range(len(shape))])
    whole = float(power.sum())
    return float(power[~within].sum()) / whole if whole > 0 else 0.0


def alias_ratio(finer: Float[np.ndarray, "*finer c"], samples: Float[np.ndarray, "*shape c"]) -> float:
    """How much more detail finer than the samples a field has than there is when these are joined by lines.

    A field whose frequencies are too high for the samples agrees with them and swings between them: the power that
    it has above their Nyquist frequency tells.

    Args:
        finer: the field at twice the samples' density on the same place, as `twice_as_dense` lays it out.
        samples: the signal's samples there.

    Returns:
        The ratio of the powers beyond the samples' Nyquist frequency, the lines' being taken to be 0.6 % of the whole
        at least. Around 1 for a field that does no more than it should; 2 and more for one that is wrong between the
        samples.
    """
    return alias_power(finer) / max(alias_power(_joined_by_lines(samples)), FLOOR)


def invented_power(finer: Float[np.ndarray, "*finer c"], samples: Float[np.ndarray, "*shape c"]) -> float:
    """The power of the detail finer than the samples that a field has and lines between them have not.

    Args:
        finer, samples: as of `alias_ratio`.

    Returns:
        A mean square, in the square of the values' unit: what mean squared errors between the samples are larger by,
        where nothing of this detail is right.
    """
    share = alias_power(finer) - max(alias_power(_joined_by_lines(samples)), FLOOR)
    return max(share, 0.0) * float(np.square(finer - finer.mean(axis=tuple(range(finer.ndim - 1)))).mean())


def twice_as_dense(coords: Float[torch.Tensor, "n d"], shape: tuple[int, ...]) -> Float[torch.Tensor, "m d"]:
    """Places at half the spacing between the samples of a block of a grid: from the first sample on, half a step apart.

    Args:
        coords: of the block's samples in C order, columns in coordinate order (the last axis of the grid first).
        shape: of the block.

    Returns:
        (2^k n, d) in C order, each axis of more than one sample with twice as many places; the last of them lies half
        a step beyond the block.
    """
    dims = len(shape)
    grid = coords.reshape(*shape, dims)
    axes = []
    for axis, size in enumerate(shape):
        column = dims - 1 - axis
        line = grid.movedim(axis, 0).reshape(size, -1, dims)[:, 0, column]
        if size > 1:
            step = (line[-1] - line[0]) / (size - 1) / 2
            line = line[0] + step * torch.arange(2 * size)
        axes.append(line)
    mesh = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([each.flatten() for each in reversed(mesh)], dim=1)


def _joined_by_lines(samples: np.ndarray) -> np.ndarray:
    """Samples with the means of neighbours between them, the last repeated."""
    found = samples
    for axis in range(samples.ndim - 1):
        size = found.shape[axis]
        if size > 1:
            after = np.take(found, [*range(1, size), size - 1], axis)
            pairs = np.stack([found, (found + after) / 2], axis + 1)
            found = pairs.reshape(*found.shape[:axis], 2 * size, *found.shape[axis + 1 :])
    return found
